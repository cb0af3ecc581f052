"""Read contact files of any origin as entries: the person, normalised, and the line. Nothing is written.

CSV tables and workbooks (`columns` recognises the header) and vCard files (`vcards`) produce the same entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import IO, NamedTuple

from django.utils.translation import gettext as _

from apps.contacts.columns import VOCABULARY, PersonReader, labels_of_phones, recognise
from apps.contacts.drafts import Draft, NormalisedDraft, Outcome, OutcomeCode, kind_of
from apps.contacts.normalisation import normalise_draft
from apps.core.errors import Refused
from apps.core.identity import KINDS
from apps.core.identity_key import identity_normaliser
from apps.fileio.csv_reader import MAX_HEAD_LINES, Record, Table, open_table
from apps.fileio.encoding_names import named_encoding
from apps.fileio.encodings import detect_encoding, encodings_of
from apps.fileio.errors import UnreadableFile, UnsureEncoding
from apps.fileio.vcards.reader import looks_like_vcards, read_cards
from apps.fileio.xlsx_reader import Workbook, is_workbook, open_workbook

CSV, XLSX, VCARD, AUTO = "csv", "xlsx", "vcard", "auto"
FORMATS = (AUTO, CSV, XLSX, VCARD)
TIME_ROLES = ("recorded_at", "confirmed_at", "ended_at")
EMPLOYEE_ROLES = ("staff_no", "employee_email")
# The number of undecoded texts sampled to find the possible encodings of a vCard file.
MAX_UNDECODED_SAMPLES = 1_000
# The columns in which a rejected card is returned.
CARD_HEADER = ["name", "phone", "email", "handle"]


class Entry(NamedTuple):
    """One line or card: the normalised draft, the employee as written, and the cells to return when it is rejected.

    `raw_identities`: what the draft was normalised from, as (kind, text).
    """

    line: int
    draft: NormalisedDraft
    cells: Sequence[str]
    staff_no: str = ""
    employee_email: str = ""
    raw_identities: Sequence[tuple[str, str]] = ()


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
        return [name for index, (name, role) in columns if name and not role and index not in labels]

    @property
    def names_employees(self) -> bool:
        return bool(set(EMPLOYEE_ROLES) & set(self.roles))


class NoIdentityColumn(UnreadableFile):
    """The header has no column for a phone, an e-mail or a handle."""

    code = "no_identity_column"


@dataclass
class TableHead:
    """The header, the first rows and the detected roles of a table, before its entries are read.

    `format`: CSV or XLSX. `headerless`: the first line is a person instead of a header; the header is then made from
    the roles.
    """

    format: str
    encoding: str
    header: list[str]
    rows: list[list[str]]
    roles: list[str]
    headerless: bool


def read_table_head(raw: IO[bytes], encoding: str = "", rows: int = 3, format: str = AUTO) -> TableHead:
    """Detect the encoding, header and roles of a table; with the format CSV a workbook is refused.

    Raises UnreadableFile, and its subclass UnsureEncoding.
    """
    raw.seek(0)
    found = XLSX if format != CSV and is_workbook(raw) else CSV
    if found == XLSX:
        encoding = ""
    else:
        encoding = named_encoding(encoding) if encoding else detect_encoding(raw, vocabulary=VOCABULARY)
    with _open_rows(raw, found, encoding, MAX_HEAD_LINES) as table:
        roles, first = recognise(table.header), [record.values for record in islice(table, rows)]
        guessed = None if set(roles) & set(KINDS) else roles_of_person(table.header)
        if guessed is None:
            return TableHead(found, encoding, table.header, first, roles, headerless=False)
        header = [role or f"column {number}" for number, role in enumerate(guessed, 1)]
        return TableHead(found, encoding, header, [table.header, *first][:rows], guessed, headerless=True)


@contextmanager
def _open_rows(
    raw: IO[bytes], format: str, encoding: str, only_lines: int | None = None
) -> Iterator[Table | Workbook]:  # fmt: skip
    raw.seek(0)
    if format == XLSX:
        with open_workbook(raw, score=_heading_score) as book:
            yield book
        return
    with open_table(raw, encoding=encoding, only_lines=only_lines) as table:
        yield table


def _heading_score(cells: Sequence[str]) -> int:
    """Return how many columns a row of headings names; 0 for a row that names no phone, e-mail or handle."""
    roles = recognise(cells)
    return sum(map(bool, roles)) if set(roles) & set(KINDS) else 0


def roles_by_name(raw: IO[bytes], encoding: str, named: Mapping[str, str]) -> list[str]:
    """Return the roles of a table's columns: those in `named` (column name to role), else the detected ones.

    Raises UnreadableFile when no column has one of the names.
    """
    head = read_table_head(raw, encoding)
    role_of = {name.strip().lower(): role for name, role in named.items()}
    if missing := role_of.keys() - {name.lower() for name in head.header}:
        raise UnreadableFile(f"line 1: there is no column {min(missing)}; found {', '.join(head.header)}")
    return [role_of.get(name.lower(), role) for name, role in zip(head.header, head.roles, strict=True)]


def roles_of_person(cells: Sequence[str]) -> list[str] | None:
    """Return the roles of one person's cells, guessed from their form; None when no cell is a valid phone or e-mail.

    Any word can be a handle, so a cell that looks like one proves nothing.
    """
    roles: list[str] = []
    for cell in cells:
        kind = kind_of(cell)
        if kind in ("phone", "email") and normalise_draft(Draft("", ((kind, cell),))).identities:
            roles.append(kind)
        else:
            roles.append("name" if cell and "name" not in roles else "")
    return roles if set(roles) & set(KINDS) else None


def is_vcards(raw: IO[bytes]) -> bool:
    """Return whether a file starts like a vCard file; the position is reset to the start."""
    raw.seek(0)
    head = raw.read(4096)
    raw.seek(0)
    return looks_like_vcards(head)


def refuse_undecoded_cards(raw: IO[bytes]) -> None:
    """Raise UnsureEncoding when a card's text is not UTF-8 and declares no CHARSET, as for a CSV file.

    Text in another CHARSET than it declares is damaged. No choice of encoding repairs it, and only its card's name is
    lost.
    """
    undecoded = ((card.line, value.text) for card in read_cards(raw) for value in card.undecoded if not value.declared)
    samples = list(islice(undecoded, MAX_UNDECODED_SAMPLES))
    raw.seek(0)
    if samples:
        message = f"near line {samples[0][0]}: a card that is not UTF-8 text, and nothing in it says what else it is."
        raise UnsureEncoding(message, encodings_of(b"\n".join(text for _line, text in samples)))


@contextmanager
def open_contacts(
    raw: IO[bytes], *, format: str = AUTO, encoding: str = "", roles: Sequence[str] | None = None,
    trust_times: bool = False,
) -> Iterator[ContactFile]:  # fmt: skip
    """Open a seekable contact file, with `format` and `encoding` as given, else as detected from its bytes.

    `roles`: the columns' roles in order, when they differ from the detected ones. `trust_times`: also read the times of
    an operator's feed. Raises UnreadableFile, and its subclass UnsureEncoding when the bytes fit several encodings.
    """
    encoding = named_encoding(encoding) if encoding else ""
    if format == VCARD or (format == AUTO and is_vcards(raw)):
        yield ContactFile(VCARD, encoding, CARD_HEADER, ["name", *KINDS], _cards(raw, encoding))
        return
    table_head = read_table_head(raw, encoding, format=format)
    with _open_rows(raw, table_head.format, table_head.encoding) as table:
        column_roles = list(roles) if roles is not None else table_head.roles
        if len(column_roles) != len(table_head.header):
            raise UnreadableFile(f"line 1: {len(table_head.header)} columns, but roles for {len(column_roles)}")
        # Without this, an employee could backdate contacts into a campaign that is over.
        if not trust_times:
            column_roles = ["" if role in TIME_ROLES else role for role in column_roles]
        if not set(column_roles) & set(KINDS):
            raise NoIdentityColumn("line 1: the columns phone, email and handle are all missing")
        # Without a header, the first line is the first person.
        records = chain([Record(table.header_line, table.header)] if table_head.headerless else [], table)
        entries = _rows(records, column_roles, table_head.header, trust_times)
        yield ContactFile(table_head.format, table_head.encoding, table_head.header, column_roles, entries)


def _rows(records: Iterable[Record], roles: list[str], header: list[str], trust_times: bool) -> Iterator[Entry]:
    reader, identify = PersonReader(roles, header), identity_normaliser()
    # With one column per kind, the list is hand-made and a bad cell is a mistake to correct. Several columns per kind
    # suggest an exported address book.
    lenient = max(Counter(role for role in roles if role in KINDS).values()) > 1
    employee_columns = [roles.index(role) if role in roles else None for role in EMPLOYEE_ROLES]
    times = [roles.index(role) if role in roles else None for role in TIME_ROLES] if trust_times else []
    for record in records:
        staff_no, employee_email = (_cell(record, column) for column in employee_columns)
        identities: Sequence[tuple[str, str]] = ()
        try:
            if record.problem:
                raise Refused(record.problem, problem_message(record.problem))
            name, identities = reader.person(record.values)
            raw_draft = Draft(name, identities, record.line, *_instants(record, times))
            draft = normalise_draft(raw_draft, lenient=lenient, identify=identify)
        except Refused as error:
            refused = Outcome(error.code, record.line, error.field, error.message)
            draft = NormalisedDraft("", (), record.line, refused=refused)
        yield Entry(record.line, draft, record.values, staff_no, employee_email, identities)


def _cards(raw: IO[bytes], encoding: str) -> Iterator[Entry]:
    for card in read_cards(raw, encoding=encoding):
        if card.problem:
            refused = Outcome(card.problem, card.line, "", problem_message(card.problem))
            draft = NormalisedDraft(card.name, (), card.line, refused=refused)
        else:
            draft = normalise_draft(Draft(card.name, card.identities, card.line), lenient=True)
            if card.undecoded and not card.name:
                # The contact is recorded without its name, and the report says so.
                draft = draft._replace(dropped=(*draft.dropped, "name"))
        texts = {kind: [text for text_kind, text in card.identities if text_kind == kind] for kind in KINDS}
        cells = [card.name, *map("; ".join, texts.values())]
        yield Entry(card.line, draft, cells, raw_identities=card.identities)


def problem_message(problem: str) -> str:
    """Return the message for a record that could not be separated from the rest of its file."""
    messages: dict[str, str] = {
        OutcomeCode.UNTERMINATED_QUOTE: _("A quotation mark is missing or in the wrong place."),
        OutcomeCode.UNTERMINATED_CARD: _("This vCard is incomplete: its end is missing."),
        OutcomeCode.TOO_LONG: _("This is too long for one person."),
    }
    return messages.get(problem, _("This line cannot be read."))


def _cell(record: Record, column: int | None) -> str:
    return record.values[column] if column is not None and column < len(record.values) else ""


def _instants(record: Record, columns: Sequence[int | None]) -> list[datetime | None]:
    if not columns:
        return []
    at = [_instant(_cell(record, column), role) for column, role in zip(columns, TIME_ROLES, strict=True)]
    # Without it the row would count from the day on which the feed was sent.
    if at[0] is None:
        raise Refused(OutcomeCode.BAD_TIME, _("In a trusted feed, every row needs its instant."), "recorded_at")
    return at


def _instant(text: str, column: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        # Converted inside the try, because an offset can move a year 1 or 9999 out of range.
        at = at if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        example = "2026-11-30T23:59:59+08:00"
        reason = _("%(text)r is not an ISO 8601 instant such as %(example)s.") % {"text": text[:50], "example": example}
        raise Refused(OutcomeCode.BAD_TIME, reason, column) from error
    if at.tzinfo is None:
        reason = _("%(text)r has no zone: add Z or an offset such as +08:00.") % {"text": text}
        raise Refused(OutcomeCode.BAD_TIME, reason, column)
    return at
