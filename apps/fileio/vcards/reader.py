"""vCard files as phones, mail programs and address books really write them (2.1; RFC 2426; RFC 6350), card by card.

Our own, because a reader that follows the specification refuses many real files as a whole. Here a card that is
broken harms no other, and memory stays flat whatever stands in the file.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from apps.fileio.encodings import TooLarge
from apps.fileio.vcards.lines import lines_of, wide_encoding
from apps.fileio.vcards.values import Contents, Undecoded

# Longer than anything that makes a contact; a card of many such lines is as little a person's.
VALUE_LIMIT = 10_000
CARD_LIMIT = 100_000
# Of 20,000 cards with photos, which are most of their lines.
MOST_LINES = 1_000_000
# So many cards may be open one inside another; who is outermost then never ends.
NEST_LIMIT = 100
CUT = re.compile(rb"\s*(?:(?:AGENT[^:]*:\s*)?(BEGIN)|END)\s*:\s*VCARD\s*$", re.IGNORECASE)
NAME = re.compile(rb"\s*(?:[^.:;\s\"]+\.)*([A-Za-z0-9-]+)\s*[;:]")
NEEDED = frozenset({b"FN", b"N", b"TEL", b"EMAIL", b"X-HUNDRED-HANDLE"})
READ = NEEDED | {b"NICKNAME", b"ORG", b"VERSION", b"AGENT", b"X-ABLABEL"}


@dataclass(frozen=True, slots=True)
class Card:
    """One card. `line`: the physical line of its BEGIN. `identities`: raw (kind, text), each once, in order.

    `problem`: "", "unterminated_card" or "too_long"; a card with a problem has no name and no identities.
    `undecoded`: what of it cannot be decoded for certain; a name of such bytes is left empty.
    """

    line: int
    name: str
    identities: tuple[tuple[str, str], ...]
    problem: str = ""
    undecoded: tuple[Undecoded, ...] = field(default=(), compare=False)


@dataclass(slots=True)
class _Open:
    """A card that has begun and not ended."""

    line: int
    lines: list[tuple[bytes, list[bytes]]] = field(default_factory=list)
    agents: list[tuple[int, list[bytes]]] = field(default_factory=list)
    size: int = 0
    too_long: bool = False


@dataclass(slots=True)
class _Property:
    """A content line while its folded parts come in. `name` is empty while the fold cuts it; `parts` None: not read."""

    name: bytes
    parts: list[bytes] | None
    quoted: bool
    line: int
    size: int = 0


def looks_like_vcards(head: bytes) -> bool:
    """Whether a file that begins with these bytes is one of vCards: BEGIN:VCARD comes first, blanks aside."""
    encoding, mark = wide_encoding(head)
    text = head[mark:].decode(encoding or "ascii", "replace")
    return re.match(r"\s*BEGIN\s*:\s*VCARD", text.lstrip("\ufeff"), re.IGNORECASE) is not None


def read_cards(raw: IO[bytes], *, encoding: str = "") -> Iterator[Card]:
    """The cards of a seekable file, in the order of their ends: a card comes after those that stand inside it.

    A card that never ends comes last (or when a hundred more have begun inside it). `encoding` is what text is in
    that is no UTF-8 file's and says no CHARSET; without it such a name is left empty rather than guessed.
    """
    recoded, lines = lines_of(raw, encoding)
    cutter = _Cutter(encoding, recoded)
    for number, line in enumerate(lines, start=1):
        if number > MOST_LINES:
            raise TooLarge(MOST_LINES, "lines", number)
        yield from cutter.take(number, line)
    yield from cutter.finish()


def needs_encoding(raw: IO[bytes]) -> bool:
    """Whether some name or identity is neither UTF-8 nor in a CHARSET it says: somebody must say in what it is."""
    return any(card.undecoded for card in read_cards(raw))


class _Cutter:
    """Cuts lines into cards and reads each when it ends."""

    def __init__(self, encoding: str, recoded: bool):
        self._encoding, self._recoded = encoding, recoded
        self._open: deque[_Open] = deque()
        self._property: _Property | None = None
        self._soft = False

    def take(self, number: int, line: bytes) -> list[Card]:
        """Take one physical line; the cards that it ends."""
        if not line and not self._soft:
            # It ends a property, and is none: a megabyte of such lines is a million.
            self._close_property()
            return []
        if b":" in line and (cut := CUT.match(line)):
            return self._begin(number) if cut[1] else self._end()
        if not self._open:
            return []
        folded, one = line[:1] in (b" ", b"\t"), self._property
        if not self._soft and not folded:
            self._close_property()
            self._start(number, line)
        elif one is not None:
            # A photo's lines, most of a file, come this way and are dropped in `_add`.
            if self._soft and one.parts:
                self._add(one, one.parts.pop() + line[folded:])
            else:
                self._add(one, line[folded:])
        return []

    def finish(self) -> list[Card]:
        """The file has ended: what is open never will."""
        unterminated = [Card(one.line, "", (), "unterminated_card") for one in self._open]
        self._open.clear()
        return unterminated

    def _begin(self, number: int) -> list[Card]:
        self._close_property()
        self._open.append(_Open(number))
        if len(self._open) <= NEST_LIMIT:
            return []
        return [Card(self._open.popleft().line, "", (), "unterminated_card")]

    def _end(self) -> list[Card]:
        self._close_property()
        return list(self._finished(self._open.pop())) if self._open else []

    def _start(self, number: int, line: bytes) -> None:
        found = NAME.match(line)
        name = found[1].upper() if found else b""
        quoted = b"QUOTED-PRINTABLE" in line.partition(b":")[0].upper()
        self._property = _Property(name, [] if name in READ or not name else None, quoted, number)
        self._add(self._property, line)

    def _add(self, one: _Property, line: bytes) -> None:
        # Quoted-printable breaks a line softly by a last =: the next one belongs to it, however it begins.
        self._soft = one.quoted and line.rstrip(b" \t").endswith(b"=")
        if one.parts is None:
            return
        one.size += len(line) + 1
        if one.size <= VALUE_LIMIT:
            one.parts.append(line.rstrip(b" \t")[:-1] if self._soft else line)

    def _close_property(self) -> None:
        one, self._property, self._soft = self._property, None, False
        if one is None or one.parts is None or not self._open:
            return
        card = self._open[-1]
        if not one.name and (found := NAME.match(b"".join(one.parts))):
            one.name = found[1].upper()
        if one.name not in READ:
            return
        if one.size > VALUE_LIMIT:
            card.too_long = card.too_long or one.name in NEEDED
            return
        card.size += one.size
        if card.size > CARD_LIMIT:
            card.too_long = True
        elif one.name == b"AGENT":
            card.agents.append((one.line, one.parts))
        else:
            card.lines.append((one.name, one.parts))

    def _finished(self, card: _Open) -> Iterator[Card]:
        version = next((b"".join(parts) for name, parts in card.lines if name == b"VERSION"), b"")
        old = version.partition(b":")[2].strip().startswith(b"2")
        contents = Contents(card.lines, old=old, encoding=self._encoding, recoded=self._recoded)
        for line, parts in card.agents:
            yield from self._agent(line, parts)
        if card.too_long:
            yield Card(card.line, "", (), "too_long")
        else:
            name, identities = contents.name(), contents.identities()
            yield Card(card.line, name, identities, undecoded=tuple(contents.undecoded))

    def _agent(self, number: int, parts: list[bytes]) -> Iterator[Card]:
        """The card in an AGENT's value: 3.0 writes a whole card as escaped text (RFC 2426, 3.5.4)."""
        agent = Contents([(b"AGENT", parts)], old=False, encoding=self._encoding, recoded=self._recoded)
        cutter = _Cutter("", recoded=True)
        for text in agent.values(b"AGENT"):
            for line in text.splitlines():
                yield from cutter.take(number, line.encode())
        yield from cutter.finish()
