"""Where quotes open and close in delimited text, and which physical lines make one record when some are damaged."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

# What one record may be at most, in characters and in physical lines.
RECORD_LIMIT = 1_000_000
LINE_LIMIT = 1_000
CLOSED, OPEN, BROKEN = "closed", "open", "broken"


class Scan(NamedTuple):
    """How a line reads: how it ends, how many separators stand outside quotes, whether no quote is a stray one."""

    state: str
    separators: int = 0
    clean: bool = False


class Scanner:
    """Reads the quotes of single lines."""

    def __init__(self, separator: str):
        self.separator = separator
        end = re.escape(separator)
        # Possessive throughout: no line can make these patterns try twice.
        opened = r'"[^"]*+(?:""[^"]*+)*+'
        shape = rf'(?:(?:{opened}"|{{plain}}){end})*+(?:(?P<open>{opened})|{opened}"|{{plain}})\Z'
        self._readable = re.compile(shape.format(plain=rf'(?!")[^{end}]*+'))
        self._clean = re.compile(shape.format(plain=rf'(?!")[^{end}"]*+'))
        # Only a quote before a separator, or at the end of the line, closes a cell.
        self._loose = re.compile(rf'"((?:[^"]|"(?! *(?:{end}|\Z)))*+)" *(?:{end}|\Z)|((?!")[^{end}]*+)(?:{end}|\Z)')

    def scan(self, line: str, *, inside: bool) -> Scan:
        """How the line reads from its beginning, or when a quote before it is still open."""
        body = line.rstrip("\r\n")
        if '"' not in body:
            return Scan(OPEN, 0, True) if inside else Scan(CLOSED, body.count(self.separator), True)
        text = '"' + body if inside else body
        found = self._readable.match(text)
        if not found:
            return Scan(BROKEN)
        separators = len(next(csv.reader((text,), delimiter=self.separator))) - 1 if self.separator in body else 0
        state = OPEN if found["open"] is not None else CLOSED
        return Scan(state, separators, self._clean.match(text) is not None)

    def lenient(self, line: str) -> Iterator[list[str]]:
        """The readings of a line that has quotes where none should be, likeliest first."""
        body = line.strip("\r\n")
        cells, position = [], 0
        while found := self._loose.match(body, position):
            cells.append((found[1] or "").replace('""', '"') if found[2] is None else found[2])
            position = found.end()
            if position == len(body):
                if body.endswith(self.separator):
                    cells.append("")
                yield [cell.strip() for cell in cells]
                break
        # A mark behind the last cell stands alone only if no quote is open there.
        *cells, mark = next(csv.reader((f"{body}{self.separator}.",), delimiter=self.separator))
        if mark == ".":
            yield [cell.strip() for cell in cells]


class _Totals(NamedTuple):
    """Sums over lines that were looked at ahead of their turn, so that any stretch of them is judged at once."""

    characters: int = 0
    separators: int = 0
    stray: int = 0
    whole: int = 0
    sound: int = 0


class _Line(NamedTuple):
    """A physical line that was looked at ahead of its turn, as it reads inside quotes and alone."""

    text: str
    inside: Scan
    alone: Scan
    before: _Totals
    after: _Totals


class _Closing(NamedTuple):
    """Where an open quote closes: how many further lines it takes, and what record that makes."""

    end: int
    cells: int
    clean: bool


class Ahead:
    """The physical lines to come. Looks ahead for closing quotes, and scans no line a second time for that."""

    def __init__(self, source: Iterator[str], separator: str, width: int):
        self.scanner = Scanner(separator)
        self._source, self._width = source, width
        self._lines: deque[_Line] = deque()
        self._totals = _Totals()
        self._passed = 0
        # A stretch of lines, counted from the first, in which an open quote stays open.
        self._open = (0, 0)

    def lines(self) -> Iterator[str]:
        """Every line, once, in order, those that were looked at included."""
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
        """The next so many lines in one piece, passed."""
        self._passed += count
        return "".join(self._lines.popleft().text for _ in range(count))

    def reach(self, first: Scan) -> int:
        """How many further lines belong to the record whose first line ends inside quotes; 0 if it is damaged."""
        closing = self._close(0, first)
        if closing is None:
            return 0
        end, last = closing.end, closing.end - 1
        before, after = self._lines[0].before, self._lines[last].after
        if closing.cells == self._width and closing.clean:
            beyond = self._walk(0, end)
            return 0 if beyond > end and not self._walk(end, beyond) else end
        alone = after.sound > before.sound if closing.cells == self._width else after.whole > before.whole
        return 0 if alone or self._whole(0) or self._whole(last) else end

    def _look(self, index: int) -> _Line | None:
        while len(self._lines) <= index:
            text = next(self._source, None)
            if text is None:
                return None
            long = len(text) > RECORD_LIMIT
            inside = Scan(BROKEN) if long else self.scanner.scan(text, inside=True)
            alone = Scan(BROKEN) if long else self.scanner.scan(text, inside=False)
            whole = alone.state == CLOSED and alone.separators + 1 == self._width > 1
            old = self._totals
            self._totals = _Totals(
                old.characters + len(text), old.separators + inside.separators, old.stray + (not inside.clean),
                old.whole + whole, old.sound + (whole and alone.clean),
            )  # fmt: skip
            self._lines.append(_Line(text, inside, alone, old, self._totals))
        return self._lines[index]

    def _close(self, start: int, first: Scan) -> _Closing | None:
        """Where the quote closes that is open before the line at `start`, if it does within the limits."""
        origin, reached = self._open
        index, at = start, self._passed + start
        if origin <= at <= reached:
            index = reached - self._passed
        else:
            origin = at
        while index - start < LINE_LIMIT - 1 and (line := self._look(index)) is not None:
            before = self._lines[start].before
            if line.after.characters - before.characters > RECORD_LIMIT or line.inside.state != OPEN:
                break
            index += 1
        else:
            line = None
        self._open = (origin, self._passed + index)
        if line is None or line.inside.state != CLOSED or line.after.characters - before.characters > RECORD_LIMIT:
            return None
        cells = first.separators + 1 + line.after.separators - before.separators
        return _Closing(index + 1, cells, first.clean and line.after.stray == before.stray)

    def _whole(self, index: int) -> int:
        """Behind which line the well formed record ends that begins at `index`; 0 if there is none."""
        line = self._look(index)
        if line is None or not line.alone.clean or self._width < 2:
            return 0
        if line.alone.state == CLOSED:
            return index + 1 if line.alone.separators + 1 == self._width else 0
        closing = self._close(index + 1, line.alone)
        return closing.end if closing and closing.clean and closing.cells == self._width else 0

    def _walk(self, start: int, end: int) -> int:
        """Where well formed records from `start` on arrive, at or behind `end`; 0 if something else is between."""
        while start < end:
            line = self._look(start)
            if line is None:
                return end
            start = self._whole(start) if line.text.strip() else start + 1
            if not start:
                return 0
        return start
