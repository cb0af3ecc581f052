"""Roster loads that wait for a second person: the request limit per account, and the step after approval."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.utils.translation import gettext as _

from apps.accounts.approvals import require_few_requests, require_second_person
from apps.accounts.models import ApprovalRequest
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.employees.org_tree import roster_version
from apps.roster.effects import EFFECT_WINDOW, roster_changed
from apps.roster.models import RosterImport
from apps.roster.ownership import require_roster_source

State = RosterImport.State
KINDS = (ApprovalRequest.Kind.ROSTER_LOAD, ApprovalRequest.Kind.ROSTER_UNDO)
# Per account, within EFFECT_WINDOW: own requests, and requests of others that its changes supersede.
REQUESTS_A_DAY, SUPERSEDED_A_DAY = 3, 5


def locked_load(load_id: uuid.UUID) -> RosterImport:
    """Return the load under its row lock."""
    return RosterImport.objects.select_for_update(no_key=True, of=("self",)).select_related("file").get(pk=load_id)


def queue_approved_load(request: ApprovalRequest) -> uuid.UUID:
    """Queue the load of an approved request for a worker. Raises Refused.

    The caller holds the facts lock and the tree lock.
    """
    load = locked_load(uuid.UUID(request.subject))
    # Approved numbers hold only for the roster on which they were counted.
    if load.state != State.REQUESTED or load.file is None or load.based_on != roster_version():
        raise roster_changed()
    require_roster_source(load.source)
    load.state, load.advanced_at, load.attempts, load.done = State.CONFIRMED, db_now(), 0, 0
    load.save(update_fields=["state", "advanced_at", "attempts", "done"])
    return load.pk


def _refuse_superseding(by: Actor, now: datetime, since: datetime) -> None:
    """Raise Refused when this account's changes keep superseding the requests of others, and one of these waits.

    Each change of the roster supersedes them. A loop of tiny files would otherwise stop all large loads and undos.
    """
    of_others = ApprovalRequest.objects.filter(kind__in=KINDS).exclude(requested_by_id=by.id)
    superseded = of_others.filter(superseded_by_id=by.id, decided_at__gt=since)
    if superseded.count() >= SUPERSEDED_A_DAY and of_others.open(now).exists():
        message = _(
            "A roster change of another HR user is waiting for a decision, and your files have superseded %(most)s "
            "such requests within a day. Wait for the decision, or ask another HR user to load this file."
        )
        raise Refused("superseding", message % {"most": SUPERSEDED_A_DAY}, conflict=True)


def require_fewer_requests(by: Actor) -> None:
    """Raise Refused when the account may not request, has a load in progress, or reached the daily limit.

    The limit counts the loads and undos that needed a second person. The need itself reveals whether a file holds
    anyone's contact, so no account may probe with many files (ADR 63). Other changes of the roster wait for each one.
    A load whose request another account or a command superseded may be requested again: superseding the own request
    would give any number of probes. Commands have no limit.
    """
    if by.id is None:
        return
    require_second_person(by)
    if RosterImport.objects.filter(state=State.CONFIRMED, actor_id=by.id).exists():
        raise Refused("busy", _("Another file of yours is being applied. Wait until it is done."), conflict=True)
    require_few_requests(ApprovalRequest.Kind.EMAIL_CHANGE, by)
    now = db_now()
    since = now - EFFECT_WINDOW
    _refuse_superseding(by, now, since)
    requests = ApprovalRequest.objects.filter(kind__in=KINDS, requested_by_id=by.id, requested_at__gt=since)
    refused = RosterImport.objects.filter(
        state=State.REFUSED, actor_id=by.id, done_at__gt=since, report__problem__code__startswith="approval_"
    )
    superseded = requests.filter(decision=ApprovalRequest.Decision.SUPERSEDED).exclude(superseded_by_id=by.id)
    attempts = requests.exclude(pk__in=superseded).count() + refused.count()
    attempts += superseded.values("kind", "payload__digest").distinct().count()
    if attempts >= REQUESTS_A_DAY:
        raise Refused(
            "too_many",
            _("%(most)s of your files needed a second person within a day. Ask another HR user to load this one.")
            % {"most": REQUESTS_A_DAY},
            conflict=True,
        )
