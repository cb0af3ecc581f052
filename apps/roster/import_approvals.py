"""Roster loads that wait for a second person: the request limit per account, and the step after approval."""

from __future__ import annotations

import uuid

from django.utils.translation import gettext as _

from apps.accounts.approvals import ApprovalRefused, require_second_person
from apps.accounts.models import ApprovalRequest
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.employees.org_tree import roster_version
from apps.roster.effects import SUMMED_OVER, roster_changed
from apps.roster.models import RosterImport

State = RosterImport.State
# Per account, within SUMMED_OVER.
REQUESTS_A_DAY = 3


def held_load(load_id: uuid.UUID) -> RosterImport:
    """Return the load under its row lock."""
    return RosterImport.objects.select_for_update(no_key=True, of=("self",)).select_related("file").get(pk=load_id)


def hand_over(request: ApprovalRequest) -> uuid.UUID:
    """Queue the load of an approved request for a worker. Raises ApprovalRefused.

    The caller holds the facts lock and the tree lock.
    """
    held = held_load(uuid.UUID(request.subject))
    if held.state != State.REQUESTED or held.file is None or held.based_on != roster_version():
        raise roster_changed()
    held.state, held.advanced_at, held.attempts, held.done = State.RECEIVED, db_now(), 0, 0
    held.save(update_fields=["state", "advanced_at", "attempts", "done"])
    return held.pk


def require_fewer_requests(by: Actor) -> None:
    """Raise ApprovalRefused when the account may not request, has a load in progress, or reached the daily limit.

    The limit counts loads and undos that needed a second person. The need itself reveals whether a file holds anyone's
    contact, so no account may probe with many files (ADR 63). Operator commands have no limit.
    """
    if by.id is None:
        return
    require_second_person(by)
    if RosterImport.objects.filter(state=State.RECEIVED, actor_id=by.id).exists():
        raise ApprovalRefused("busy", _("Another file of yours is being applied: wait until it is done."))
    since, kinds = db_now() - SUMMED_OVER, (ApprovalRequest.Kind.ROSTER_LOAD, ApprovalRequest.Kind.ROSTER_UNDO)
    asked = ApprovalRequest.objects.filter(kind__in=kinds, requested_by_id=by.id, requested_at__gt=since)
    refused = RosterImport.objects.filter(
        state=State.REFUSED, actor_id=by.id, done_at__gt=since, report__problem__code__startswith="approval_"
    )
    if asked.count() + refused.count() >= REQUESTS_A_DAY:
        raise ApprovalRefused(
            "too_many",
            _("%(most)s of your files needed a second person within a day. Another HR user loads this one.")
            % {"most": REQUESTS_A_DAY},
        )
