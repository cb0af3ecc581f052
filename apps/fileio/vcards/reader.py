"""Read vCard files as phones, mail programs and address books write them (2.1; RFC 2426; RFC 6350), card by card.

Libraries that follow the specification refuse many real files as a whole. Here a broken card does not affect the
others, and memory stays constant whatever the file contains.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from apps.fileio.errors import TooLarge
from apps.fileio.vcards.lines import lines_of, wide_encoding
from apps.fileio.vcards.values import CardContents, Undecoded

# Longer than any property of a contact; a card of many such lines is not a person's.
MAX_PROPERTY_BYTES = 10_000
MAX_CARD_BYTES = 100_000
# Enough for 20,000 cards with photos, which are most of their lines.
MAX_LINES = 1_000_000
# The limit of nested open cards; the outermost one beyond it counts as unterminated.
MAX_OPEN_CARDS = 100
# Also AGENT: BEGIN:VCARD, with which 2.1 nests a card.
BEGIN_OR_END = re.compile(rb"\s*(?:(?:AGENT[^:]*:\s*)?(BEGIN)|END)\s*:\s*VCARD\s*$", re.IGNORECASE)
# The name of a property, behind its groups: item1.TEL;TYPE=cell:
PROPERTY_NAME = re.compile(rb"\s*(?:[^.:;\s\"]+\.)*([A-Za-z0-9-]+)\s*[;:]")
CONTACT_PROPERTIES = frozenset({b"FN", b"N", b"TEL", b"EMAIL", b"X-HUNDRED-HANDLE"})
# All others, photos above all, are dropped as they arrive.
PROPERTIES_READ = CONTACT_PROPERTIES | {b"NICKNAME", b"ORG", b"VERSION", b"AGENT", b"X-ABLABEL"}


@dataclass(frozen=True, slots=True)
class Card:
    """One card. `line`: the physical line of its BEGIN. `identities`: raw (kind, text), each once, in order.

    `problem`: "", "unterminated_card" or "too_long"; a card with a problem has no name and no identities. `undecoded`:
    the text that cannot be decoded for certain; a name of such bytes is empty.
    """

    line: int
    name: str
    identities: tuple[tuple[str, str], ...]
    problem: str = ""
    undecoded: tuple[Undecoded, ...] = field(default=(), compare=False)


@dataclass(slots=True)
class _OpenCard:
    """A card that has begun and not ended."""

    line: int
    lines: list[tuple[bytes, list[bytes]]] = field(default_factory=list)
    agents: list[tuple[int, list[bytes]]] = field(default_factory=list)
    size: int = 0
    too_long: bool = False


@dataclass(slots=True)
class _Property:
    """A content line whose folded parts are still arriving.

    `name` is empty while a fold cuts it. `parts` is None for a property that is skipped.
    """

    name: bytes
    parts: list[bytes] | None
    quoted: bool
    line: int
    size: int = 0


def looks_like_vcards(head: bytes) -> bool:
    """Whether a file with these first bytes contains vCards: BEGIN:VCARD comes first, except for blanks."""
    encoding, mark = wide_encoding(head)
    text = head[mark:].decode(encoding or "ascii", "replace")
    return re.match(r"\s*BEGIN\s*:\s*VCARD", text.lstrip("\ufeff"), re.IGNORECASE) is not None


def read_cards(raw: IO[bytes], *, encoding: str = "") -> Iterator[Card]:
    """The cards of a seekable file, in the order of their ends: a card comes after its nested cards.

    A card without an end comes last (or once a hundred more have begun inside it). `encoding` applies to text that is
    neither UTF-8 nor has a CHARSET; without it such a name is left empty.
    """
    recoded, lines = lines_of(raw, encoding)
    parser = _CardParser(encoding, recoded)
    for number, line in enumerate(lines, start=1):
        if number > MAX_LINES:
            raise TooLarge(MAX_LINES, "lines", number)
        yield from parser.feed(number, line)
    yield from parser.close()


def needs_encoding(raw: IO[bytes]) -> bool:
    """Whether a name or identity is neither UTF-8 nor in its CHARSET, so that the user must name the encoding."""
    return any(card.undecoded for card in read_cards(raw))


class _CardParser:
    """Cuts lines into cards and reads each when it ends."""

    def __init__(self, encoding: str, recoded: bool):
        self._encoding, self._recoded = encoding, recoded
        # The cards that are open, the innermost last.
        self._open: deque[_OpenCard] = deque()
        self._property: _Property | None = None
        self._soft_break = False

    def feed(self, number: int, line: bytes) -> list[Card]:
        """Process one physical line; returns the cards that it ends."""
        if not line and not self._soft_break:
            # It ends a property and is none itself: a megabyte of such lines is a million.
            self._close_property()
            return []
        # Also inside quoted-printable text and folds: a card that lost its END must not take the next one with it.
        if b":" in line and (delimiter := BEGIN_OR_END.match(line)):
            return self._begin(number) if delimiter[1] else self._end()
        if not self._open:
            return []
        folded, property_ = line[:1] in (b" ", b"\t"), self._property
        if not self._soft_break and not folded:
            self._close_property()
            self._start(number, line)
        elif property_ is not None:
            # The lines of a photo, most of a file, come this way and are dropped in `_add`.
            # After a soft break the text goes on without the line end; the blank of a fold may be there or not.
            if self._soft_break and property_.parts:
                self._add(property_, property_.parts.pop() + line[folded:])
            else:
                self._add(property_, line[folded:])
        return []

    def close(self) -> list[Card]:
        """The file has ended: all open cards are unterminated."""
        unterminated = [Card(card.line, "", (), "unterminated_card") for card in self._open]
        self._open.clear()
        return unterminated

    def _begin(self, number: int) -> list[Card]:
        self._close_property()
        self._open.append(_OpenCard(number))
        if len(self._open) <= MAX_OPEN_CARDS:
            return []
        return [Card(self._open.popleft().line, "", (), "unterminated_card")]

    def _end(self) -> list[Card]:
        self._close_property()
        return list(self._finished(self._open.pop())) if self._open else []

    def _start(self, number: int, line: bytes) -> None:
        match = PROPERTY_NAME.match(line)
        name = match[1].upper() if match else b""
        # 2.1 may also write the encoding without ENCODING=.
        quoted = b"QUOTED-PRINTABLE" in line.partition(b":")[0].upper()
        self._property = _Property(name, [] if name in PROPERTIES_READ or not name else None, quoted, number)
        self._add(self._property, line)

    def _add(self, content: _Property, line: bytes) -> None:
        # Quoted-printable continues a line with a final =: the next line belongs to it, however it begins.
        self._soft_break = content.quoted and line.rstrip(b" \t").endswith(b"=")
        if content.parts is None:
            return
        content.size += len(line) + 1
        if content.size <= MAX_PROPERTY_BYTES:
            content.parts.append(line.rstrip(b" \t")[:-1] if self._soft_break else line)

    def _close_property(self) -> None:
        content, self._property, self._soft_break = self._property, None, False
        if content is None or content.parts is None or not self._open:
            return
        card = self._open[-1]
        # A fold may cut the name itself, so that it is known only now.
        if not content.name and (match := PROPERTY_NAME.match(b"".join(content.parts))):
            content.name = match[1].upper()
        if content.name not in PROPERTIES_READ:
            return
        if content.size > MAX_PROPERTY_BYTES:
            # A nickname or an organization of that length is dropped; the person is still recorded.
            card.too_long = card.too_long or content.name in CONTACT_PROPERTIES
            return
        card.size += content.size
        if card.size > MAX_CARD_BYTES:
            card.too_long = True
        elif content.name == b"AGENT":
            card.agents.append((content.line, content.parts))
        else:
            card.lines.append((content.name, content.parts))

    def _finished(self, card: _OpenCard) -> Iterator[Card]:
        version = next((b"".join(parts) for name, parts in card.lines if name == b"VERSION"), b"")
        version_2 = version.partition(b":")[2].strip().startswith(b"2")
        # VERSION may stand anywhere in the card, so its lines are read only at the end.
        contents = CardContents(card.lines, version_2=version_2, encoding=self._encoding, recoded=self._recoded)
        for line, parts in card.agents:
            yield from self._agent(line, parts)
        if card.too_long:
            yield Card(card.line, "", (), "too_long")
        else:
            name, identities = contents.name(), contents.identities()
            yield Card(card.line, name, identities, undecoded=tuple(contents.undecoded))

    def _agent(self, number: int, parts: list[bytes]) -> Iterator[Card]:
        """The card in the value of AGENT: 3.0 writes a whole card as escaped text (RFC 2426, 3.5.4)."""
        agent = CardContents([(b"AGENT", parts)], version_2=False, encoding=self._encoding, recoded=self._recoded)
        # The text is decoded already and may contain cards itself.
        parser = _CardParser("", recoded=True)
        for text in agent.values(b"AGENT"):
            for line in text.splitlines():
                yield from parser.feed(number, line.encode())
        yield from parser.close()
