"""A worker applies what SCIM has stored to the roster, as loads of HR users (ADR 87).

A load follows every rule of a file: the same checks, the same audit trail, and a second person where the effect needs
one. Each load and each file holds the changes of one account, whose owner is its author.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from apps.accounts.approvals import require_second_person
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.closed_periods import BackdatingBlocked
from apps.core.errors import Refused
from apps.core.jobs import claim_job
from apps.core.locks import advisory_lock
from apps.core.sql import execute, statement
from apps.roster.directory_loads import DAILY_LIMIT, Run, apply_users
from apps.roster.directory_models import DirectoryUser
from apps.roster.directory_requests import follow_decisions, request_held, request_waits
from apps.roster.models import RosterSource

logger = logging.getLogger(__name__)
State = DirectoryUser.State
# One load takes the tree lock for seconds at most, and its rows fit into memory.
MAX_USERS = 20_000
WAKE_REPORTS = statement("roster", "directory", "wake_reports")


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
        follow_decisions(now)
        if request_waits(now):
            return False
        _retry_daily(now)
        try:
            _apply_waiting(now)
            request_held(now)
        except BackdatingBlocked:
            return False
        DirectoryUser.objects.filter(state=State.APPLIED).exclude(deleted_at=None).delete()
    return True


def _apply_waiting(now: datetime) -> None:
    """Apply the waiting users account by account, those with the oldest changes first."""
    may_not_load: set[int] = set()
    while author := _waiting().exclude(actor_id__in=may_not_load).values_list("actor_id", "actor_label").first():
        by = Actor(*author)
        users = _waiting().filter(actor_id=author[0])
        if code := _refusal_of_loader(by):
            logger.warning("changes of the directory wait: their token's owner may not load a roster: %s", code)
            DirectoryUser.objects.filter(state=State.WAITING, actor_id=author[0]).update(problem=code)
            may_not_load.add(author[0])
            continue
        apply_users(list(users[:MAX_USERS]), Run(by, now))
        execute(WAKE_REPORTS)


def _refusal_of_loader(by: Actor) -> str:
    """Why the token's owner could not load a file: not an HR user, or an account changed recently. Else empty."""
    try:
        with transaction.atomic():
            require_second_person(by)
    except Refused as refusal:
        return refusal.code
    return ""


def _waiting() -> QuerySet[DirectoryUser]:
    return DirectoryUser.objects.filter(state=State.WAITING).order_by("changed_at", "pk")


def has_waiting() -> bool:
    """Whether users wait for the roster or for a decision, so that the sweep has to enqueue the synchronisation."""
    if settings.ROSTER_SOURCE != RosterSource.SCIM:
        return False
    return DirectoryUser.objects.exclude(state=State.APPLIED).exists()


def _retry_daily(now: datetime) -> None:
    """Try refused users again once a day, when an address may be free by now, and those beyond the limit of a day.

    The refusals of HR stand.
    """
    refused = Q(state=State.REFUSED) & ~Q(problem="refused_by_hr")
    users = DirectoryUser.objects.filter(refused | Q(state=State.HELD, problem=DAILY_LIMIT), load=None)
    if users.exists() and claim_job("directory_retry", f"{now:%Y-%m-%d}"):
        users.update(state=State.WAITING, problem="", reason="")
