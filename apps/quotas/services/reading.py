"""Which campaign a page shows, and what of a contact the campaigns still allow to be undone."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from apps.contacts.models import Contact, Submission
from apps.contacts.services import ContactRefused, restore_contact, undo_submission
from apps.employees.models import Employee
from apps.ledger.rules import storable
from apps.ledger.services import Actor, clock, hold_facts
from apps.quotas.models import Campaign


def campaign_for(user: Any, slug: str | None) -> Campaign | None:
    """The campaign a page shows: the one named, else the reader's open one with the nearest cut-off, else the latest

    frozen one, else None. Raises Campaign.DoesNotExist for a name that is none.
    """
    known = Campaign.objects.exclude(state__in=["draft", "cancelled"])
    if slug:
        if not storable(slug):
            raise Campaign.DoesNotExist
        return known.get(slug=slug)
    now = clock()
    chosen = list(known.prefetch_related("rules"))
    mine = [campaign for campaign in chosen if concerns(campaign, user)] or chosen

    def order(campaign: Campaign) -> tuple:
        cutoff = campaign.rule.cutoff_at
        over = campaign.state == Campaign.State.FROZEN
        return over, cutoff <= now, abs(cutoff - now), campaign.slug

    return min(mine, key=order, default=None)


def concerns(campaign: Campaign, user: Any) -> bool:
    """Whether the reader's department is in the campaign's scope; it is for an account of nobody."""
    scope = campaign.rule.scope
    employee = getattr(user, "employee", None)
    return not scope or employee is None or employee.current_department in scope


def restore_while_open(*, contact_id: int, employee: Employee, by: Actor) -> None:
    """Take back the end of a contact, unless it counted in a campaign that is being closed or is frozen.

    Raises ContactRefused, Contact.DoesNotExist.
    """
    with transaction.atomic():
        hold_facts()
        contact = Contact.objects.of(employee).get(pk=contact_id)
        over = Campaign.objects.filter(state__in=[Campaign.State.CLOSING, Campaign.State.FROZEN])
        if any(contact.recorded_at < campaign.rule.cutoff_at for campaign in over):
            raise ContactRefused(
                "campaign_over", _("This contact belongs to a campaign that has ended: it can no longer be restored.")
            )
        restore_contact(contact_id=contact_id, employee=employee, by=by)


def undo_while_open(*, submission_id: uuid.UUID, employee: Employee, by: Actor) -> int:
    """Undo a whole file, unless a campaign it came in time for is over; returns how many contacts ended.

    Raises ContactRefused, Submission.DoesNotExist.
    """
    with transaction.atomic():
        hold_facts()
        if not can_undo(Submission.objects.get(pk=submission_id, employee=employee).received_at):
            message = _("This file counted in a campaign that is over: it can no longer be undone.")
            raise ContactRefused("campaign_over", message)
        return undo_submission(submission_id=submission_id, employee=employee, by=by)


def can_undo(received_at: datetime) -> bool:
    """Whether every campaign that what came then was in time for is still open, its cut-off ahead."""
    now = clock()
    started = Campaign.objects.exclude(state__in=[Campaign.State.DRAFT, Campaign.State.CANCELLED])
    over = [one for one in started if one.state != Campaign.State.OPEN or one.rule.cutoff_at <= now]
    return not any(one.rule.opens_at <= received_at < one.rule.cutoff_at for one in over)
