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
from typing import IO, Any, Protocol

from django.db import connection

from apps.core.time_zones import company_zone
from apps.fileio.csv_injection import escape_formula
from apps.roster.email_changes import new_emails

JOINED, LEFT, MOVED, CHANGED, REJECTED = "joined", "left", "moved", "changed", "rejected"
# A new address. It waits for a second person while the rest of the row is loaded.
ADDRESS = "address"
KINDS = (JOINED, LEFT, MOVED, CHANGED, ADDRESS)
# Number of examples per kind stored beside the counts; the CSV file holds all.
SHOWN = 50
FIELDS = ("name", "email", "phone", "department", "manager", "time_zone", "started_on", "left_on")
MOVES = {"department", "manager"}
REJECT_FIELDS = ("line", "column", "code", "reason", "about", "dependents", "cause")
HEADER = (
    "change", "line", "staff_no", *(f"{name}{when}" for name in FIELDS for when in ("_before", "")), "effective_on",
    "column", "code", "reason",
)  # fmt: skip

DAY = "CASE WHEN isfinite({0}) THEN to_char({0} AT TIME ZONE %(zone)s, 'YYYY-MM-DD') ELSE '' END"
LAST_DAY = DAY.format("(newest.ends_at - interval '1 microsecond')")
# The placement at the time the load would move the person. The employment is a lateral look-up per person: right after
# a load the planner has no statistics, and would scan all periods for each person.
STATE = f"""
SELECT person.id AS employee_id, person.staff_no, person.name, person.email, person.phone,
    coalesce(place.department, '') AS department, coalesce(boss.staff_no, '') AS manager, person.time_zone,
    {DAY.format("newest.starts_at")} AS started_on, {LAST_DAY} AS left_on,
    coalesce(newest.ends_at, '-infinity') AS ends_at, coalesce(newest.periods, 0) AS periods,
    coalesce(boss.name, '') AS manager_name
FROM employees_employee person
LEFT JOIN roster_stage row ON row.staff_no = person.staff_no
LEFT JOIN employees_placement place ON place.employee_id = person.id
    AND in_force_from(place.starts_at, place.ends_at, coalesce(row.effective_at, %(now)s))
LEFT JOIN employees_employee boss ON boss.id = place.manager_id
LEFT JOIN LATERAL (
    SELECT starts_at, ends_at, count(*) OVER () AS periods FROM employees_employment work
    WHERE work.employee_id = person.id ORDER BY starts_at DESC LIMIT 1
) newest ON true
"""
BEFORE = f"""
DROP TABLE IF EXISTS pg_temp.roster_before;
CREATE TEMP TABLE roster_before ON COMMIT DROP AS {STATE};
CREATE INDEX ON roster_before (employee_id);
ANALYZE roster_before;
"""
COMPARED = ", ".join(f"{{0}}.{name}" for name in (*FIELDS, "ends_at", "periods"))
DIFFERENT = f"""
SELECT coalesce(row.line, 0), now_is.staff_no,
    {", ".join(f"coalesce(was.{name}, ''), now_is.{name}" for name in FIELDS)},
    {DAY.format("row.effective_at")}, coalesce(was.periods, 0), now_is.periods,
    now_is.ends_at < coalesce(was.ends_at, 'infinity') AS ends_sooner,
    coalesce(was.manager_name, ''), now_is.manager_name
FROM ({STATE}) now_is LEFT JOIN roster_before was USING (employee_id)
LEFT JOIN roster_stage row ON row.staff_no = now_is.staff_no
WHERE ({COMPARED.format("now_is")}) IS DISTINCT FROM ({COMPARED.format("was")})
ORDER BY now_is.staff_no COLLATE "C"
"""


class Rejected(Protocol):
    """A row that is not loaded."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> str: ...

    @property
    def code(self) -> str: ...

    @property
    def reason(self) -> str: ...

    @property
    def about(self) -> str: ...

    @property
    def dependents(self) -> int: ...

    @property
    def cause(self) -> int: ...


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
    """The counts of each kind, the first examples of each, and a digest of all changes."""

    counts: dict[str, int] = field(default_factory=dict)
    shown: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    digest: str = ""


def remember_state(now: datetime) -> None:
    """Keep the state of all employees before the load until the transaction ends; the stage must be filled."""
    with connection.cursor() as cursor:
        cursor.execute(BEFORE, {"now": now, "zone": company_zone()})


def difference(*, now: datetime, rejects: Iterable[Rejected], to: IO[bytes] | None = None) -> Difference:
    """Return the changes since `remember_state` and the rejects; write them all `to` a file as CSV."""
    found, counts, digest = Difference(), Counter[str](), hashlib.sha256()
    shown: dict[str, list[dict[str, Any]]] = {kind: [] for kind in (*KINDS, REJECTED)}
    table = _Table(to)
    for row in _rows(now):
        change = _change(row)
        counts[change.kind] += 1
        digest.update(repr((change.kind, row)).encode())
        table.write(change.kind, row)
        if len(shown[change.kind]) < SHOWN:
            shown[change.kind].append(asdict(change))
    for line, _employee, staff_no, name, before, after in new_emails(now):
        counts[ADDRESS] += 1
        digest.update(repr((ADDRESS, line, staff_no, before, after)).encode())
        table.write_address(line, staff_no, before, after)
        if len(shown[ADDRESS]) < SHOWN:
            shown[ADDRESS].append(asdict(Change(ADDRESS, line, staff_no, name, [("email", before, after)])))
    for reject in sorted(rejects, key=lambda reject: reject.line):
        told = {name: getattr(reject, name) for name in REJECT_FIELDS}
        counts[REJECTED] += 1
        digest.update(repr(tuple(told.values())).encode())
        table.write_reject(reject)
        # Rejects caused by another row are counted at that row.
        if not reject.cause and len(shown[REJECTED]) < SHOWN:
            shown[REJECTED].append(told)
    found.counts, found.shown, found.digest = {kind: counts[kind] for kind in shown}, shown, digest.hexdigest()
    return found


def _rows(now: datetime) -> Iterator[Sequence[Any]]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(DIFFERENT, {"now": now, "zone": company_zone()})
        while rows := cursor.fetchmany(2_000):
            yield from rows


def _change(row: Sequence[Any]) -> Change:
    line, staff_no, *rest = row
    pairs, (effective_on, periods_before, periods, sooner, manager_before, manager) = rest[:-6], rest[-6:]
    values = {name: (pairs[2 * place], pairs[2 * place + 1]) for place, name in enumerate(FIELDS)}
    changed = [(name, before, after) for name, (before, after) in values.items() if before != after]
    if periods > periods_before:
        kind = JOINED
    elif sooner:
        kind = LEFT
    else:
        kind = MOVED if MOVES & {name for name, _before, _after in changed} else CHANGED
    managers = {"manager": (manager_before, manager)}
    told = []
    for name, before, after in changed:
        who_before, who = managers.get(name, ("", ""))
        if name != "name" or before:
            told.append((name, _with_name(before, who_before), _with_name(after, who)))
    moves = bool(MOVES & {name for name, *_ in told})
    return Change(
        kind, line, staff_no, values["name"][1], told, back=kind == JOINED and periods_before > 0,
        effective_on=effective_on if moves and periods_before else "",
    )  # fmt: skip


def _with_name(staff_no: str, name: str) -> str:
    return f"{name} ({staff_no})" if staff_no and name else staff_no


class _Table:
    """The CSV of the whole difference, in the format of all exports: BOM, CRLF, formulas escaped."""

    def __init__(self, to: IO[bytes] | None):
        self._to = to
        if to is not None:
            to.write("\ufeff".encode())
            self._write(HEADER)

    def write(self, kind: str, row: Sequence[Any]) -> None:
        line, staff_no, *rest = row
        self._write([kind, line or "", staff_no, *rest[:-5], "", "", ""])

    def write_address(self, line: int, staff_no: str, before: str, after: str) -> None:
        blanks = [""] * (len(HEADER) - 7)
        self._write([ADDRESS, line, staff_no, "", "", before, after, *blanks])

    def write_reject(self, reject: Rejected) -> None:
        blanks = [""] * (len(HEADER) - 5)
        self._write([REJECTED, reject.line, *blanks, reject.column, reject.code, reject.reason])

    def _write(self, cells: Sequence[Any]) -> None:
        if self._to is not None:
            text = io.StringIO()
            csv.writer(text).writerow([escape_formula(str(cell)) for cell in cells])
            self._to.write(text.getvalue().encode("utf-8", "replace"))
