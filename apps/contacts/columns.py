"""Recognise the columns of a contact list, in any language and from any program, and read its rows.

Faxes, pagers, telexes, switchboards and assistants stay unused, as in vCards. Two people of one company share such a
number, and the second would be refused as a duplicate of the first. Any other phone number counts as a phone. Google
Contacts names the type of each number in a column of its own (`Phone 1 - Label`, formerly `Type`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from apps.contacts.header_words import NAME_OR_FAMILY, NAME_OR_GIVEN, WORDS
from apps.fileio.csv_injection import unescape_formula
from apps.fileio.names import EAST_ASIAN, addresses_in, compose_name, is_shared_line

NAME_PARTS = ("given_name", "middle_name", "family_name")
IDENTITY_ROLES = frozenset({"phone", "email", "handle"})
ROLES = (
    "name", *NAME_PARTS, "nickname", "organization", "phone", "email", "handle", "staff_no", "employee_email",
    "recorded_at", "confirmed_at", "ended_at", "",
)  # fmt: skip
# A word that means a whole name, unless the header contains the other half of a name and lacks this half.
HALVES = {NAME_OR_GIVEN: ("given_name", "family_name"), NAME_OR_FAMILY: ("family_name", "given_name")}
NUMBER = re.compile(r"\s*[(\[#]?\s*\d{1,2}\s*[)\]]?\s*")
PHONE_LABEL = re.compile(r"(phone|telephone|tel)( \d{1,2})?( -)? (type|label)")
TRIMMED = " \t\"'“”‘’«»:*"
# Fast path for most cells: they need no trimming and no splitting.
PLAIN = {
    "phone": re.compile(r"\+?\d[\d ().-]*").fullmatch,
    "email": re.compile(r"[\w.+-]+@[\w.-]+").fullmatch,
    "handle": re.compile(r"[\w.-]+").fullmatch,
}
PHONE_BREAK = re.compile(r";|[\r\n]+| / | ::: ")
FEWEST_DIGITS = 5
LONGEST_WORD = 200
# A longer cell cannot list one person's numbers and is refused whole. Names are cut at this length.
CELL_LIMIT = 4_000
Identities = tuple[tuple[str, str], ...]


def _folded(word: str) -> str:
    """Return a header's word in its form for comparison: NFKC, lower case, single blanks, and no blanks in Chinese."""
    text = " ".join(unicodedata.normalize("NFKC", word).replace("\ufeff", "").replace("_", " ").lower().split())
    text = re.sub(r" (?=:)", "", text).strip(TRIMMED).replace("’", "'")
    return text.replace(" ", "") if EAST_ASIAN.search(text) else text


def _listed() -> Iterator[tuple[str, str]]:
    for roles in WORDS.values():
        for role, words in roles.items():
            for word in words.split("|"):
                yield word.strip(), role


# One language may use a word that another language leaves unused; the used role wins.
_ROLE_OF: dict[str, str] = {}
for _word, _role in _listed():
    _ROLE_OF[_folded(_word)] = _ROLE_OF.get(_folded(_word)) or _role
VOCABULARY: frozenset[str] = frozenset(word for word, _role in _listed()) | frozenset(_ROLE_OF)


def recognise(header: Sequence[str]) -> list[str]:
    """Return one of ROLES for each column of a header, "" for an unused one.

    Numbered repeats of a column get the role of the first one.
    """
    found = [_role_of(word) for word in header]
    return [_whole_or_half(role, found) for role in found]


def _role_of(word: str) -> str:
    if len(word) > LONGEST_WORD:
        return ""
    folded = _folded(word)
    if folded in _ROLE_OF:
        return _ROLE_OF[folded]
    role = _ROLE_OF.get(_folded(NUMBER.sub(" ", folded)), "")
    return role if role in IDENTITY_ROLES else ""


def labels_of_phones(header: Sequence[str], roles: Sequence[str]) -> dict[int, int]:
    """Map each phone column to the column that names its type, where there is one.

    `Phone 2 - Label` belongs to `Phone 2 - Value`, the phone column beside it. The side with more matches decides.
    """
    labels = [place for place, word in enumerate(header) if PHONE_LABEL.fullmatch(_folded(word[:LONGEST_WORD]))]
    phones = {place for place, role in enumerate(roles) if role == "phone" and place not in labels}
    behind, before = ({place + step: place for place in labels if place + step in phones} for step in (1, -1))
    return behind if len(behind) >= len(before) else before


def _whole_or_half(role: str, found: list[str]) -> str:
    if role not in HALVES:
        return role
    half, other = HALVES[role]
    others = [one for one in found if one == other or (one != role and one in HALVES and HALVES[one][0] == other)]
    return half if others and half not in found else "name"


class Layout:
    """The roles of a file's columns, prepared for reading many rows. `header`: their names, where the file has them."""

    def __init__(self, roles: Sequence[str], header: Sequence[str] = ()):
        self._identities = [(place, role, PLAIN[role]) for place, role in enumerate(roles) if role in IDENTITY_ROLES]
        self._labels = labels_of_phones(header, roles)
        self._names = _places(roles, "name")
        self._parts = {part: _places(roles, part) for part in NAME_PARTS}
        self._substitutes = [*_places(roles, "nickname"), *_places(roles, "organization")]

    def person(self, values: Sequence[str]) -> tuple[str, Identities]:
        """Return the name in a row and its raw identities, each once.

        The name is the name column, else composed from its parts, else the nickname, else the organization. `values`
        may be shorter or longer than the roles.
        """
        width, labels = len(values), self._labels
        found: dict[tuple[str, str], None] = {}
        for place, kind, plain in self._identities:
            if place < width and (cell := values[place]):
                if labels and (label := labels.get(place)) is not None and is_shared_line(_at(values, label)):
                    continue
                if plain(cell):
                    found[kind, cell] = None
                else:
                    found.update(((kind, text), None) for text in _cut(kind, cell))
        name = _first(values, self._names)
        return name or self._other_name(values), tuple(found)

    def _other_name(self, values: Sequence[str]) -> str:
        given, middle, family = (_first(values, self._parts[part]) for part in NAME_PARTS)
        return compose_name(family=family, given=given, middle=middle) or _first(values, self._substitutes)


def person(values: Sequence[str], roles: Sequence[str], header: Sequence[str] = ()) -> tuple[str, Identities]:
    """Return the name and the raw identities of one row. For many rows, prepare a Layout."""
    return Layout(roles, header).person(values)


def _at(values: Sequence[str], place: int) -> str:
    return values[place] if place < len(values) else ""


def _places(roles: Sequence[str], wanted: str) -> list[int]:
    return [place for place, role in enumerate(roles) if role == wanted]


def _first(values: Sequence[str], places: list[int]) -> str:
    for place in places:
        if place < len(values) and (text := _unguarded(values[place][:CELL_LIMIT])):
            return text
    return ""


def _unguarded(cell: str) -> str:
    """Strip blanks and the apostrophe that exports, ours included, put before a formula."""
    return unescape_formula(cell.strip()).strip()


def _cut(kind: str, cell: str) -> list[str]:
    """Return the identities in one cell, each once; the cell is split only where several are unmistakable."""
    cell = cell.strip()
    cut = CUTTERS[kind](_unguarded(cell)) if len(cell) <= CELL_LIMIT else [cell]
    return list(dict.fromkeys(text for text in cut if text))


def _phones(cell: str) -> list[str]:
    pieces = [_unguarded(piece) for piece in PHONE_BREAK.split(cell)]
    pieces = [piece for piece in pieces if piece]
    # In "12345678; 12" the second part is an extension, not a phone.
    several = all(sum(c.isdigit() for c in piece) >= FEWEST_DIGITS for piece in pieces)
    return pieces if several else [cell]


def _emails(cell: str) -> list[str]:
    return [address for piece in cell.split(" ::: ") for address in addresses_in(_unguarded(piece))]


def _handles(cell: str) -> list[str]:
    return [_unguarded(piece) for piece in cell.split(" ::: ")]


CUTTERS: dict[str, Callable[[str], list[str]]] = {"phone": _phones, "email": _emails, "handle": _handles}
