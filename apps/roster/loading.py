"""Apply a roster in one transaction, with set-based SQL on a staging table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any
from zoneinfo import ZoneInfo

from django.db import Error, connection, transaction

from apps.accounts.approvals import ApprovalRefused, supersede_requests
from apps.accounts.models import ApprovalRequest
from apps.core.audit import SYSTEM, Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import ensure_backdating_allowed
from apps.core.identity import clean_text
from apps.core.locks import lock_facts, lock_org_tree
from apps.core.outbox import queue_identity_reevaluation_from_query, queue_reevaluation_from_query
from apps.core.statistics import ROSTER_TABLES, refresh_statistics
from apps.core.time_zones import company_zone, midnight
from apps.employees.org_tree import next_version, rebuild_tree, roster_version
from apps.roster.dependents import AS_BEFORE, BY_INDEX, NEEDS, REFUSE_DEPENDENTS
from apps.roster.diff import Difference, difference, remember_state
from apps.roster.effects import OF_LOAD, count_effect, employed, hr_exists, is_approved, remember_people, require_small
from apps.roster.email_changes import ON_ONE_ROSTER, new_emails, request_email_changes
from apps.roster.models import RosterImport
from apps.roster.parser import Reject, Roster
from apps.roster.rollback import forget_changed, keep_rows, store_changed
from apps.roster.staging import COLUMNS, StagingTable
from apps.roster.statements import (
    EMPLOYMENTS,
    GIVE_UP_EMAILS,
    IDENTITIES,
    KEEP_EMAILS,
    LEAVE_MANAGERS_OUT,
    LEAVERS,
    LOCK_CHANGED_PEOPLE,
    LOCK_PEOPLE,
    NEW_CHAIN,
    NEW_IDENTITIES,
    NEW_MANAGERS,
    PEOPLE,
    PLACEMENTS,
    PLANNED,
    REFUSE_BACKWARDS,
    REFUSE_MISLEADING_NUMBERS,
    REFUSE_TAKEN_EMAILS,
    REFUSE_UNKNOWN_MANAGERS,
    STAGE,
)
from apps.roster.unknown_managers import UNKNOWN, explained

CYCLE, OVERLAP, TOO_DEEP = "23H01", "23H02", "23H06"
# Touched people who are not new.
KNOWN = "NOT EXISTS (SELECT 1 FROM roster_stage new WHERE new.is_new AND new.employee_id = touched.employee_id)"


class RosterRefused(ValueError):
    """The whole file cannot be loaded; nothing was changed. `people`: the staff numbers that `code` is about."""

    def __init__(self, message: str, code: str = "", people: Sequence[str] = ()):
        super().__init__(message)
        self.code, self.people = code, list(people)


class StaleRosterPreview(RuntimeError):
    """The load would differ from its preview; nothing was changed."""


@dataclass
class RosterResult:
    """The outcome of a load, with the names of the import's JSON."""

    read: int
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicate: int = 0
    rejected: int = 0
    left: int = 0
    rejects: list[Reject] = field(default_factory=list)
    without_manager: list[tuple[int, str]] = field(default_factory=list)
    difference: Difference | None = None
    undoable: bool = False
    addresses: int = 0
    effect: dict[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """The outcomes by their JSON names; `addresses` wait for a second person."""
        names = ("read", "created", "updated", "unchanged", "duplicate", "rejected", "left", "addresses")
        return {name: getattr(self, name) for name in names}

    @property
    def loaded_nothing(self) -> bool:
        """Whether nothing was loaded: no row was created, updated or unchanged, and no person left."""
        return not (self.created or self.updated or self.unchanged or self.left)


def load_roster(
    *, roster: Roster, by: Actor, complete: bool = False, dry_run: bool = False, load: RosterImport | None = None,
    file_name: str = "",
) -> RosterResult:  # fmt: skip
    """Load checked rows in one transaction; with `complete`, people missing from the file have left.

    `load`: a previewed and confirmed file; the same transaction completes it, once. Without it, the load is recorded
    under `file_name`.

    Raises RosterRefused for a reporting cycle or overlapping periods, with the people, and for a complete file without
    people. Raises StaleRosterPreview when the difference is not the one that `load` showed. Raises NeedsSecondPerson
    when an approval is missing, and BackdatingBlocked while a freeze reads the roster of that time. After an error
    nothing is changed.

    New addresses of employees wait for a second person. The exception is the first set-up: a command while no HR user
    exists.
    """
    _require_rows(roster, complete)
    with _telling_refusals(), transaction.atomic():
        result = _apply(roster, by, complete, load=load, rebuilds=not dry_run)
        if dry_run:
            transaction.set_rollback(True)
        else:
            _remember(result, by, complete, load, file_name)
            refresh_statistics(*ROSTER_TABLES, written=result.created + result.updated + result.left)
    result.rejects.sort(key=lambda reject: reject.line)
    return result


def preview_roster(*, roster: Roster, complete: bool, to: IO[bytes]) -> tuple[RosterResult, Difference, int]:
    """Return a load's result, its difference and the roster version it is based on; write all `to` as CSV.

    The load is applied and rolled back. Raises what `load_roster` raises.
    """
    _require_rows(roster, complete)
    with _telling_refusals(), transaction.atomic():
        result = _apply(roster, SYSTEM, complete, to=to, rebuilds=False)
        based_on = roster_version()
        transaction.set_rollback(True)
    assert result.difference is not None  # noqa: S101 # nosec B101 # for the type checker
    return result, result.difference, based_on


def _require_rows(roster: Roster, complete: bool) -> None:
    if complete and not roster.mentions_anybody():
        raise RosterRefused("the file names nobody, so a complete load would send everybody away", "nobody")


@contextmanager
def _telling_refusals() -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise _refusal(error) from error
    except ApprovalRefused as error:
        raise RosterRefused(error.message, f"approval_{error.code}") from error


def _refusal(error: Error) -> Exception:
    """Translate a database error to RosterRefused; return other errors unchanged."""
    code, detail = getattr(error.__cause__, "pgcode", ""), getattr(error.__cause__, "diag", None)
    if code == CYCLE and detail:
        return _cycle(detail.message_detail.split(" > "))
    if code == TOO_DEEP and detail:
        return _too_deep(detail.message_detail)
    if code == OVERLAP and detail:
        return RosterRefused(f"two periods of {detail.message_detail} overlap", "overlap", [detail.message_detail])
    return error


def _apply(
    roster: Roster, by: Actor, complete: bool, *, load: RosterImport | None = None, to: IO[bytes] | None = None,
    rebuilds: bool,
) -> RosterResult:  # fmt: skip
    # Lock order as in rollback.undo_load: facts, tree, the load's row, then employees.
    lock_facts()
    ensure_backdating_allowed()
    lock_org_tree()
    if load is not None:
        _hold(load)
    now, alone = db_now(), load is None and to is None and _is_set_up(by)
    result = RosterResult(read=roster.read, duplicate=roster.duplicate)
    with connection.cursor() as cursor:
        cursor.execute(PLANNED)
        cursor.execute(STAGE)
        _stage(cursor, roster.staged)
        if not alone:
            cursor.execute(KEEP_EMAILS)
        refused, result.without_manager = _refuse(cursor, now, roster)
        result.rejects = _explained(roster, refused)
        _refuse_deep_chains(cursor)
        cursor.execute(LOCK_PEOPLE if rebuilds else LOCK_CHANGED_PEOPLE)
        compares = load is not None or to is not None
        if compares:
            remember_state(now)
        keeps, before = rebuilds and keep_rows(), employed(now)
        # Lines of an operator's command, or approved by a second person, are trusted.
        unproven = by.id is not None and not (load and is_approved(ApprovalRequest.Kind.ROSTER_LOAD, load))
        _change_people(cursor, now, unproven)
        if complete:
            result.left = _send_away(cursor, now, roster)
        _count(cursor, result)
        result.addresses = len(new_emails(now))
        if load is not None:
            _refuse_own_leaving(cursor, by, now)
    if compares:
        result.difference = difference(now=now, rejects=result.rejects, to=to)
    if load is not None and result.difference and result.difference.digest != load.digest:
        raise StaleRosterPreview
    result.undoable = keeps
    if rebuilds:
        rebuild_tree(now)
        if keeps and not alone:
            _require_approval(result, load, by, before, now)
        audit("roster.loaded", by=by, kind="roster", detail=result.counts | {"complete": complete})
    return result


def _refuse_deep_chains(cursor: Any) -> None:
    """Refuse a cycle or too many levels among new employees before locking or writing."""
    cursor.execute(NEW_MANAGERS)
    deepest = cursor.fetchone()
    if deepest is None:
        return
    cursor.execute(NEW_CHAIN, {"staff_no": deepest[0]})
    chain = [staff_no for (staff_no,) in cursor.fetchall()]
    again = next((number for place, number in enumerate(chain) if number in chain[:place]), None)
    if again is None:
        raise _too_deep(chain[-1])
    first = chain.index(again)
    raise _cycle(chain[first : chain.index(again, first + 1) + 1])


def _cycle(people: list[str]) -> RosterRefused:
    return RosterRefused(f"a reporting cycle, each reports to the next: {' > '.join(people)}", "cycle", people)


def _too_deep(manager: str) -> RosterRefused:
    return RosterRefused(f"more than 100 levels of managers stand below {manager}", "too_deep", [manager])


def _is_set_up(by: Actor) -> bool:
    """Whether this is the first set-up: an operator's command while no account holds the HR role."""
    return by.id is None and not hr_exists()


def _require_approval(
    result: RosterResult, load: RosterImport | None, by: Actor, employed_before: int, now: datetime
) -> None:
    """Raise NeedsSecondPerson when an approval is missing, which rolls the load back."""
    remember_people(OF_LOAD, prefix="pg_temp.was_")
    result.effect = count_effect(now, by)
    if load is None or not is_approved(ApprovalRequest.Kind.ROSTER_LOAD, load, result.effect):
        require_small(result.effect, employed_before, now)


def _refuse_own_leaving(cursor: Any, by: Actor, now: datetime) -> None:
    """Refuse a file that ends the employment of the account loading it.

    Such a file is probably wrong, and that account could not undo it.
    """
    cursor.execute(
        "SELECT 1 FROM accounts_account account WHERE account.id = %(by)s AND account.employee_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = account.employee_id"
        " AND in_force_from(work.starts_at, work.ends_at, %(now)s))",
        {"by": by.id, "now": now},
    )
    if cursor.fetchone():
        raise RosterRefused("this file would send away the one who loads it", "yourself")


def _change_people(cursor: Any, now: datetime, unproven: bool) -> None:
    moment = {"now": now}
    for statement in (*PEOPLE, IDENTITIES):
        cursor.execute(statement, moment | {"unproven": unproven})
    queue_identity_reevaluation_from_query(NEW_IDENTITIES, moment)
    for statement in EMPLOYMENTS:
        cursor.execute(statement, moment)
    _note_holders_of("SELECT employee_id FROM roster_touched WHERE judged")
    for statement in PLACEMENTS:
        cursor.execute(statement, moment)


def _send_away(cursor: Any, now: datetime, roster: Roster) -> int:
    left = midnight(now.astimezone(ZoneInfo(company_zone())).date())
    cursor.execute(LEAVERS.format(rows=roster.staged.rows), {"now": now, "left": left})
    queue_reevaluation_from_query("SELECT employee_id FROM roster_left")
    _note_holders_of("SELECT employee_id FROM roster_left")
    cursor.execute("SELECT count(*) FROM roster_left")
    return int(cursor.fetchone()[0])


def _hold(load: RosterImport) -> None:
    """Lock the load; raise StaleRosterPreview unless it waits for the roster version it was shown against."""
    held = RosterImport.objects.select_for_update(no_key=True, of=("self",)).get(pk=load.pk)
    if (held.state, held.digest) != (RosterImport.State.RECEIVED, load.digest) or held.based_on != roster_version():
        raise StaleRosterPreview


def _remember(result: RosterResult, by: Actor, complete: bool, load: RosterImport | None, file_name: str) -> None:
    """Record the load, and its roster version when it changed any row."""
    version = next_version() if result.created or result.updated or result.left else None
    told: dict[str, Any] = {
        "state": RosterImport.State.DONE,
        "done_at": db_now(),
        "version": version,
        "done": result.read,
    }
    if load is None:
        load = RosterImport.objects.create(
            actor_id=by.id, actor_label=by.label, file_name=clean_text(file_name), complete=complete,
            total=result.read, report=result.counts, effect=result.effect, **told,
        )  # fmt: skip
    else:
        told |= {"report": load.report | result.counts, "effect": result.effect}
        RosterImport.objects.filter(pk=load.pk).update(**told, actor_id=by.id, actor_label=by.label)
    request_email_changes(load, by, told["done_at"])
    if version is not None:
        supersede_requests(ApprovalRequest.objects.filter(kind__in=ON_ONE_ROSTER, decision=None))
        forget_changed()
        if result.undoable:
            store_changed(load.pk)


def _note_holders_of(employees: str) -> None:
    """Queue re-evaluation for employees who recorded one of these people, whose time as colleagues may change."""
    queue_identity_reevaluation_from_query(
        f"SELECT kind, digest FROM employees_employeeidentity WHERE employee_id IN ({employees})"
    )


def _stage(cursor: Any, staged: StagingTable) -> None:
    cursor.execute(f"INSERT INTO roster_stage ({COLUMNS}) SELECT {COLUMNS} FROM {staged.rows} WHERE good")
    cursor.execute("ANALYZE roster_stage")


def _refuse(cursor: Any, now: datetime, roster: Roster) -> tuple[list[Reject], list[tuple[int, str]]]:
    """Reject rows that cannot be loaded, and the rows that depend on them.

    Also returns (line, manager) of rows loaded without the unknown manager they name.
    """
    for statement in GIVE_UP_EMAILS:
        cursor.execute(statement, {"now": now})
    rejects: list[Reject] = []
    managers = not roster.without_unknown_managers
    refusals = (REFUSE_BACKWARDS, *REFUSE_MISLEADING_NUMBERS, REFUSE_TAKEN_EMAILS)
    for statement in (*refusals, *([REFUSE_UNKNOWN_MANAGERS] if managers else [])):
        cursor.execute(statement, {"now": now})
        rejects += [Reject(*row) for row in cursor.fetchall()]
    if rejects:
        cursor.execute(NEEDS, {"now": now, "managers": managers})
        for statement in BY_INDEX:
            cursor.execute(statement)
        cursor.execute(REFUSE_DEPENDENTS)
        rejects += [Reject(*row) for row in cursor.fetchall()]
        cursor.execute(AS_BEFORE)
    if managers:
        return rejects, []
    cursor.execute(LEAVE_MANAGERS_OUT)
    return rejects, sorted(cursor.fetchall())


def _explained(roster: Roster, refused: list[Reject]) -> list[Reject]:
    """All rejects; those below an unknown manager refer to the row that caused them."""
    rejects = [*roster.rejects, *refused]
    if not any(reject.code == UNKNOWN for reject in refused):
        return rejects
    people = [*roster.staged.refused(), *roster.staged.named([reject.line for reject in refused])]
    return explained(rejects, people)


def _count(cursor: Any, result: RosterResult) -> None:
    """Count the outcomes, and queue the people whose marks may change."""
    cursor.execute("SELECT count(*), count(*) FILTER (WHERE is_new) FROM roster_stage")
    staged, result.created = cursor.fetchone()
    cursor.execute(f"SELECT count(DISTINCT employee_id) FROM roster_touched touched WHERE {KNOWN}")
    [result.updated] = cursor.fetchone()
    result.unchanged = staged - result.created - result.updated
    result.rejected = len(result.rejects)
    queue_reevaluation_from_query(f"""SELECT employee_id FROM roster_stage WHERE is_new
        UNION ALL SELECT employee_id FROM roster_touched touched WHERE judged AND {KNOWN}""")
