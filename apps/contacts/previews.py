"""Preview the effect of a file: the same reading and the same rules as the import, without writing anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import IO, Any

from django.conf import settings

from apps.contacts import drafts
from apps.contacts.batches import batches
from apps.contacts.columns import NAME_PARTS
from apps.contacts.drafts import Outcome
from apps.contacts.employee_resolver import EmployeeResolver
from apps.contacts.reading import CSV, VCARD, ContactFile, Entry, NoIdentityColumn, is_vcards, look, open_contacts
from apps.contacts.recording import NO_EMPLOYEE, Held, existing_identities, judge, left_today, sentences
from apps.contacts.services.column_mappings import remembered_roles
from apps.core.clock import db_now
from apps.core.files import opened
from apps.core.identity_key import verify_identity_key
from apps.core.models import StoredFile
from apps.core.previews import Made
from apps.employees.models import Employee
from apps.fileio.csv_reader import TooLarge, UnreadableFile
from apps.fileio.encodings import ENCODINGS, PackedFile, UnsureEncoding, sample
from apps.fileio.vcards.reader import needs_encoding

# The kind of a stored file that is an upload of contacts.
UPLOAD = "contacts/upload"
# The roles an employee may assign to a column. Columns that name the employee are not among them.
OFFERED_ROLES = frozenset({"", "name", *NAME_PARTS, "nickname", "organization", "phone", "email", "handle"})
EXAMPLE_ROWS, EXAMPLE_CHARACTERS, CELLS_CHARACTERS = 3, 60, 200
SHOWN = 20
SHOWN_REJECTS = 20


class TooManyContacts(UnreadableFile):
    """The file has more entries than one submission may contain."""


@dataclass
class Preview:
    """The count of each outcome for the whole file, and the first entries as they would be stored."""

    counts: Counter = field(default_factory=Counter)
    left_out: int = 0
    shown: list[tuple[Entry, Outcome]] = field(default_factory=list)
    rejects: list[tuple[Entry, Outcome]] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def created(self) -> int:
        return self.counts[drafts.CREATED]

    @property
    def duplicate(self) -> int:
        return self.counts[drafts.DUPLICATE]

    @property
    def rejected(self) -> int:
        return sum(self.counts[code] for code in drafts.REJECTED)

    def as_report(self) -> dict[str, Any]:
        """Return the preview as the page shows it."""
        counts = {name: getattr(self, name) for name in ("total", "created", "duplicate", "rejected", "left_out")}
        shown = [
            _told(entry, outcome)
            | {"name": entry.checked.name, "reach": [identity.value for identity in entry.checked.identities]}
            for entry, outcome in self.shown
        ]
        rejects = [
            _told(entry, outcome) | {"cells": " · ".join(filter(None, entry.cells))[:CELLS_CHARACTERS]}
            for entry, outcome in self.rejects
        ]
        return counts | {"shown": shown, "rejects": rejects}


def _told(entry: Entry, outcome: Outcome) -> dict[str, Any]:
    return {"line": entry.line, "code": outcome.code, "column": outcome.column, "reason": outcome.message}


def preview(file: ContactFile, *, employee: Employee, most: int) -> Preview:
    """Evaluate a whole file for one employee against the current contacts.

    `most` is the maximum number of entries. Raises TooManyContacts, UnreadableFile. A preview does not reveal
    objections; only the report of the recorded file does. A preview does not count towards the daily limit, so an
    employee could otherwise test any number of people.
    """
    verify_identity_key()
    found, owners = Preview(), EmployeeResolver(employee)
    held: Held = {}
    # Negative ids distinguish the contacts this file would create from stored ones.
    ids, messages = count(-1, -1), sentences()
    left: dict[int, int] = {}
    for batch in batches(file.entries):
        if found.total + len(batch) > most:
            raise TooManyContacts(f"more than {most} contacts at once")
        owned = [(entry, owners.of(entry)) for entry in batch]
        good = [(owner, entry.checked) for entry, owner in owned if isinstance(owner, int)]
        # The identities this file would add stay in the map beside the stored ones.
        held = {key: contact for key, contact in existing_identities(good).items() if key[0] != NO_EMPLOYEE} | held
        left = left or left_today([(employee.pk, entry.checked) for entry, _owner in owned], db_now())
        for entry, owner in owned:
            outcome = owner if isinstance(owner, Outcome) else judge(owner, entry.checked, held, ids, messages, left)
            _take(found, entry, outcome)
    return found


def make_preview(stored: StoredFile, asked: dict[str, Any]) -> Made:
    """Read an upload for `employee` (an id), with `encoding` and `roles` as given, else as detected.

    The page shows the report, and the confirmation submits it: `format`, `encoding`, `header`, `roles`, `examples`,
    `chosen`, `headless`, `preview`. `problem` is a code when the file cannot be recorded as it is.
    """
    report: dict[str, Any] = {"format": CSV, "encoding": asked["encoding"], "roles": [], "problem": "", "preview": None}
    employee = Employee.objects.get(pk=asked["employee"])
    with opened(stored) as raw:
        try:
            _read(report, raw, employee, asked["roles"])
        except UnsureEncoding as unsure:
            report["problem"] = "unsure_encoding"
            report["readings"] = [[name, sample(raw, name)] for name in unsure.candidates[:6]]
        except UnreadableFile as error:
            report |= _problem(error)
    return Made(report)


def _problem(error: UnreadableFile) -> dict[str, Any]:
    match error:
        case PackedFile():
            return {"problem": "packed"}
        case NoIdentityColumn():
            return {"problem": "no_identity_column"}
        case TooManyContacts():
            return {"problem": "too_many"}
        case TooLarge():
            return {"problem": "too_large", "line": error.line, "limit": error.limit, "unit": error.unit}
    return {"problem": "unreadable", "line": error.line}


def _read(report: dict[str, Any], raw: IO[bytes], employee: Employee, said: Sequence[str | None] | None) -> None:
    report["format"] = VCARD if is_vcards(raw) else CSV
    if report["format"] == CSV:
        _read_columns(report, raw, employee, said)
    elif not report["encoding"] and needs_encoding(raw):
        raise UnsureEncoding("", [name for name in ENCODINGS if not name.startswith("utf-")])
    with open_contacts(
        raw, format=report["format"], encoding=report["encoding"], roles=report["roles"] or None
    ) as file:  # fmt: skip
        found = preview(file, employee=employee, most=settings.MOST_CONTACTS_AT_ONCE)
    if found.total:
        report["preview"] = found.as_report()
    else:
        report["problem"] = "nobody"


def _read_columns(
    report: dict[str, Any], raw: IO[bytes], employee: Employee, said: Sequence[str | None] | None
) -> None:
    seen = look(raw, report["encoding"], EXAMPLE_ROWS)
    report |= {"encoding": seen.encoding, "header": seen.header, "headless": seen.headless}
    report["chosen"] = said is not None and len(said) == len(seen.header)
    if report["chosen"]:
        report["roles"] = [
            role if role is not None and role in OFFERED_ROLES and own in OFFERED_ROLES else own
            for role, own in zip(said or (), seen.roles, strict=True)
        ]
    else:
        remembered = None if seen.headless else remembered_roles(employee, seen.header)
        report["roles"] = remembered or seen.roles
    report["examples"] = [_examples(seen.rows, place) for place in range(len(seen.header))]


def _examples(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    return [row[place][:EXAMPLE_CHARACTERS] for row in rows if place < len(row) and row[place]][:2]


def _take(found: Preview, entry: Entry, outcome: Outcome) -> None:
    found.counts[outcome.code] += 1
    found.left_out += bool(entry.checked.left_out) and outcome.code == drafts.CREATED
    if len(found.shown) < SHOWN:
        found.shown.append((entry, outcome))
    if outcome.code in drafts.REJECTED and len(found.rejects) < SHOWN_REJECTS:
        found.rejects.append((entry, outcome))
