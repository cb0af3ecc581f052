"""Contacts from CSV files: rows become drafts, drafts go through the one choke point, a batch a transaction.

A file that was cut off half-way is loaded again as a whole: what is there already is a duplicate, nothing doubles.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import IO, Any

from django.db import transaction

from apps.contacts import rules
from apps.contacts.models import Source, Submission
from apps.contacts.rules import Draft, Outcome
from apps.contacts.services import record_contacts
from apps.employees.models import Employee, EmployeeIdentity
from apps.ledger.rules import Identity, InvalidIdentity, clean_text, storable
from apps.ledger.services import Actor, clock, hold_facts, identity
from apps.ledger.tables import Record, Table, UnreadableFile

BATCH = 2_000
IDENTITY_COLUMNS = ("phone", "email", "handle")
TIME_COLUMNS = ("recorded_at", "confirmed_at", "ended_at")
SHOWN_REJECTS = 100


@dataclass
class ImportResult:
    """What an import did; the first hundred rejects, the rest stands in the rejects file."""

    counts: Counter = field(default_factory=Counter)
    read: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The import's JSON contract."""
        done = {code: self.counts[code] for code in ("created", "updated", "unchanged", "duplicate")}
        rejected = sum(self.counts[code] for code in rules.REJECTED)
        return {"read": self.read, **done, "rejected": rejected, "left": 0, "rejects": self.rejects}


class BadRow(ValueError):
    """A row that is no draft: its column, code and sentence."""

    def __init__(self, column: str, code: str, reason: str):
        super().__init__(reason)
        self.column, self.code, self.reason = column, code, reason


def import_contacts(
    *,
    table: Table,
    by: Actor,
    employee: Employee | None = None,
    trust_times: bool = False,
    dry_run: bool = False,
    file_name: str = "",
    rejects: IO[str] | None = None,
    progress: Callable[[int], None] = lambda read: None,
) -> ImportResult:
    """Record the rows of a table, for `employee` or for the one each row names; `progress(read)` after each batch.

    `trust_times`: the file is an operator's feed and brings recorded_at, confirmed_at and ended_at.
    `rejects` takes the rejected rows as CSV with line, code and reason. Raises UnreadableFile.
    """
    _require_columns(table, employee)
    result = ImportResult(unknown_columns=_unknown(table, trust_times))
    writer = _rejects_writer(rejects, table)
    records = iter(table)
    with ExitStack() as stack:
        if dry_run:
            stack.enter_context(transaction.atomic())
        submission = _receive(employee, by, file_name, Source.FEED if trust_times else Source.CSV)
        while batch := list(islice(records, BATCH)):
            for record, outcome in _record_batch(batch, employee, submission, trust_times):
                _count(result, record, outcome, writer)
            progress(result.read)
        submission.state, submission.done_at = Submission.State.DONE, clock()
        submission.report = {key: value for key, value in result.as_json().items() if key != "rejects"}
        submission.save(update_fields=["state", "done_at", "report"])
        if dry_run:
            transaction.set_rollback(True)
    return result


def _require_columns(table: Table, employee: Employee | None) -> None:
    if not any(column in table.columns for column in IDENTITY_COLUMNS):
        raise UnreadableFile(f"line 1: none of the columns {', '.join(IDENTITY_COLUMNS)} is there")
    if employee is None and not {"staff_no", "employee_email"} & set(table.columns):
        raise UnreadableFile("line 1: the file names no employees: add a column staff_no, or give --employee")


def _unknown(table: Table, trust_times: bool) -> list[str]:
    known = {"name", "staff_no", "employee_email", *IDENTITY_COLUMNS, *(TIME_COLUMNS if trust_times else ())}
    return [column for column in table.columns if column and column not in known]


def _rejects_writer(rejects: IO[str] | None, table: Table) -> Any:
    if rejects is None:
        return None
    # A file of rejects that is corrected, loaded and rejected again has these columns once.
    told = ["line", "code", "reason"]
    columns = [column for column in table.columns if column not in told]
    writer = csv.DictWriter(rejects, [*columns, *told], extrasaction="ignore")
    writer.writeheader()
    return writer


def _receive(employee: Employee | None, by: Actor, file_name: str, source: str) -> Submission:
    with transaction.atomic():
        hold_facts()
        return Submission.objects.create(
            employee=employee, source=source, received_at=clock(), actor_id=by.id, actor_label=by.label,
            file_name=clean_text(file_name),
        )  # fmt: skip


def _record_batch(
    batch: list[Record], employee: Employee | None, submission: Submission, trust_times: bool
) -> Iterator[tuple[Record, Outcome]]:
    owners = _owners(batch) if employee is None else {}
    good: list[tuple[Record, Draft]] = []
    for record in batch:
        try:
            owner = _only(record, employee) if employee else _owner(record, owners)
            good.append((record, _draft(record, owner, trust_times)))
        except BadRow as bad:
            yield record, Outcome(bad.code, record.line, bad.column, bad.reason)
    if good:
        with transaction.atomic():
            outcomes = record_contacts(
                employee_id=None, drafts=[draft for _, draft in good], submission=submission,
                source=submission.source, trust_times=trust_times,
            )  # fmt: skip
        yield from ((record, outcome) for (record, _), outcome in zip(good, outcomes, strict=True))


def _owners(batch: list[Record]) -> dict[str, int]:
    """The employees a batch names, by number and by e-mail as they are written there."""
    numbers = {record.cells.get("staff_no", "") for record in batch}
    written = {record.cells.get("employee_email", "") for record in batch}
    keys = {text: one.digest for text in written if (one := _address(text))}
    found = EmployeeIdentity.objects.filter(kind="email", live=True, digest__in=keys.values())
    holders = {bytes(digest): employee for digest, employee in found.values_list("digest", "employee_id")}
    by_email = {text: holders[digest] for text, digest in keys.items() if digest in holders}
    wanted = [number for number in numbers if number and storable(number)]
    return by_email | dict(Employee.objects.filter(staff_no__in=wanted).values_list("staff_no", "pk"))


def _address(text: str) -> Identity | None:
    try:
        return identity("email", text) if text else None
    except InvalidIdentity:
        return None


def _only(record: Record, employee: Employee) -> int:
    """The one employee the file is for; a row that names somebody else is nobody's."""
    number = record.cells.get("staff_no", "")
    if number not in ("", employee.staff_no):
        raise BadRow("staff_no", rules.UNKNOWN_EMPLOYEE, f"the row names {number}, the file is for {employee.staff_no}")
    return employee.pk


def _owner(record: Record, owners: dict[str, int]) -> int:
    number, email = record.cells.get("staff_no", ""), record.cells.get("employee_email", "")
    owner = owners.get(number or email)
    if owner is None:
        column = "staff_no" if number or not email else "employee_email"
        reason = f"no employee {number or email}" if number or email else "no employee is named"
        raise BadRow(column, rules.UNKNOWN_EMPLOYEE, reason)
    return owner


def _draft(record: Record, owner: int, trust_times: bool) -> Draft:
    cells = record.cells
    identities = tuple((kind, cells[kind]) for kind in IDENTITY_COLUMNS if cells.get(kind))
    times = [_instant(cells, column) for column in TIME_COLUMNS] if trust_times else [None, None, None]
    if trust_times and times[0] is None:
        raise BadRow("recorded_at", rules.BAD_TIME, "a trusted feed gives the instant of every row")
    return Draft(cells.get("name", ""), identities, record.line, owner, *times)


def _instant(cells: dict[str, str], column: str) -> datetime | None:
    text = cells.get(column, "")
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        at = at if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRow(
            column, rules.BAD_TIME, f"{text!r} is no ISO 8601 instant such as 2026-11-30T23:59:59+08:00"
        ) from error
    if at.tzinfo is None:
        raise BadRow(column, rules.BAD_TIME, f"{text!r} has no zone: add Z or an offset such as +08:00")
    return at


def _count(result: ImportResult, record: Record, outcome: Outcome, writer: Any) -> None:
    result.read += 1
    result.counts[outcome.code] += 1
    if outcome.code not in rules.REJECTED:
        return
    told = {"line": record.line, "column": outcome.column, "code": outcome.code, "reason": outcome.message}
    if len(result.rejects) < SHOWN_REJECTS:
        result.rejects.append(told)
    if writer:
        writer.writerow({**record.cells, **told})
