"""What of the directory waits for a second person: one file for each account that caused the changes (ADR 87)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from apps.accounts.approvals import supersede_requests
from apps.accounts.models import ApprovalRequest
from apps.core.audit import SYSTEM, Actor
from apps.core.errors import Refused
from apps.core.jobs import claim_job
from apps.core.sql import execute, statement
from apps.roster.directory_loads import DAILY_LIMIT, FILE_NAME, MARK_WAITING_ADDRESSES
from apps.roster.directory_models import DirectoryUser
from apps.roster.directory_rows import csv_of, rows_of
from apps.roster.import_approvals import require_fewer_requests
from apps.roster.import_processing import process_load
from apps.roster.imports import confirm, leavers_to_type, receive_upload, refresh_preview
from apps.roster.models import RosterImport, RosterSource

logger = logging.getLogger(__name__)
State = DirectoryUser.State
# Rows of one file fit into memory.
MAX_USERS = 20_000
# While a file of the directory waits for a decision, further loads would make its request stale.
PAUSE = timedelta(hours=2)
RETRY_MINUTES = 30
SETTLE_ADDRESSES = statement("roster", "directory", "settle_addresses")


def follow_decisions(now: datetime) -> None:
    """Release the users whose file was decided on, or whose request has ended without a decision."""
    for load in RosterImport.objects.filter(pk__in=DirectoryUser.objects.exclude(load=None).values("load")):
        users = DirectoryUser.objects.filter(load=load, state=State.HELD)
        request = _requests(load).first()
        decision = request.decision if request else None
        if load.state == RosterImport.State.CONFIRMED:
            continue
        if decision == ApprovalRequest.Decision.REFUSED:
            users.update(state=State.REFUSED, problem="refused_by_hr", load=None)
        elif load.state == RosterImport.State.DONE:
            _follow_load(load, users)
        elif request is None or decision or request.expires_at <= now:
            users.update(load=None)
    execute(SETTLE_ADDRESSES)


def _follow_load(load: RosterImport, users: QuerySet[DirectoryUser]) -> None:
    # Compared with the roster once more: what is equal by now is applied.
    users.filter(other_actors=[]).update(state=State.WAITING, problem="", load=None)
    ids = list(users.values_list("pk", flat=True))
    # A load of one account would be an author too few, also of the request for a new address. A file with rejected
    # rows is requested again.
    if load.report.get("rejected"):
        users.update(state=State.REFUSED, problem="rejected", load=None)
        return
    with transaction.atomic():
        users.update(state=State.APPLIED, problem="", load=None)
        execute(MARK_WAITING_ADDRESSES, {"ids": ids})


def request_waits(now: datetime) -> bool:
    """Whether a recent file of the directory waits for a second person, or is being applied."""
    loads = RosterImport.objects.filter(source=RosterSource.SCIM)
    if loads.filter(state=RosterImport.State.CONFIRMED).exists():
        return True
    recent = loads.filter(state=RosterImport.State.REQUESTED, asked_at__gt=now - PAUSE)
    subjects = [str(pk) for pk in recent.values_list("pk", flat=True)]
    return ApprovalRequest.objects.open(now).filter(subject__in=subjects).exists()


def request_held(now: datetime) -> None:
    """Request a second person for the held users of one account, as one file. Without a request they stay held.

    The accounts with the oldest changes come first; one that may not request lets the next one pass.
    """
    held = DirectoryUser.objects.filter(state=State.HELD, load=None).exclude(problem=DAILY_LIMIT)
    held = held.order_by("changed_at", "pk")
    if not held.exists() or not claim_job("directory_request", f"{now:%Y-%m-%dT%H}:{now.minute // RETRY_MINUTES}"):
        return
    authors = [(actor, tuple(others)) for actor, others in held.values_list("actor_id", "other_actors")]
    for actor, others in dict.fromkeys(authors):
        if _request(list(held.filter(actor_id=actor, other_actors=list(others))[:MAX_USERS]), now):
            return


def _request(users: Sequence[DirectoryUser], now: datetime) -> bool:
    """Whether a file of these users, who have the same authors, has been confirmed."""
    if not users:
        return False
    by = Actor(users[0].actor_id, users[0].actor_label)
    try:
        with transaction.atomic():
            require_fewer_requests(by)
        load = _upload(users, by, now)
        if not confirm(load, digest=load.digest, by=by, leavers=leavers_to_type(load)):
            return False
    except Refused as refusal:
        logger.warning("changes of the directory need a second person and cannot be requested: %s", refusal.code)
        return False
    # One that has changed since it was read is held no longer.
    DirectoryUser.objects.filter(pk__in=[user.pk for user in users], state=State.HELD).update(load=load)
    process_load(load.pk)
    _require_unchanged(load, len(users))
    return True


def _require_unchanged(load: RosterImport, number: int) -> None:
    """Close the request when a user of the file has changed before there was a request to supersede."""
    with transaction.atomic():
        # Waits for changes in progress; a later one finds the request.
        present = DirectoryUser.objects.filter(load=load).order_by("pk").select_for_update()
        if len(present.values_list("pk")) < number:
            supersede_requests(_requests(load), SYSTEM)


def _requests(load: RosterImport) -> QuerySet[ApprovalRequest]:
    return ApprovalRequest.objects.filter(kind=ApprovalRequest.Kind.ROSTER_LOAD, subject=str(load.pk))


def _upload(users: Sequence[DirectoryUser], by: Actor, now: datetime) -> RosterImport:
    """Store the users as a file and preview it, as an upload of HR."""
    content = csv_of(rows_of(users), now)
    load = receive_upload(name=FILE_NAME, content=[content], source=RosterSource.SCIM, by=by)
    load.other_actors = users[0].other_actors
    load.save(update_fields=["other_actors"])
    refresh_preview(load, complete=False, clear_empty=True, by=by)
    process_load(load.pk)
    load.refresh_from_db()
    return load
