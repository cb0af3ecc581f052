"""Read the lines of one card: parameters, charsets, encodings and escapes, and from them a name and identities.

vCard 2.1 (versit, 1996), RFC 2425 and 2426 (3.0), RFC 6350 (4.0), and the deviations of phones and programs.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from apps.core.identity import MAX_RAW_CHARS
from apps.fileio.encoding_names import codec_of
from apps.fileio.names import collapse_whitespace, compose_name, email_addresses_in, is_shared_line

# The colon after the parameters is the first one outside quotes.
HEAD = re.compile(rb'[^":]*(?:"[^"]*"[^":]*)*:')
CHARSET = re.compile(rb';\s*CHARSET\s*=\s*"?([^";:,]+)', re.IGNORECASE)
ENCODING = re.compile(
    rb';\s*(?:ENCODING\s*=\s*"?(QUOTED-PRINTABLE|BASE64|B)"?|(QUOTED-PRINTABLE|BASE64))\s*(?=[;,]|$)', re.IGNORECASE
)
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
# Characters that a phone dials after the number: , and p pause, ; and w wait.
DIAL_PAUSE = re.compile(r"(?<=\d)\s*(?:[,;].*|[pPwW][\d\spPwW,;*#+()-]*)$", re.DOTALL)
LEADING_DIAL_PAUSE = re.compile(r"^[\spPwW,;]+(?=[\d+(])")
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
# Types of a line that is a person's own even when another type is shared: a phone that is also a fax.
OWN_LINES = frozenset({"VOICE", "CELL", "IPHONE"})


@lru_cache(maxsize=256)
def _codec(charset: str) -> str:
    """Python's name of a charset; "" for one that is unknown, not text or uninformative (US-ASCII)."""
    codec = codec_of(charset)
    # Programs write US-ASCII without thinking: it says nothing about the bytes beyond it.
    return "" if charset.lower().replace("_", "-") in ("ascii", "us-ascii") else codec


@dataclass(frozen=True)
class Line:
    """One content line, unfolded: its name, group, everything before the colon, and the value's bytes."""

    name: bytes
    group: bytes
    head: bytes
    value: bytes

    @cached_property
    def words(self) -> frozenset[str]:
        """All words of the parameters, upper case: TYPE=work,fax and ;WORK;FAX are the same."""
        return frozenset(re.split(r'[;,="\s]+', self.head.decode("utf-8", "replace").upper())[1:])

    def data(self) -> tuple[bytes, bool]:
        """The value's bytes without quoted-printable or base64, and whether it had such an encoding."""
        match = ENCODING.search(self.head)
        if not match:
            return self.value, False
        if (match[1] or match[2]).upper() == b"QUOTED-PRINTABLE":
            return binascii.a2b_qp(self.value), True
        try:
            return binascii.a2b_base64(self.value), True
        # Half a base64 value gives no name.
        except binascii.Error:
            return b"", True


class Undecoded(NamedTuple):
    """Text that cannot be decoded for certain. `declared`: its line names a charset but uses another one."""

    text: bytes
    declared: bool


def content_line(name: bytes, parts: list[bytes], *, version_2: bool) -> Line | None:
    """Build the line from its folded parts; None without a colon."""
    # In 2.1 the blank at a fold belongs to the text, except in quoted-printable and base64.
    text = version_2 and name in (b"FN", b"N", b"NICKNAME", b"ORG") and not ENCODING.search(parts[0].partition(b":")[0])
    whole = (b" " if text else b"").join(parts)
    match = HEAD.match(whole)
    colon = match.end() - 1 if match else whole.find(b":")
    if colon < 0:
        return None
    head = whole[:colon]
    group, _, _ = head.partition(b";")[0].strip().rpartition(b".")
    return Line(name, group.upper(), head, whole[colon + 1 :])


class CardContents:
    """What the lines of one card say. `encoding` is for text that says no charset, "" means UTF-8 or nothing.

    `recoded`: the bytes were converted to UTF-8 before, so a CHARSET no longer describes them. `undecoded`: the text
    that would have been read and cannot be decoded for certain.
    """

    def __init__(self, lines: Iterable[tuple[bytes, list[bytes]]], *, version_2: bool, encoding: str, recoded: bool):
        lines_read = (content_line(name, parts, version_2=version_2) for name, parts in lines)
        self._lines = [line for line in lines_read if line]
        self._version_2, self._encoding, self._recoded = version_2, encoding, recoded
        self.undecoded: list[Undecoded] = []

    def _of(self, name: bytes) -> Iterator[Line]:
        return (line for line in self._lines if line.name == name)

    def values(self, name: bytes) -> Iterator[str]:
        """The unescaped values of these lines that can be decoded."""
        texts = map(self._text, self._of(name))
        return (self._plain(text) for text in texts if text is not None)

    def _text(self, line: Line) -> str | None:
        data, encoded = line.data()
        declared = CHARSET.search(line.head)
        charset = _codec(declared[1].decode("ascii", "replace").strip()) if declared else ""
        # A CHARSET speaks of the original bytes. Of a recoded file, only encoded values still have these.
        tries = [charset if encoded or not self._recoded else "", "" if self._recoded else self._encoding, "utf-8"]
        for codec in filter(None, tries):
            try:
                return data.decode(codec)
            except (LookupError, ValueError):
                continue
        return None

    def _keep_undecoded(self, line: Line) -> None:
        self.undecoded.append(Undecoded(line.data()[0], declared=CHARSET.search(line.head) is not None))

    def name(self) -> str:
        """FN; else N composed; else NICKNAME; else the first part of ORG. Empty when it cannot be decoded."""
        for property_name in (b"FN", b"N", b"NICKNAME", b"ORG"):
            for line in self._of(property_name):
                text = self._text(line)
                # No fallback to the next property: a nickname instead of the name would hide the damage.
                if text is None:
                    self._keep_undecoded(line)
                    return ""
                if name := collapse_whitespace(self._name_of(property_name, text)):
                    return name
        return ""

    def _name_of(self, kind: bytes, text: str) -> str:
        if kind == b"FN":
            return self._plain(text)
        parts = _parts(text, ";")
        if kind == b"N":
            family, given, middle = [*(self._joined(part) for part in parts[:3]), "", ""][:3]
            return compose_name(family=family, given=given, middle=middle)
        return self._structured(parts[0]) if kind == b"ORG" else self._plain(_parts(text, ",")[0])

    def _joined(self, part: str) -> str:
        """One part of N: since 3.0 commas separate several names in it."""
        return " ".join(self._structured(piece) for piece in ([part] if self._version_2 else _parts(part, ",")))

    def _structured(self, text: str) -> str:
        # 2.1 also escapes the separators of parts.
        return ESCAPE.sub(r"\1", text) if self._version_2 else _unescaped(text)

    def _plain(self, text: str) -> str:
        return text if self._version_2 else _unescaped(text)

    def identities(self) -> tuple[tuple[str, str], ...]:
        """Raw (kind, text), each once, in order.

        An office shares its fax, pager, modem or telex, and an assistant's phone belongs to the assistant: none of them
        is taken as this person's.
        """
        identities: dict[tuple[str, str], None] = {}
        labels = self._labels()
        for line in self._lines:
            match line.name:
                case b"TEL":
                    words = line.words | labels.get(line.group, frozenset())
                    if not _is_shared(words):
                        identities |= dict.fromkeys(("phone", text) for text in self._phones(line))
                case b"EMAIL":
                    identities |= dict.fromkeys(("email", text) for text in self._emails(line))
                case b"X-HUNDRED-HANDLE":
                    if text := collapse_whitespace(self._plain(self._identity_text(line))):
                        identities[("handle", text)] = None
        return tuple(identities)

    def _labels(self) -> dict[bytes, frozenset[str]]:
        """The labels that Apple's X-ABLabel gives to the lines of a group: _$!<WorkFAX>!$_."""
        return {
            line.group: frozenset({re.sub(r"\W", "", line.value.decode("utf-8", "replace")).strip("_").upper()})
            for line in self._lines
            if line.name == b"X-ABLABEL" and line.group
        }

    def _identity_text(self, line: Line) -> str:
        """The value of an identity: undecodable bytes become escapes, which no normaliser accepts."""
        text = self._text(line)
        if text is None:
            self._keep_undecoded(line)
            return line.data()[0].decode("ascii", "backslashreplace").replace("\\", "\\\\")
        return text

    def _phones(self, line: Line) -> list[str]:
        text = self._text(line)
        if text is None:
            # Usually a no-break space of an 8-bit charset; any other byte makes it invalid as a number.
            text = line.data()[0].replace(b"\xa0", b" ").decode("ascii", "replace")
        text = collapse_whitespace(self._plain(text))
        if scheme := SCHEME.match(text):
            # sip:, im: and others are no phone numbers.
            if scheme[1].lower() not in ("tel", "callto"):
                return []
            text = unquote(text[scheme.end() :]).partition(";")[0]
        # Longer text is not a number.
        text = DIAL_PAUSE.sub("", LEADING_DIAL_PAUSE.sub("", text[: MAX_RAW_CHARS + 1])).strip()
        return [text] if text else []

    def _emails(self, line: Line) -> list[str]:
        text = collapse_whitespace(self._plain(self._identity_text(line)))
        if text[:7].lower() == "mailto:":
            text = unquote(text[7:].partition("?")[0])
        return email_addresses_in(text)


def _is_shared(words: frozenset[str]) -> bool:
    """Whether the types and the label show that a line is not this person's own."""
    if any("ASSISTANT" in word for word in words):
        return True
    return not words & OWN_LINES and any(is_shared_line(word) for word in words)


def _unescaped(text: str) -> str:
    return ESCAPE.sub(_unescaped_character, text) if "\\" in text else text


def _unescaped_character(match: re.Match[str]) -> str:
    if match[1] in "nN":
        return "\n"
    # Programs write backslashes that escape nothing (C:\users): before a letter or digit it stays.
    return match[0] if match[1].isalnum() else match[1]


def _parts(text: str, separator: str) -> list[str]:
    """The text split at every unescaped separator; the escapes stay."""
    return re.findall(rf"(?:^|{separator})((?:\\.|[^\\{separator}]|\\$)*)", text, re.DOTALL) or [""]
