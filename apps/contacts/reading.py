"""Read contact files of any origin as entries: the person, normalised, and the line. Nothing is written.

CSV tables (`columns` recognises the header) and vCard files (`vcards`) produce the same entries.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import IO, NamedTuple

from django.utils.translation import gettext as _

from apps.contacts import drafts
from apps.contacts.columns import VOCABULARY, Layout, labels_of_phones, recognise
from apps.contacts.drafts import Draft, NormalisedDraft, Outcome
from apps.contacts.recording import normalise_draft
from apps.core.identity import KINDS
from apps.core.identity_key import identity_normaliser
from apps.fileio.csv_reader import LOOK_LINES, Record, UnreadableFile, open_table
from apps.fileio.encodings import UnsureEncoding, detect_encoding, encodings_of, named_encoding
from apps.fileio.vcards.reader import looks_like_vcards, read_cards

CSV, VCARD, AUTO = "csv", "vcard", "auto"
FORMATS = (AUTO, CSV, VCARD)
TIME_ROLES = ("recorded_at", "confirmed_at", "ended_at")
OWNER_ROLES = ("staff_no", "employee_email")
# The number of undecoded texts sampled to find the possible encodings of a vCard file.
UNDECODED_SAMPLE = 1_000
# The columns in which a rejected card is returned.
CARD_HEADER = ["name", "phone", "email", "handle"]


class Entry(NamedTuple):
    """One line or card: the normalised draft, the employee as written, and the cells to return when it is rejected."""

    line: int
    checked: NormalisedDraft
    cells: Sequence[str]
    staff_no: str = ""
    employee_email: str = ""


@dataclass
class ContactFile:
    """An opened file: `header` has the column names, `roles` their roles, `unknown` the columns that are not read."""

    format: str
    encoding: str
    header: list[str]
    roles: list[str]
    entries: Iterator[Entry]

    @property
    def unknown(self) -> list[str]:
        labels = set(labels_of_phones(self.header, self.roles).values())
        columns = enumerate(zip(self.header, self.roles, strict=True))
        return [name for place, (name, role) in columns if name and not role and place not in labels]

    @property
    def names_employees(self) -> bool:
        return bool(set(OWNER_ROLES) & set(self.roles))


class NoIdentityColumn(UnreadableFile):
    """The header has no column for a phone, an e-mail or a handle."""


@dataclass
class Look:
    """The header, the first rows and the detected roles of a table, before its entries are read.

    `headless`: the first line is a person instead of a header; the header is then made from the roles.
    """

    encoding: str
    header: list[str]
    rows: list[list[str]]
    roles: list[str]
    headless: bool


def look(raw: IO[bytes], encoding: str = "", rows: int = 3) -> Look:
    """Detect the encoding, header and roles of a table. Raises UnreadableFile, and its subclass UnsureEncoding."""
    raw.seek(0)
    encoding = named_encoding(encoding) if encoding else detect_encoding(raw, vocabulary=VOCABULARY)
    with open_table(raw, encoding=encoding, only_lines=LOOK_LINES) as table:
        roles, first = recognise(table.header), [record.values for record in islice(table, rows)]
        guessed = None if set(roles) & set(KINDS) else roles_of_person(table.header)
        if guessed is None:
            return Look(encoding, table.header, first, roles, headless=False)
        header = [role or f"column {place}" for place, role in enumerate(guessed, 1)]
        return Look(encoding, header, [table.header, *first][:rows], guessed, headless=True)


def roles_as_said(raw: IO[bytes], encoding: str, said: Mapping[str, str]) -> list[str]:
    """Return the roles of a table's columns: those in `said` (column name to role), else the detected ones.

    Raises UnreadableFile when no column has one of the names.
    """
    seen = look(raw, encoding)
    wanted = {name.strip().lower(): role for name, role in said.items()}
    if missing := wanted.keys() - {name.lower() for name in seen.header}:
        raise UnreadableFile(f"line 1: there is no column {min(missing)}; found {', '.join(seen.header)}")
    return [wanted.get(name.lower(), role) for name, role in zip(seen.header, seen.roles, strict=True)]


def roles_of_person(cells: Sequence[str]) -> list[str] | None:
    """Return the roles of one person's cells, guessed from their form; None when no cell is a valid phone or e-mail."""
    roles: list[str] = []
    for cell in cells:
        kind = drafts.kind_of(cell)
        if kind in ("phone", "email") and normalise_draft(Draft("", ((kind, cell),))).identities:
            roles.append(kind)
        else:
            roles.append("name" if cell and "name" not in roles else "")
    return roles if set(roles) & set(KINDS) else None


def is_vcards(raw: IO[bytes]) -> bool:
    """Return whether a file starts like a vCard file; the position is reset to the start."""
    raw.seek(0)
    found = looks_like_vcards(raw.read(4096))
    raw.seek(0)
    return found


def refuse_undecoded_cards(raw: IO[bytes]) -> None:
    """Raise UnsureEncoding when a card's text is not UTF-8 and declares no CHARSET, as for a CSV file.

    Text in another CHARSET than it declares is damaged. No choice of encoding repairs it, and only its card's name is
    lost.
    """
    undecoded = ((card.line, one.text) for card in read_cards(raw) for one in card.undecoded if not one.declared)
    found = list(islice(undecoded, UNDECODED_SAMPLE))
    raw.seek(0)
    if found:
        message = f"near line {found[0][0]}: a card that is not UTF-8 text, and nothing in it says what else it is."
        raise UnsureEncoding(message, encodings_of(b"\n".join(text for _line, text in found)))


@contextmanager
def open_contacts(
    raw: IO[bytes],
    *,
    format: str = AUTO,
    encoding: str = "",
    roles: Sequence[str] | None = None,
    trust_times: bool = False,
) -> Iterator[ContactFile]:
    """Open a seekable contact file, with `format` and `encoding` as given, else as detected from its bytes.

    `roles`: the columns' roles in order, when they differ from the detected ones. `trust_times`: also read the times of
    an operator's feed. Raises UnreadableFile, and its subclass UnsureEncoding when the bytes fit several encodings.
    """
    encoding = named_encoding(encoding) if encoding else ""
    if format == VCARD or (format == AUTO and is_vcards(raw)):
        yield ContactFile(VCARD, encoding, CARD_HEADER, ["name", *KINDS], _cards(raw, encoding))
        return
    found = look(raw, encoding)
    raw.seek(0)
    with open_table(raw, encoding=found.encoding) as table:
        meant = list(roles) if roles is not None else found.roles
        if len(meant) != len(found.header):
            raise UnreadableFile(f"line 1: {len(found.header)} columns, but {len(meant)} were said to be there")
        if not trust_times:
            meant = ["" if role in TIME_ROLES else role for role in meant]
        if not set(meant) & set(KINDS):
            raise NoIdentityColumn("line 1: none of the columns phone, email, handle is there")
        records = chain([Record(table.header_line, table.header)] if found.headless else [], table)
        yield ContactFile(CSV, found.encoding, found.header, meant, _rows(records, meant, found.header, trust_times))


def _rows(records: Iterable[Record], roles: list[str], header: list[str], trust_times: bool) -> Iterator[Entry]:
    layout, identify = Layout(roles, header), identity_normaliser()
    # With one column per kind, the list is hand-made and a bad cell is a mistake to correct. Several columns per kind
    # suggest an exported address book.
    lenient = max(Counter(role for role in roles if role in KINDS).values()) > 1
    owners = [roles.index(role) if role in roles else None for role in OWNER_ROLES]
    times = [roles.index(role) if role in roles else None for role in TIME_ROLES] if trust_times else []
    for record in records:
        staff_no, employee_email = (_at(record, place) for place in owners)
        try:
            if record.problem:
                raise BadEntry("", record.problem, unreadable(record.problem))
            name, identities = layout.person(record.values)
            draft = Draft(name, identities, record.line, None, *_instants(record, times))
            checked = normalise_draft(draft, lenient=lenient, identify=identify)
        except BadEntry as bad:
            checked = NormalisedDraft("", (), record.line, refused=bad.outcome(record.line))
        yield Entry(record.line, checked, record.values, staff_no, employee_email)


def _cards(raw: IO[bytes], encoding: str) -> Iterator[Entry]:
    for card in read_cards(raw, encoding=encoding):
        if card.problem:
            refused = Outcome(card.problem, card.line, "", unreadable(card.problem))
            checked = NormalisedDraft(card.name, (), card.line, refused=refused)
        else:
            checked = normalise_draft(Draft(card.name, card.identities, card.line), lenient=True)
            if card.undecoded and not card.name:
                checked = checked._replace(left_out=(*checked.left_out, "name"))
        cells = [card.name, *("; ".join(raw for kind, raw in card.identities if kind == one) for one in KINDS)]
        yield Entry(card.line, checked, cells)


class BadEntry(ValueError):
    """A row that cannot become a draft: its column, code and message."""

    def __init__(self, column: str, code: str, reason: str):
        super().__init__(reason)
        self.column, self.code, self.reason = column, code, reason

    def outcome(self, line: int) -> Outcome:
        return Outcome(self.code, line, self.column, self.reason)


def unreadable(problem: str) -> str:
    """Return the message for a record that could not be separated from the rest of its file."""
    return {
        drafts.UNTERMINATED_QUOTE: _("A quotation mark is missing or stands in the wrong place."),
        drafts.UNTERMINATED_CARD: _("This card has no end."),
        drafts.TOO_LONG: _("This is too long to be one person."),
    }.get(problem, _("This line cannot be read."))


def _at(record: Record, place: int | None) -> str:
    return record.values[place] if place is not None and place < len(record.values) else ""


def _instants(record: Record, places: Sequence[int | None]) -> list[datetime | None]:
    if not places:
        return []
    at = [_instant(_at(record, place), column) for place, column in zip(places, TIME_ROLES, strict=True)]
    if at[0] is None:
        raise BadEntry("recorded_at", drafts.BAD_TIME, _("A trusted feed gives the instant of every row."))
    return at


def _instant(text: str, column: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        example = "2026-11-30T23:59:59+08:00"
        reason = _("%(text)r is no ISO 8601 instant such as %(example)s.") % {"text": text[:50], "example": example}
        raise BadEntry(column, drafts.BAD_TIME, reason) from error
    if at.tzinfo is None:
        reason = _("%(text)r has no zone: add Z or an offset such as +08:00.") % {"text": text}
        raise BadEntry(column, drafts.BAD_TIME, reason)
    return at


def sha256_of(raw: IO[bytes]) -> bytes:
    """Return the SHA-256 of a whole file; the position is reset to the start."""
    raw.seek(0)
    found = hashlib.sha256()
    while piece := raw.read(1 << 20):
        found.update(piece)
    raw.seek(0)
    return found.digest()
