"""Write contacts as vCard 4.0 (RFC 6350), which phones and address books import."""

from __future__ import annotations

import re
from collections.abc import Iterable

from apps.fileio.vcards.reader import BEGIN_OR_END

# RFC 6350, 3.2: octets in a line without its end.
LINE_OCTETS = 75
E164 = re.compile(r"\+\d+")


def write_card(name: str, identities: Iterable[tuple[str, str]]) -> bytes:
    """One card with its last line end; `identities` are (kind, value), normalised. Without a name the first is FN."""
    identities = list(identities)
    shown = name or next((value for _kind, value in identities), "")
    # The parts of the name are unknown, so the whole name is written as the given name, which every program displays.
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"FN:{_escaped(shown)}", f"N:;{_escaped(name)};;;"]
    lines += [_identity_line(kind, value) for kind, value in identities]
    return b"".join(_folded(line) for line in [*lines, "END:VCARD"])


def _identity_line(kind: str, value: str) -> str:
    match kind:
        case "phone" if E164.fullmatch(value):
            return f"TEL;VALUE=uri:tel:{value}"
        # A short number without a country has no tel: URI.
        case "phone":
            return f"TEL:{_escaped(value)}"
        case "email":
            return f"EMAIL:{_escaped(value)}"
        case _:
            return f"X-HUNDRED-HANDLE:{_escaped(value)}"


def _escaped(text: str) -> str:
    """RFC 6350, 3.4: backslash, comma, semicolon and line ends."""
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\\,;]", r"\\\g<0>", text).replace("\n", "\\n")


def _folded(line: str) -> bytes:
    """The line with its end, folded between characters."""
    whole = line.encode()
    # Most lines are short, and checking each character takes ten times as long.
    if len(whole) <= LINE_OCTETS:
        return whole + b"\r\n"
    pieces: list[bytes] = []
    piece = b""
    for character in line:
        octets = character.encode()
        # The blank at the beginning of every further line counts too.
        if len(piece) + len(octets) > LINE_OCTETS - bool(pieces):
            pieces += _split_delimiter(piece) if pieces else [piece]
            piece = b""
        piece += octets
    pieces += _split_delimiter(piece) if pieces else [piece]
    return b"\r\n ".join(pieces) + b"\r\n"


def _split_delimiter(piece: bytes) -> list[bytes]:
    """Split a piece that would read as the end of a card after folding: a person may be called END:VCARD."""
    word = piece.upper().rfind(b"VCARD") + 1
    return [piece[:word], piece[word:]] if BEGIN_OR_END.match(piece) else [piece]
