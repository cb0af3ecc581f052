"""A worker applies what SCIM has stored to the roster, as loads of one HR user (ADR 87).

A load follows every rule of a file: the same checks, the same audit trail, and a second person where the effect needs
one. Users who need a second person are separated by halving; together they become one file that waits for approval.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from apps.accounts.approvals import require_second_person
from apps.accounts.models import ApprovalRequest
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.closed_periods import BackdatingBlocked
from apps.core.errors import Refused
from apps.core.jobs import claim_job
from apps.core.locks import advisory_lock
from apps.core.sql import execute, statement
from apps.roster.directory_models import DirectoryUser
from apps.roster.directory_rows import DirectoryRow, DirectoryTable, csv_of, rows_of
from apps.roster.effects import NeedsSecondPerson
from apps.roster.import_approvals import require_fewer_requests
from apps.roster.import_processing import process_load
from apps.roster.imports import confirm, leavers_to_type, receive_upload, refresh_preview
from apps.roster.load_checks import UnloadableRoster
from apps.roster.loading import RosterResult, load_roster
from apps.roster.models import RosterImport, RosterSource
from apps.roster.parser import read_roster

logger = logging.getLogger(__name__)
State = DirectoryUser.State
FILE_NAME = "directory.csv"
# One load takes the tree lock for seconds at most, and its rows fit into memory.
MAX_USERS = 20_000
# Halving isolates one user of a thousand in twenty loads; the others of a larger group wait with it.
MAX_LOADS = 24
# While a file of the directory waits for a decision, further loads would make its request stale.
PAUSE = timedelta(hours=2)
RETRY_MINUTES = 30
MARK = statement("roster", "directory", "mark")
MARK_WAITING_ADDRESSES = statement("roster", "directory", "mark_waiting_addresses")
WAKE_REPORTS = statement("roster", "directory", "wake_reports")


@dataclass
class _Run:
    """One run of the synchronisation: its actor, and how many loads it may still try."""

    by: Actor
    loads_left: int = MAX_LOADS


def apply_directory() -> bool:
    """Apply what the directory has stored. Idempotent. False when another worker does it, or when it must wait.

    Does nothing unless ROSTER_SOURCE says that the directory maintains the roster.
    """
    if settings.ROSTER_SOURCE != RosterSource.SCIM:
        return False
    with advisory_lock("roster:directory") as acquired:
        if not acquired:
            return False
        now = db_now()
        _follow_decisions(now)
        _retry_refused(now)
        if _request_waits(now):
            return False
        try:
            while users := list(_waiting()[:MAX_USERS]):
                by = _newest_actor(users)
                _require_loader(by)
                _apply(users, _Run(by))
                execute(WAKE_REPORTS)
            _request_held(now)
        except BackdatingBlocked:
            return False
        except Refused as refusal:
            logger.warning("the directory's changes wait: its token's owner may not load a roster: %s", refusal.code)
            return False
        DirectoryUser.objects.filter(state=State.APPLIED).exclude(deleted_at=None).delete()
    return True


def _require_loader(by: Actor) -> None:
    """Raise Refused when the token's owner could not load a file: not an HR user, or an account changed recently."""
    with transaction.atomic():
        require_second_person(by)


def _waiting() -> QuerySet[DirectoryUser]:
    return DirectoryUser.objects.filter(state=State.WAITING).order_by("changed_at", "pk")


def has_waiting() -> bool:
    """Whether users wait for the roster or for a decision, so that the sweep has to enqueue the synchronisation."""
    if settings.ROSTER_SOURCE != RosterSource.SCIM:
        return False
    return DirectoryUser.objects.exclude(state=State.APPLIED).exists()


def _newest_actor(users: Sequence[DirectoryUser]) -> Actor:
    newest = max(users, key=lambda user: user.changed_at)
    return Actor(newest.actor_id, newest.actor_label)


def _follow_decisions(now: datetime) -> None:
    """Release the users whose file was decided on, or whose request has ended without a decision."""
    for load in RosterImport.objects.filter(pk__in=DirectoryUser.objects.exclude(load=None).values("load")):
        users = DirectoryUser.objects.filter(load=load, state=State.HELD)
        request = ApprovalRequest.objects.filter(kind=ApprovalRequest.Kind.ROSTER_LOAD, subject=str(load.pk)).first()
        decision = request.decision if request else None
        if load.state == RosterImport.State.CONFIRMED:
            continue
        if decision == ApprovalRequest.Decision.REFUSED:
            users.update(state=State.REFUSED, problem="refused_by_hr", load=None)
        elif load.state == RosterImport.State.DONE:
            # Compared with the roster once more: what is equal by now is applied.
            users.update(state=State.WAITING, problem="", load=None)
        elif request is None or decision or request.expires_at <= now:
            users.update(load=None)


def _retry_refused(now: datetime) -> None:
    """Try the refused users again once a day: an address may be free by now. The refusals of HR stand."""
    refused = DirectoryUser.objects.filter(state=State.REFUSED, load=None).exclude(problem="refused_by_hr")
    if refused.exists() and claim_job("directory_retry", f"{now:%Y-%m-%d}"):
        refused.update(state=State.WAITING, problem="", reason="")


def _request_waits(now: datetime) -> bool:
    """Whether a recent file of the directory waits for a second person, or is being applied."""
    loads = RosterImport.objects.filter(source=RosterSource.SCIM)
    if loads.filter(state=RosterImport.State.CONFIRMED).exists():
        return True
    recent = loads.filter(state=RosterImport.State.REQUESTED, asked_at__gt=now - PAUSE)
    subjects = [str(pk) for pk in recent.values_list("pk", flat=True)]
    return ApprovalRequest.objects.open(now).filter(subject__in=subjects).exists()


def _apply(users: Sequence[DirectoryUser], run: _Run) -> None:
    """Load these users, or the halves of them that can be loaded; mark each one with its outcome."""
    numbered = [user for user in users if user.staff_no]
    _mark([user for user in users if not user.staff_no], State.REFUSED, "no_staff_no")
    if not numbered:
        return
    if run.loads_left <= 0:
        _mark(numbered, State.HELD, "too_many_loads")
        return
    run.loads_left -= 1
    rows = rows_of(numbered)
    try:
        roster = read_roster(DirectoryTable(rows), clear_empty=True)
        # The option of a file would compare the whole roster, to count the cleared values for a reader.
        roster.clear_empty = False
        result = load_roster(roster=roster, by=run.by, file_name=FILE_NAME, source=RosterSource.SCIM)
    except NeedsSecondPerson:
        _separate(numbered, run, State.HELD, "second_person")
    except UnloadableRoster as error:
        named = [user for user in numbered if user.staff_no in error.people]
        if named:
            _mark(named, State.REFUSED, error.code, str(error))
            _apply([user for user in numbered if user not in named], run)
            return
        held = error.code.startswith("approval_")
        _separate(numbered, run, State.HELD if held else State.REFUSED, error.code)
    else:
        _mark_loaded(rows, result)


def _separate(users: Sequence[DirectoryUser], run: _Run, state: State, problem: str) -> None:
    """Load each half, or mark the users when nothing is left to halve."""
    if len(users) == 1 or run.loads_left <= 0:
        _mark(users, state, problem)
        return
    middle = len(users) // 2
    _apply(users[:middle], run)
    _apply(users[middle:], run)


def _mark_loaded(rows: Sequence[DirectoryRow], result: RosterResult) -> None:
    rejected = {reject.line: reject for reject in result.rejects}
    outcomes = []
    for line, row in enumerate(rows, start=1):
        if reject := rejected.get(line):
            outcomes.append((row.user, State.REFUSED, reject.code, reject.reason))
        else:
            outcomes.append((row.user, State.APPLIED, row.problem, ""))
    _write_marks(outcomes)
    execute(MARK_WAITING_ADDRESSES, {"ids": [row.user.pk for row in rows]})


def _mark(users: Sequence[DirectoryUser], state: State, problem: str, reason: str = "") -> None:
    _write_marks([(user, state, problem, reason) for user in users])


def _write_marks(outcomes: Sequence[tuple[DirectoryUser, State, str, str]]) -> None:
    if not outcomes:
        return
    execute(
        MARK,
        {
            "ids": [user.pk for user, *_rest in outcomes],
            "versions": [user.version for user, *_rest in outcomes],
            "states": [str(state) for _user, state, *_rest in outcomes],
            "problems": [problem for _user, _state, problem, _reason in outcomes],
            "reasons": [reason for *_rest, reason in outcomes],
        },
    )


def _request_held(now: datetime) -> None:
    """Request a second person for all held users together, as one file. Without a request they stay held."""
    held = list(DirectoryUser.objects.filter(state=State.HELD, load=None).order_by("changed_at", "pk")[:MAX_USERS])
    if not held or not claim_job("directory_request", f"{now:%Y-%m-%dT%H}:{now.minute // RETRY_MINUTES}"):
        return
    by = _newest_actor(held)
    try:
        with transaction.atomic():
            require_fewer_requests(by)
        load = _upload(rows_of(held), by, now)
        if confirm(load, digest=load.digest, by=by, leavers=leavers_to_type(load)):
            DirectoryUser.objects.filter(pk__in=[user.pk for user in held], state=State.HELD).update(load=load)
            process_load(load.pk)
    except Refused as refusal:
        logger.warning("changes of the directory need a second person and cannot be requested: %s", refusal.code)


def _upload(rows: Sequence[DirectoryRow], by: Actor, now: datetime) -> RosterImport:
    """Store the rows as a file and preview it, as an upload of HR."""
    load = receive_upload(name=FILE_NAME, content=[csv_of(rows, now)], source=RosterSource.SCIM, by=by)
    refresh_preview(load, complete=False, clear_empty=True, by=by)
    process_load(load.pk)
    load.refresh_from_db()
    return load
