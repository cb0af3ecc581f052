"""The difference of a load, person by person: the roster before and after it, in the load's transaction.

The preview (rolled back) and the load run the same statements. One digest shows whether the load still matches the
preview.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import chain
from typing import IO, Any, NamedTuple

from django.db import connection
from psycopg2 import sql

from apps.core.sql import statement
from apps.core.time_zones import company_zone
from apps.fileio.csv_injection import escape_formula
from apps.roster.email_changes import new_emails
from apps.roster.parser import Reject
from apps.roster.staging import StagingTable

JOINED, LEFT, MOVED, CHANGED, REJECTED = "joined", "left", "moved", "changed", "rejected"
# A new address. It waits for a second person while the rest of the row is loaded.
ADDRESS = "address"
KINDS = (JOINED, LEFT, MOVED, CHANGED, ADDRESS)
# Number of examples per kind stored beside the counts; the CSV file holds all.
MAX_EXAMPLES = 50
FIELDS = ("name", "email", "phone", "department", "manager", "time_zone", "started_on", "left_on", "chat_id")
MOVES = {"department", "manager"}
HEADER = (
    "change", "line", "staff_no", *(f"{name}{when}" for name in FIELDS for when in ("_before", "")), "effective_on",
    "column", "code", "reason", "content",
)  # fmt: skip

STATE = sql.SQL(statement("roster", "difference", "state"))
STORE_STATE = sql.SQL(statement("roster", "difference", "store_state")).format(
    state=STATE.format(employees=sql.Identifier("employees_employee"))
)
# The load writes the rows of employees last; its view shows them before.
CHANGES = sql.SQL(statement("roster", "difference", "changes")).format(
    state=STATE.format(employees=sql.Identifier("roster_employee"))
)


class ChangedEmployee(NamedTuple):
    """One row of the statement `changes`; `values` are the fields before and after, in the order of FIELDS."""

    line: int
    staff_no: str
    values: list[tuple[str, str]]
    effective_on: str
    periods_before: int
    periods: int
    ends_sooner: bool
    manager_name_before: str
    manager_name: str

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> ChangedEmployee:
        line, staff_no, *rest = row
        pairs, others = rest[: 2 * len(FIELDS)], rest[2 * len(FIELDS) :]
        return cls(line, staff_no, list(zip(pairs[::2], pairs[1::2], strict=True)), *others)


@dataclass(frozen=True)
class Change:
    """The change of one person: the line (0: not in the file), and changed fields as (name, before, after).

    Managers are written as name and number. `back`: the person had left before. `effective_on`: the first day of a
    move, empty for now.
    """

    kind: str
    line: int
    staff_no: str
    name: str
    changes: list[tuple[str, str, str]]
    back: bool = False
    effective_on: str = ""


@dataclass
class Difference:
    """The counts of each kind, the first examples of each, and a digest of all changes.

    `cleared`: the number of values of each field that become empty.
    """

    counts: dict[str, int] = field(default_factory=dict)
    cleared: dict[str, int] = field(default_factory=dict)
    shown: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    digest: str = ""


def store_state(now: datetime) -> None:
    """Keep the state of all employees before the load until the transaction ends; the stage must be filled."""
    with connection.cursor() as cursor:
        cursor.execute(STORE_STATE, {"now": now, "zone": company_zone()})


def difference(
    *, now: datetime, rejects: Iterable[Reject], rows: StagingTable, csv_file: IO[bytes] | None = None
) -> Difference:
    """Return the changes since `store_state` and the rejects among `rows`; write them all to `csv_file`."""
    counts, cleared, digest = Counter[str](), Counter[str](), hashlib.sha256()
    shown: dict[str, list[dict[str, Any]]] = {kind: [] for kind in (*KINDS, REJECTED)}
    table = _DifferenceCsv(csv_file)
    for row in _rows(now):
        employee = ChangedEmployee.of_row(row)
        change = _change(employee)
        counts[change.kind] += 1
        # A leaver who is back has no last day any more: nothing of theirs was cleared.
        if change.kind != JOINED:
            cleared.update(name for name, before, after in change.changes if before and not after)
        # The whole row, also values that the page does not show: the digest is what HR confirms.
        digest.update(repr((change.kind, row)).encode())
        table.write(change.kind, employee)
        if len(shown[change.kind]) < MAX_EXAMPLES:
            shown[change.kind].append(asdict(change))
    for line, _employee, staff_no, name, before, after in new_emails(now):
        counts[ADDRESS] += 1
        digest.update(repr((ADDRESS, line, staff_no, before, after)).encode())
        table.write_address(line, staff_no, before, after)
        if len(shown[ADDRESS]) < MAX_EXAMPLES:
            shown[ADDRESS].append(asdict(Change(ADDRESS, line, staff_no, name, [("email", before, after)])))
    for reject, content in _with_contents(sorted(rejects, key=lambda reject: reject.line), rows):
        cells = asdict(reject)
        counts[REJECTED] += 1
        digest.update(repr(tuple(cells.values())).encode())
        table.write_reject(reject, content)
        # Rejects caused by another row are counted at that row.
        if not reject.cause and len(shown[REJECTED]) < MAX_EXAMPLES:
            shown[REJECTED].append(cells | content)
    return Difference({kind: counts[kind] for kind in shown}, dict(cleared), shown, digest.hexdigest())


def _rows(now: datetime) -> Iterator[Sequence[Any]]:
    with connection.cursor() as cursor:
        # All rows are read: a plan that is fast for the first ones has compared each employee with each.
        cursor.execute("SET LOCAL cursor_tuple_fraction = 1")
    with connection.chunked_cursor() as cursor:
        cursor.execute(CHANGES, {"now": now, "zone": company_zone()})
        while rows := cursor.fetchmany(2_000):
            yield from rows


def _with_contents(rejects: Sequence[Reject], rows: StagingTable) -> Iterator[tuple[Reject, dict[str, str]]]:
    """Each reject, by line, with the person and the values of its row."""
    contents = rows.contents([reject.line for reject in rejects])
    line, *texts = next(contents, (0, "", "", ""))
    for reject in rejects:
        while line and line < reject.line:
            line, *texts = next(contents, (0, "", "", ""))
        found = texts if line == reject.line else ("", "", "")
        yield reject, dict(zip(("staff_no", "name", "content"), found, strict=True))


def _change(employee: ChangedEmployee) -> Change:
    values = dict(zip(FIELDS, employee.values, strict=True))
    changed = {name for name, (before, after) in values.items() if before != after}
    if employee.periods > employee.periods_before:
        kind = JOINED
    elif employee.ends_sooner:
        kind = LEFT
    else:
        kind = MOVED if MOVES & changed else CHANGED
    name_before, name = values["name"]
    # The reader knows managers by name; the numbers decide whether the manager changed.
    manager_before, manager = values["manager"]
    values["manager"] = (
        _with_name(manager_before, employee.manager_name_before), _with_name(manager, employee.manager_name)
    )  # fmt: skip
    # A new employee's name is shown once, as the title of the change.
    shown = [(field, *values[field]) for field in FIELDS if field in changed and (field != "name" or name_before)]
    return Change(
        kind, employee.line, employee.staff_no, name, shown, back=kind == JOINED and employee.periods_before > 0,
        effective_on=employee.effective_on if MOVES & changed and employee.periods_before else "",
    )  # fmt: skip


def _with_name(staff_no: str, name: str) -> str:
    return f"{name} ({staff_no})" if staff_no and name else staff_no


class _DifferenceCsv:
    """The CSV of the whole difference, in the format of all exports: BOM, CRLF, formulas escaped."""

    def __init__(self, csv_file: IO[bytes] | None):
        self._file = csv_file
        if csv_file is not None:
            csv_file.write("\ufeff".encode())
            self._write(HEADER)

    def write(self, kind: str, employee: ChangedEmployee) -> None:
        pairs = chain.from_iterable(employee.values)
        self._write([kind, employee.line or "", employee.staff_no, *pairs, employee.effective_on, "", "", "", ""])

    def write_address(self, line: int, staff_no: str, before: str, after: str) -> None:
        self._write_cells(change=ADDRESS, line=line, staff_no=staff_no, email_before=before, email=after)

    def write_reject(self, reject: Reject, row: dict[str, str]) -> None:
        self._write_cells(
            change=REJECTED, line=reject.line, column=reject.column, code=reject.code, reason=reject.reason, **row
        )

    def _write_cells(self, **cells: Any) -> None:
        self._write([cells.get(column, "") for column in HEADER])

    def _write(self, cells: Sequence[Any]) -> None:
        if self._file is not None:
            text = io.StringIO()
            csv.writer(text).writerow([escape_formula(str(cell)) for cell in cells])
            self._file.write(text.getvalue().encode("utf-8", "replace"))
