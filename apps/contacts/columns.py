"""Recognise the columns of a contact list, in any language of header_words.ini, and read its rows.

Faxes, pagers, telexes, switchboards and assistants stay unused, as in vCards. Two people of one company share such a
number, and the second would be refused as a duplicate of the first. Any other phone number counts as a phone. Google
Contacts names the type of each number in a column of its own (`Phone 1 - Label`, formerly `Type`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from configparser import ConfigParser
from pathlib import Path

from apps.fileio.csv_injection import unescape_formula
from apps.fileio.names import EAST_ASIAN, compose_name, email_addresses_in, is_shared_line

NAME_PARTS = ("given_name", "middle_name", "family_name")
IDENTITY_ROLES = frozenset({"phone", "email", "handle"})
ROLES = (
    "name", *NAME_PARTS, "nickname", "organization", "phone", "email", "handle", "staff_no", "employee_email",
    "recorded_at", "confirmed_at", "ended_at", "",
)  # fmt: skip
# A word that means a whole name, unless the header contains the other half of a name and lacks this half.
HALVES = {"name|given_name": ("given_name", "family_name"), "name|family_name": ("family_name", "given_name")}
# "E-mail 2 Address", "Phone (1)", "Tel. #3".
NUMBER = re.compile(r"\s*[(\[#]?\s*\d{1,2}\s*[)\]]?\s*")
PHONE_LABEL = re.compile(r"(phone|telephone|tel)( \d{1,2})?( -)? (type|label)")
# Thunderbird and phones decorate a header: "Name:", * Phone.
TRIMMED = " \t\"'“”‘’«»:*"
# Fast path for most cells: they need no trimming and no splitting.
PLAIN = {
    "phone": re.compile(r"\+?\d[\d ().-]*").fullmatch,
    "email": re.compile(r"[\w.+-]+@[\w.-]+").fullmatch,
    "handle": re.compile(r"[\w.-]+").fullmatch,
}
# Google Contacts joins several values of one cell by " ::: ".
PHONE_BREAK = re.compile(r";|[\r\n]+| / | ::: ")
# Extensions have up to four digits, and no complete number is that short.
MIN_PHONE_DIGITS = 5
MAX_HEADER_CHARS = 200
# A longer cell cannot list one person's numbers and is refused whole. Names are cut at this length.
MAX_CELL_CHARS = 4_000
Identities = tuple[tuple[str, str], ...]


def _comparable(word: str) -> str:
    """Return a header's word in its form for comparison: NFKC, lower case, single blanks, and no blanks in Chinese."""
    text = " ".join(unicodedata.normalize("NFKC", word).replace("\ufeff", "").replace("_", " ").lower().split())
    text = re.sub(r" (?=:)", "", text).strip(TRIMMED).replace("’", "'")
    return text.replace(" ", "") if EAST_ASIAN.search(text) else text


def _header_words() -> dict[str, dict[str, list[str]]]:
    """Return the words of header_words.ini by language and role."""
    # No interpolation: a header may contain %. Only = separates, because words contain colons.
    parser = ConfigParser(interpolation=None, delimiters=("=",))
    parser.read_string(Path(__file__).with_name("header_words.ini").read_text(encoding="utf-8"))
    return {
        language: {
            "" if role == "unused" else role: [word.strip() for word in words.split("|")]
            for role, words in parser[language].items()
        }
        for language in parser.sections()
    }


HEADER_WORDS = _header_words()
_WORD_ROLES = [(word, role) for roles in HEADER_WORDS.values() for role, words in roles.items() for word in words]
# One language may use a word that another language leaves unused; the used role wins.
_ROLE_OF: dict[str, str] = {}
for _word, _role in _WORD_ROLES:
    _ROLE_OF[_comparable(_word)] = _ROLE_OF.get(_comparable(_word)) or _role
# Both forms: the detection of an encoding compares cells that are only in lower case.
VOCABULARY: frozenset[str] = frozenset(word for word, _role in _WORD_ROLES) | frozenset(_ROLE_OF)


def recognise(header: Sequence[str]) -> list[str]:
    """Return one of ROLES for each column of a header, "" for an unused one.

    Numbered repeats of a column get the role of the first one.
    """
    roles = [_role_of(word) for word in header]
    return [_whole_or_half(role, roles) for role in roles]


def _role_of(word: str) -> str:
    # A file without line ends has one header cell as long as the file.
    if len(word) > MAX_HEADER_CHARS:
        return ""
    comparable = _comparable(word)
    if comparable in _ROLE_OF:
        return _ROLE_OF[comparable]
    # Only identities: "Name 2" or "Organization 2" are not the person's.
    role = _ROLE_OF.get(_comparable(NUMBER.sub(" ", comparable)), "")
    return role if role in IDENTITY_ROLES else ""


def labels_of_phones(header: Sequence[str], roles: Sequence[str]) -> dict[int, int]:
    """Map each phone column to the column that names its type, where there is one.

    `Phone 2 - Label` belongs to `Phone 2 - Value`, the phone column beside it. The side with more matches decides.
    """
    labels = [
        column for column, word in enumerate(header) if PHONE_LABEL.fullmatch(_comparable(word[:MAX_HEADER_CHARS]))
    ]
    phones = {column for column, role in enumerate(roles) if role == "phone" and column not in labels}
    # A header such as "Label, Value, Label, Value" fits both sides, except for its first or last column.
    behind, before = ({column + step: column for column in labels if column + step in phones} for step in (1, -1))
    return behind if len(behind) >= len(before) else before


def _whole_or_half(role: str, roles: list[str]) -> str:
    if role not in HALVES:
        return role
    half, other_half = HALVES[role]
    # The other half may be ambiguous itself: a header "nom,prénom" or "名字,姓".
    has_other_half = any(
        name == other_half or (name != role and name in HALVES and HALVES[name][0] == other_half) for name in roles
    )
    return half if has_other_half and half not in roles else "name"


class PersonReader:
    """The roles of a file's columns, prepared for reading many rows. `header`: their names, where the file has them."""

    def __init__(self, roles: Sequence[str], header: Sequence[str] = ()):
        self._identities = [(column, role, PLAIN[role]) for column, role in enumerate(roles) if role in IDENTITY_ROLES]
        self._labels = labels_of_phones(header, roles)
        self._names = _columns_with(roles, "name")
        self._parts = {part: _columns_with(roles, part) for part in NAME_PARTS}
        self._fallbacks = [*_columns_with(roles, "nickname"), *_columns_with(roles, "organization")]

    def person(self, values: Sequence[str]) -> tuple[str, Identities]:
        """Return the name in a row and its raw identities, each once.

        The name is the name column, else composed from its parts, else the nickname, else the organization. `values`
        may be shorter or longer than the roles.
        """
        width, labels = len(values), self._labels
        identities: dict[tuple[str, str], None] = {}
        for column, kind, plain in self._identities:
            if column < width and (cell := values[column]):
                if labels and (label := labels.get(column)) is not None and is_shared_line(_cell(values, label)):
                    continue
                if plain(cell):
                    identities[kind, cell] = None
                else:
                    identities.update(((kind, text), None) for text in _split_cell(kind, cell))
        name = _first(values, self._names)
        return name or self._other_name(values), tuple(identities)

    def _other_name(self, values: Sequence[str]) -> str:
        given, middle, family = (_first(values, self._parts[part]) for part in NAME_PARTS)
        return compose_name(family=family, given=given, middle=middle) or _first(values, self._fallbacks)


def _cell(values: Sequence[str], column: int) -> str:
    return values[column] if column < len(values) else ""


def _columns_with(roles: Sequence[str], wanted: str) -> list[int]:
    return [column for column, role in enumerate(roles) if role == wanted]


def _first(values: Sequence[str], columns: list[int]) -> str:
    for column in columns:
        if column < len(values) and (text := _unescape(values[column][:MAX_CELL_CHARS])):
            return text
    return ""


def _unescape(cell: str) -> str:
    """Strip blanks and the apostrophe that exports, ours included, put before a formula."""
    return unescape_formula(cell.strip()).strip()


def _split_cell(kind: str, cell: str) -> list[str]:
    """Return the identities in one cell, each once; the cell is split only where several are unmistakable."""
    cell = cell.strip()
    # A cell that is too long stays whole, so that it is refused: half of it would be recorded as if it were all.
    texts = SPLITTERS[kind](_unescape(cell)) if len(cell) <= MAX_CELL_CHARS else [cell]
    return list(dict.fromkeys(filter(None, texts)))


def _phones(cell: str) -> list[str]:
    pieces = list(filter(None, map(_unescape, PHONE_BREAK.split(cell))))
    # In "12345678; 12" the second part is an extension, not a phone.
    several = all(sum(c.isdigit() for c in piece) >= MIN_PHONE_DIGITS for piece in pieces)
    return pieces if several else [cell]


def _emails(cell: str) -> list[str]:
    return [address for piece in cell.split(" ::: ") for address in email_addresses_in(_unescape(piece))]


def _handles(cell: str) -> list[str]:
    return [_unescape(piece) for piece in cell.split(" ::: ")]


SPLITTERS: dict[str, Callable[[str], list[str]]] = {"phone": _phones, "email": _emails, "handle": _handles}
