"""Apply a roster in one transaction, with set-based SQL on a staging table."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from django.db import connection, transaction

from apps.accounts.access_endings import carry_out_access_endings, defer_access_endings
from apps.accounts.approvals import supersede_requests
from apps.accounts.models import ApprovalRequest
from apps.core.audit import SYSTEM, Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import ensure_backdating_allowed
from apps.core.events import record_event
from apps.core.files import extend_file
from apps.core.locks import begin_roster_preview, lock_facts, lock_org_tree
from apps.core.statistics import ROSTER_TABLES, refresh_own_statistics, refresh_statistics
from apps.core.text import clean_text
from apps.employees.org_tree import next_version, rebuild_tree, roster_version
from apps.roster import load_writing
from apps.roster.changed_employees import write_changed_employees
from apps.roster.diff import Difference, difference, store_state
from apps.roster.effects import (
    NeedsSecondPerson,
    count_effect,
    employed,
    hr_exists,
    is_approved,
    require_approval_if_large,
    store_people_before_load,
)
from apps.roster.email_changes import VERSION_BOUND_KINDS, new_emails, request_email_changes
from apps.roster.load_checks import (
    UnloadableRoster,
    refuse_deep_chains,
    refuse_own_leaving,
    reject_rows,
    unloadable_errors,
)
from apps.roster.models import DIFFERENCE_LIFETIME, RosterImport, RosterSource
from apps.roster.parser import Reject, Roster
from apps.roster.undo import copy_tables, delete_stored_changes, store_changed

# A million rows take less for each statement of a preview.
PREVIEW_STATEMENT_MILLISECONDS = 120_000


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

    def count(self, staged: int, created: int, updated: int) -> None:
        """Set the outcomes from the numbers of staged, created and updated rows."""
        self.created, self.updated, self.unchanged = created, updated, staged - created - updated
        self.rejected = len(self.rejects)


def load_roster(
    *, roster: Roster, by: Actor, complete: bool = False, dry_run: bool = False, load: RosterImport | None = None,
    file_name: str = "", source: RosterSource = RosterSource.FILE,
) -> RosterResult:  # fmt: skip
    """Load checked rows in one transaction; with `complete`, people missing from the file have left.

    `load`: a previewed and confirmed file; the same transaction completes it, once. Without it, the load is recorded
    under `file_name` and `source`.

    Raises UnloadableRoster for a reporting cycle or overlapping periods, with the people, and for a complete file
    without people. Raises StaleRosterPreview when the difference is not the one that `load` showed. Raises
    NeedsSecondPerson when an approval is missing, and BackdatingBlocked while a freeze reads the roster of that time.
    After an error nothing is changed.

    New addresses of employees wait for a second person. The exception is the first set-up: a command while no HR user
    exists.
    """
    _require_rows(roster, complete)
    with unloadable_errors(), transaction.atomic():
        result = _apply(roster, by, complete, load=load, commits=not dry_run)
        if dry_run:
            transaction.set_rollback(True)
        else:
            _record(result, by, complete, load, {"file_name": clean_text(file_name), "source": source})
            refresh_statistics(*ROSTER_TABLES, written=result.created + result.updated + result.left)
            carry_out_access_endings()
    # In the order of the file: the checks found them in their own order.
    result.rejects.sort(key=lambda reject: reject.line)
    return result


def preview_roster(*, roster: Roster, complete: bool, csv_file: IO[bytes]) -> tuple[RosterResult, Difference, int]:
    """Return a load's result, its difference and the roster version it is based on; write it all to `csv_file`.

    The load is applied and rolled back, without a lock that other changes of the roster wait for. Raises what
    `load_roster` raises, and StaleRosterPreview when the roster changed meanwhile.
    """
    _require_rows(roster, complete)
    with transaction.atomic():
        # Waits for a load in progress, and ends with this transaction.
        lock_org_tree()
    with unloadable_errors(), transaction.atomic():
        based_on = roster_version()
        result = _apply(roster, SYSTEM, complete, csv_file=csv_file, commits=False)
        if roster_version() != based_on:
            raise StaleRosterPreview
        transaction.set_rollback(True)
    assert result.difference is not None  # noqa: S101 # nosec B101 # for the type checker
    return result, result.difference, based_on


def _require_rows(roster: Roster, complete: bool) -> None:
    if complete and not roster.has_rows():
        raise UnloadableRoster(
            "the file names no employee, so a complete load would end every employment", "no_employees"
        )


def _apply(
    roster: Roster, by: Actor, complete: bool, *, load: RosterImport | None = None, csv_file: IO[bytes] | None = None,
    commits: bool,
) -> RosterResult:  # fmt: skip
    _lock(load, preview=csv_file is not None)
    # The clock is read under the locks: a fact dated earlier could precede one that is already committed.
    now, first_set_up = db_now(), load is None and csv_file is None and by.id is None and not hr_exists()
    result = RosterResult(read=roster.read, duplicate=roster.duplicate)
    with connection.cursor() as cursor:
        load_writing.stage(cursor, roster, emails_need_approval=not first_set_up)
        result.rejects, result.without_manager = reject_rows(cursor, now, roster)
        refuse_deep_chains(cursor)
        # With `clear_empty` the command says how many values become empty.
        has_preview = load is not None or csv_file is not None or roster.clear_empty
        if has_preview:
            store_state(now)
        # Copied before the first write, which replaces the rows that an undo needs.
        result.undoable, headcount = commits and copy_tables(), employed(now)
        load_writing.write_rows(cursor, now, _is_unproven(load, by))
        if complete:
            result.left = load_writing.end_missing_employments(cursor, now, roster)
        result.count(*load_writing.count_rows(cursor))
        result.addresses = len(new_emails(now))  # after the writes, which fill in the ids of the staged rows
        if load is not None:
            refuse_own_leaving(cursor, by, now)  # after the writes, which end employments
    if has_preview:
        # The difference joins the rows just written, for which the planner has no statistics yet.
        refresh_own_statistics(*ROSTER_TABLES, written=result.created + result.updated)
        result.difference = difference(now=now, rejects=result.rejects, rows=roster.staged, csv_file=csv_file)
    # HR confirmed what the page showed: exactly that is applied, or nothing.
    if load is not None and result.difference and result.difference.digest != load.digest:
        raise StaleRosterPreview
    if commits:
        rebuild_tree(now)
        if result.undoable and not first_set_up:
            _require_approval(result, load, by, headcount, now)
        write_changed_employees()
        _audit_load(result, load, by, complete=complete)
    return result


def _is_unproven(load: RosterImport | None, by: Actor) -> bool:
    """Whether addresses are those of one HR user; an operator's command and a second person are trusted."""
    return by.id is not None and not (load and is_approved(ApprovalRequest.Kind.ROSTER_LOAD, load))


def _audit_load(result: RosterResult, load: RosterImport | None, by: Actor, *, complete: bool) -> None:
    file = {"id": str(load.pk), "label": load.file_name} if load else {}
    audit("roster.loaded", by=by, kind="roster", detail=result.counts | {"complete": complete}, **file)


def _require_approval(
    result: RosterResult, load: RosterImport | None, by: Actor, headcount: int, now: datetime
) -> None:
    """Raise NeedsSecondPerson when an approval is missing, which rolls the load back."""
    store_people_before_load()
    result.effect = count_effect(now, by)
    if load is None or not is_approved(ApprovalRequest.Kind.ROSTER_LOAD, load, result.effect):
        if load is not None and load.other_actors:
            raise NeedsSecondPerson(result.effect)
        require_approval_if_large(result.effect, headcount, now)


def _lock(load: RosterImport | None, *, preview: bool) -> None:
    # Lock order as in undo.undo_load: facts, tree, the load's row; the rows of employees and accounts come last.
    defer_access_endings()
    if preview:
        begin_roster_preview(PREVIEW_STATEMENT_MILLISECONDS)
    else:
        lock_facts()
    ensure_backdating_allowed()
    if not preview:
        lock_org_tree()
    if load is not None:
        _lock_load(load)


def _lock_load(load: RosterImport) -> None:
    """Lock the load; raise StaleRosterPreview unless it waits for the roster version it was shown against."""
    locked = RosterImport.objects.select_for_update(no_key=True, of=("self",)).get(pk=load.pk)
    confirmed = (locked.state, locked.digest) == (RosterImport.State.CONFIRMED, load.digest)
    if not confirmed or locked.based_on != roster_version():
        raise StaleRosterPreview


def _record(result: RosterResult, by: Actor, complete: bool, load: RosterImport | None, origin: dict[str, Any]) -> None:
    """Record the load, and its roster version when it changed any row; a load without a file has the given `origin`."""
    now, version = db_now(), next_version() if result.created or result.updated or result.left else None
    values: dict[str, Any] = {
        "state": RosterImport.State.DONE, "done_at": now, "version": version, "done": result.read,
        "effect": result.effect, "actor_id": by.id, "actor_label": by.label,
    }  # fmt: skip
    if load is None:
        load = RosterImport.objects.create(
            complete=complete, total=result.read, report=result.counts, **origin, **values
        )
    else:
        RosterImport.objects.filter(pk=load.pk).update(report=load.report | result.counts, **values)
        # The difference shows what it did. Applied files that are kept add up without a limit.
        if load.file is not None:
            load.file.delete()
        if load.difference_id:
            extend_file(load.difference_id, now + DIFFERENCE_LIFETIME)
    # The directory sends changes all day: its loads are no news for the owner of the token.
    recipient = None if load.source == RosterSource.SCIM else by.id
    record_event("roster_applied", subject=load.pk, account_id=recipient)
    request_email_changes(load, by, now)
    if version is not None:
        # They were counted on the roster before this load, and approving one now would decide on other numbers.
        supersede_requests(ApprovalRequest.objects.filter(kind__in=VERSION_BOUND_KINDS, decision=None), by)
        delete_stored_changes()
        if result.undoable:
            store_changed(load.pk)
