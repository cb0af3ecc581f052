"""Find where quotes open and close in delimited text, and which physical lines form a record when some are damaged."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

# The limits of one record, in characters and in physical lines. A quote that is never closed would otherwise take the
# whole rest of the file with it.
MAX_RECORD_CHARS = 1_000_000
MAX_RECORD_LINES = 1_000
CLOSED, OPEN, BROKEN = "closed", "open", "broken"


class Scan(NamedTuple):
    """A reading of a line: its end state, the number of separators outside quotes, and whether no quote is stray."""

    state: str
    separators: int = 0
    clean: bool = False


class Scanner:
    """Reads the quotes of single lines."""

    def __init__(self, separator: str):
        self.separator = separator
        end = re.escape(separator)
        # Possessive quantifiers: no line can make these patterns backtrack.
        opened = r'"[^"]*+(?:""[^"]*+)*+'

        def shape(plain: str) -> re.Pattern[str]:
            return re.compile(rf'(?:(?:{opened}"|{plain}){end})*+(?:(?P<open>{opened})|{opened}"|{plain})\Z')

        self._readable, self._clean = shape(rf'(?!")[^{end}]*+'), shape(rf'(?!")[^{end}"]*+')
        # Only a quote before a separator, or at the end of the line, closes a cell.
        self._loose = re.compile(rf'"((?:[^"]|"(?! *(?:{end}|\Z)))*+)" *(?:{end}|\Z)|((?!")[^{end}]*+)(?:{end}|\Z)')

    def scan(self, line: str, *, inside: bool) -> Scan:
        """Read the line from its beginning; `inside`: an earlier quote is still open."""
        body = line.rstrip("\r\n")
        if '"' not in body:
            return Scan(OPEN, 0, True) if inside else Scan(CLOSED, body.count(self.separator), True)
        text = '"' + body if inside else body
        match = self._readable.match(text)
        if not match:
            return Scan(BROKEN)
        # The csv module counts them, because a separator inside quotes is none.
        separators = len(next(csv.reader((text,), delimiter=self.separator))) - 1 if self.separator in body else 0
        state = OPEN if match["open"] is not None else CLOSED
        return Scan(state, separators, self._clean.match(text) is not None)

    def lenient_readings(self, line: str) -> Iterator[list[str]]:
        """The possible readings of a line with misplaced quotes, likeliest first."""
        body = line.strip("\r\n")
        cells, position = [], 0
        while match := self._loose.match(body, position):
            cells.append((match[1] or "").replace('""', '"') if match[2] is None else match[2])
            position = match.end()
            if position == len(body):
                if body.endswith(self.separator):
                    cells.append("")
                yield [cell.strip() for cell in cells]
                break
        # A separator after the last cell is separate only if no quote is open there.
        *cells, mark = next(csv.reader((f"{body}{self.separator}.",), delimiter=self.separator))
        if mark == ".":
            yield [cell.strip() for cell in cells]


class _Totals(NamedTuple):
    """Cumulative sums over the lines scanned ahead, so that any range of them is evaluated at once.

    `stray`: lines with a stray quote when read inside quotes. `full_width`: lines that alone have as many cells as the
    header. `well_formed`: those of them without a stray quote.
    """

    characters: int = 0
    separators: int = 0
    stray: int = 0
    full_width: int = 0
    well_formed: int = 0


class _Line(NamedTuple):
    """A physical line scanned ahead, read inside quotes and on its own."""

    text: str
    inside: Scan
    alone: Scan
    before: _Totals
    after: _Totals


class _Closing(NamedTuple):
    """Where an open quote closes: `end` is the number of lines up to there, `cells` and `clean` describe the record."""

    end: int
    cells: int
    clean: bool


class LookAhead:
    """The physical lines to come. Looks ahead for closing quotes and scans each line only once for that."""

    def __init__(self, source: Iterator[str], separator: str, width: int):
        self.scanner = Scanner(separator)
        self._source, self._width = source, width
        self._lines: deque[_Line] = deque()
        self._totals = _Totals()
        self._passed = 0
        # A range of lines, counted from the first, in which an open quote stays open. Without it, a file in which every
        # line opens a quote would be scanned once for each line.
        self._open = (0, 0)

    def lines(self) -> Iterator[str]:
        """Yield every line once, in order, including the lines already scanned ahead."""
        # Between two lines the caller may look ahead, which moves lines from the source into the queue.
        while True:
            while self._lines:
                self._passed += 1
                yield self._lines.popleft().text
            for line in self._source:
                self._passed += 1
                yield line
                if self._lines:
                    break
            else:
                return

    def take(self, count: int) -> str:
        """Consume the next so many lines and return them as one text."""
        self._passed += count
        return "".join(self._lines.popleft().text for _ in range(count))

    def further_lines(self, first: Scan) -> int:
        """The number of further lines in the record whose first line ends inside quotes; 0 if it is damaged."""
        closing = self._find_closing_quote(0, first)
        if closing is None:
            return 0
        end, last = closing.end, closing.end - 1
        before, after = self._lines[0].before, self._lines[last].after
        # See Table: the well-formed record wins, unless the lines by themselves are records that leave no remains.
        if closing.cells == self._width and closing.clean:
            beyond = self._records_end(0, end)
            return 0 if beyond > end and not self._records_end(end, beyond) else end
        alone = (
            after.well_formed > before.well_formed
            if closing.cells == self._width
            else after.full_width > before.full_width
        )
        return 0 if alone or self._record_end(0) or self._record_end(last) else end

    def _peek(self, index: int) -> _Line | None:
        while len(self._lines) <= index:
            text = next(self._source, None)
            if text is None:
                return None
            long = len(text) > MAX_RECORD_CHARS
            inside = Scan(BROKEN) if long else self.scanner.scan(text, inside=True)
            alone = Scan(BROKEN) if long else self.scanner.scan(text, inside=False)
            # With one column every line has the full width, so that it proves nothing.
            full_width = alone.state == CLOSED and alone.separators + 1 == self._width > 1
            old = self._totals
            self._totals = _Totals(
                old.characters + len(text), old.separators + inside.separators, old.stray + (not inside.clean),
                old.full_width + full_width, old.well_formed + (full_width and alone.clean),
            )  # fmt: skip
            self._lines.append(_Line(text, inside, alone, old, self._totals))
        return self._lines[index]

    def _find_closing_quote(self, start: int, first: Scan) -> _Closing | None:
        """The place where the quote that is open before line `start` closes, if that is within the limits."""
        origin, reached = self._open
        index, at = start, self._passed + start
        # Inside a range that is known to stay open, the search continues at its end.
        if origin <= at <= reached:
            index = reached - self._passed
        else:
            origin = at
        while index - start < MAX_RECORD_LINES - 1 and (line := self._peek(index)) is not None:
            before = self._lines[start].before
            if line.after.characters - before.characters > MAX_RECORD_CHARS or line.inside.state != OPEN:
                break
            index += 1
        else:
            line = None
        self._open = (origin, self._passed + index)
        if line is None or line.inside.state != CLOSED or line.after.characters - before.characters > MAX_RECORD_CHARS:
            return None
        cells = first.separators + 1 + line.after.separators - before.separators
        return _Closing(index + 1, cells, first.clean and line.after.stray == before.stray)

    def _record_end(self, index: int) -> int:
        """The end of the well-formed record that begins at `index`; 0 if there is none."""
        line = self._peek(index)
        if line is None or not line.alone.clean or self._width < 2:
            return 0
        if line.alone.state == CLOSED:
            return index + 1 if line.alone.separators + 1 == self._width else 0
        closing = self._find_closing_quote(index + 1, line.alone)
        return closing.end if closing and closing.clean and closing.cells == self._width else 0

    def _records_end(self, start: int, end: int) -> int:
        """The line, at or after `end`, that well-formed records from `start` on reach; 0 if other text is between."""
        while start < end:
            line = self._peek(start)
            if line is None:
                return end
            start = self._record_end(start) if line.text.strip() else start + 1
            if not start:
                return 0
        return start
