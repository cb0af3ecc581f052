"""Preview the effect of a file: the same reading and the same rules as the import, without writing anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import IO, Any

from django.conf import settings

from apps.contacts.batches import batches
from apps.contacts.columns import MAX_HEADER_CHARS, NAME_PARTS
from apps.contacts.daily_limit import remaining_today
from apps.contacts.drafts import REJECTED, Outcome, OutcomeCode
from apps.contacts.employee_resolver import EmployeeResolver
from apps.contacts.identity_lookup import known_identities
from apps.contacts.messages import outcome_messages
from apps.contacts.normalisation import MAX_IDENTITIES
from apps.contacts.reading import (
    CSV,
    VCARD,
    XLSX,
    ContactFile,
    Entry,
    is_vcards,
    open_contacts,
    read_table_head,
)
from apps.contacts.recording import evaluate
from apps.contacts.services.column_mappings import remembered_roles
from apps.core.clock import db_now
from apps.core.files import open_file
from apps.core.identity import MAX_RAW_CHARS, slow_email_domain
from apps.core.identity_key import verify_identity_key
from apps.core.models import StoredFile
from apps.core.previews import PreviewResult
from apps.core.text import clean_text
from apps.employees.models import Employee
from apps.fileio.encoding_names import ENCODINGS
from apps.fileio.encodings import sample_lines
from apps.fileio.errors import TooLarge, UnreadableFile, UnsureEncoding
from apps.fileio.vcards.reader import needs_encoding
from apps.fileio.xlsx_reader import is_workbook, refuse_bombs

# The kind of a stored file that is an upload of contacts.
UPLOAD = "contacts/upload"
# The roles an employee may assign to a column. Columns that name the employee are not among them.
OFFERED_ROLES = frozenset({"", "name", *NAME_PARTS, "nickname", "organization", "phone", "email", "handle"})
EXAMPLE_ROWS, MAX_EXAMPLE_CHARS, MAX_REJECT_CHARS = 3, 60, 200
MAX_SHOWN = 20
# Likeliest first: more readings of a file would not help a reader to choose.
MAX_READINGS = 6
# A phone or an address takes a worker far more time than a byte, and a new domain that is not ASCII a hundred times as
# long as another. Address books have one or two of a person, and few such domains; a file confirmed after its preview
# has no more of them for its import.
MAX_IDENTITIES_PER_CONTACT, MAX_SLOW_DOMAINS = 3, 1_000
# Twice what the largest CSV file holds. A workbook may show one long text in a million cells.
MAX_SHOWN_CHARS = 100_000_000
# Unpacked: twice what 20,000 contacts with thirty columns take. Every employee may upload one.
MAX_WORKBOOK_BYTES = 50_000_000


class TooManyContacts(UnreadableFile):
    """The file has more entries than one submission may contain."""

    code = "too_many"


@dataclass
class Preview:
    """The count of each outcome for the whole file, and the first entries as they would be stored."""

    outcome_counts: Counter = field(default_factory=Counter)
    incomplete: int = 0
    shown: list[tuple[Entry, Outcome]] = field(default_factory=list)
    rejects: list[tuple[Entry, Outcome]] = field(default_factory=list)

    def add(self, entry: Entry, outcome: Outcome) -> None:
        """Count one outcome, and keep the entry when it is among the first."""
        self.outcome_counts[outcome.code] += 1
        self.incomplete += bool(entry.draft.dropped) and outcome.code == OutcomeCode.CREATED
        if len(self.shown) < MAX_SHOWN:
            self.shown.append((entry, outcome))
        if outcome.code in REJECTED and len(self.rejects) < MAX_SHOWN:
            self.rejects.append((entry, outcome))

    def as_report(self) -> dict[str, Any]:
        counts = self.outcome_counts
        return {
            "total": counts.total(),
            "created": counts[OutcomeCode.CREATED],
            "duplicate": counts[OutcomeCode.DUPLICATE],
            "rejected": sum(counts[code] for code in REJECTED),
            "incomplete": self.incomplete,
            "shown": [
                _as_json(entry, outcome)
                | {"name": entry.draft.name, "reach": [identity.value for identity in entry.draft.identities]}
                for entry, outcome in self.shown
            ],
            "rejects": [
                _as_json(entry, outcome) | {"cells": " · ".join(filter(None, entry.cells))[:MAX_REJECT_CHARS]}
                for entry, outcome in self.rejects
            ],
        }


def _as_json(entry: Entry, outcome: Outcome) -> dict[str, Any]:
    return {"line": entry.line, "code": outcome.code, "column": outcome.column, "reason": outcome.message}


def _bounded(file: ContactFile, limit: int) -> Iterator[Entry]:
    """The entries of a file. Raises TooLarge at the first one with which it has too much that is slow to read."""
    identities, characters, slow_domains = 0, 0, set[str]()
    for entry in file.entries:
        # All cells of a workbook may show one long text.
        characters += sum(map(len, entry.cells))
        if characters > MAX_SHOWN_CHARS:
            raise TooLarge(MAX_SHOWN_CHARS, "characters", entry.line)
        # Beyond MAX_IDENTITIES an entry is refused unread.
        identities += min(len(entry.raw_identities), MAX_IDENTITIES)
        if identities > limit:
            raise TooLarge(limit, "phones, addresses and handles", entry.line)
        emails = (text for kind, text in entry.raw_identities if kind == "email")
        slow_domains.update(filter(None, (slow_email_domain(clean_text(text, MAX_RAW_CHARS)) for text in emails)))
        if len(slow_domains) > MAX_SLOW_DOMAINS:
            raise TooLarge(MAX_SLOW_DOMAINS, "domains that are not ASCII", entry.line)
        yield entry


def preview(file: ContactFile, *, employee: Employee, limit: int) -> Preview:
    """Evaluate a whole file for one employee against the current contacts.

    `limit` is the maximum number of entries. Raises TooManyContacts, UnreadableFile. A preview does not reveal
    objections; only the report of the recorded file does. A preview does not count towards the daily limit, so an
    employee could otherwise test any number of people.
    """
    # With another key no stored identity would match, and every row would be shown as a new contact.
    verify_identity_key()
    result, resolver = Preview(), EmployeeResolver(employee)
    holders: dict[tuple[int, str, bytes], int] = {}
    # Negative ids distinguish the contacts this file would create from stored ones.
    ids, messages = count(-1, -1), outcome_messages()
    remaining = remaining_today([employee.pk], db_now())
    for batch in batches(_bounded(file, limit * MAX_IDENTITIES_PER_CONTACT)):
        if result.outcome_counts.total() + len(batch) > limit:
            raise TooManyContacts(f"more than {limit} contacts at once")
        resolved = [(entry, resolver.of(entry)) for entry in batch]
        valid = [(employee_id, entry.draft) for entry, employee_id in resolved if isinstance(employee_id, int)]
        stored = known_identities(valid)
        # The identities this file would add stay in the map beside the stored ones. A preview ignores objections.
        holders |= {key: contact_id for key, contact_id in stored.holders.items() if key not in holders}
        known = stored._replace(holders=holders, objected=frozenset())
        for entry, employee_id in resolved:
            if isinstance(employee_id, Outcome):
                outcome = employee_id
            else:
                outcome = evaluate(employee_id, entry.draft, known, ids, messages, remaining)
            result.add(entry, outcome)
    return result


def preview_contacts(stored: StoredFile, options: dict[str, Any]) -> PreviewResult:
    """Read an upload for `employee` (an id), with `encoding` and `roles` as given, else as detected.

    The page shows the report, and the confirmation submits it: `format`, `encoding`, `header`, `roles`, `examples`,
    `chosen`, `headerless`, `preview`. `problem` is a code when the file cannot be recorded as it is.
    """
    report: dict[str, Any] = {
        "format": CSV,
        "encoding": options["encoding"],
        "roles": [],
        "problem": "",
        "preview": None,
    }
    employee = Employee.objects.get(pk=options["employee"])
    with open_file(stored) as raw:
        try:
            _read(report, raw, employee, options["roles"])
        except UnreadableFile as error:
            report |= error.as_problem()
            if isinstance(error, UnsureEncoding):
                report["readings"] = [[name, sample_lines(raw, name)] for name in error.candidates[:MAX_READINGS]]
    return PreviewResult(report)


def _read(
    report: dict[str, Any], raw: IO[bytes], employee: Employee, chosen_roles: Sequence[str | None] | None
) -> None:
    report["format"] = VCARD if is_vcards(raw) else XLSX if is_workbook(raw) else CSV
    if report["format"] == XLSX:
        refuse_bombs(raw, MAX_WORKBOOK_BYTES)
    if report["format"] != VCARD:
        _read_columns(report, raw, employee, chosen_roles)
    elif not report["encoding"] and needs_encoding(raw):
        # UTF-8 has failed and UTF-16 shows itself, so only the other encodings are worth a choice.
        raise UnsureEncoding("", [name for name in ENCODINGS if not name.startswith("utf-")])
    with open_contacts(
        raw, format=report["format"], encoding=report["encoding"], roles=report["roles"] or None
    ) as file:  # fmt: skip
        result = preview(file, employee=employee, limit=settings.MOST_CONTACTS_AT_ONCE)
    if result.outcome_counts:
        report["preview"] = result.as_report()
    else:
        report["problem"] = "no_contacts"


def _read_columns(
    report: dict[str, Any], raw: IO[bytes], employee: Employee, chosen_roles: Sequence[str | None] | None
) -> None:
    head = read_table_head(raw, report["encoding"], EXAMPLE_ROWS)
    header = [heading[:MAX_HEADER_CHARS] for heading in head.header]
    report |= {"encoding": head.encoding, "header": header, "headerless": head.headerless}
    report["chosen"] = chosen_roles is not None and len(chosen_roles) == len(head.header)
    if report["chosen"]:
        report["roles"] = [
            # A form may not make a column name other employees, nor take that meaning from one that does.
            role if role in OFFERED_ROLES and detected in OFFERED_ROLES else detected
            for role, detected in zip(chosen_roles or (), head.roles, strict=True)
        ]
    else:
        # A header made from the roles says nothing about the next file.
        remembered = None if head.headerless else remembered_roles(employee, head.header)
        report["roles"] = remembered or head.roles
    report["examples"] = [_examples(head.rows, column) for column in range(len(head.header))]


def _examples(rows: Sequence[Sequence[str]], column: int) -> list[str]:
    return [row[column][:MAX_EXAMPLE_CHARS] for row in rows if column < len(row) and row[column]][:2]
