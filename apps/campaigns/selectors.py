"""Select the campaign for a page, and decide which changes of contacts the campaigns still allow."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from apps.campaigns.models import Campaign, CampaignRule
from apps.contacts.models import Contact, ContactIdentity, Submission
from apps.contacts.services.changes import ContactRefused, restore_contact, undo_submission
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.locks import lock_facts
from apps.core.querysets import Clock
from apps.employees.models import Employee


@dataclass(frozen=True)
class Choice:
    """The campaign for a page, all campaigns to choose from by name, and the database's clock."""

    campaign: Campaign | None
    campaigns: list[Campaign]
    now: datetime


@cache
def _shown() -> QuerySet[CampaignRule]:
    """Return the rules of opened campaigns, with the clock.

    The queryset is built once and cached; every page evaluates it again.
    """
    shown = CampaignRule.objects.exclude(campaign__state__in=["draft", "cancelled"]).annotate(now=Clock())
    return shown.select_related("campaign").order_by("campaign__name", "version")


def select_campaign(user: Any, slug: str | None) -> Choice:
    """Return the campaign with this slug, or the default one, with all campaigns to choose from.

    The default is the user's open campaign with the nearest cut-off, else the latest frozen one, else None. One query,
    including rules and clock. Raises Campaign.DoesNotExist for an unknown slug.
    """
    found: dict[int, Campaign] = {}
    rules: list[Any] = list(_shown().all())
    for rule in rules:
        campaign = rule.campaign = found.setdefault(rule.campaign_id, rule.campaign)
        campaign.versions = [*campaign.__dict__.get("versions", []), rule]
    campaigns = list(found.values())
    now = max((rule.now for rule in rules), default=None) or db_now()
    return Choice(_chosen(campaigns, user, slug, now), campaigns, now)


def campaign_for(user: Any, slug: str | None) -> Campaign | None:
    """DEL"""
    return select_campaign(user, slug).campaign


def _chosen(campaigns: list[Campaign], user: Any, slug: str | None, now: datetime) -> Campaign | None:
    if slug:
        named = [campaign for campaign in campaigns if campaign.slug == slug]
        if not named:
            raise Campaign.DoesNotExist
        return named[0]
    mine = [campaign for campaign in campaigns if covers(campaign, user)] or campaigns

    def order(campaign: Campaign) -> tuple:
        cutoff = campaign.rule.cutoff_at
        over = campaign.state == Campaign.State.FROZEN
        return over, cutoff <= now, abs(cutoff - now), campaign.slug

    return min(mine, key=order, default=None)


def covers(campaign: Campaign, user: Any) -> bool:
    """Return whether the user's department is in the campaign's scope; True for an account without an employee."""
    scope = campaign.rule.scope
    employee = getattr(user, "employee", None)
    return not scope or employee is None or employee.current_department in scope


def restore_while_open(*, contact_id: int, employee: Employee, by: Actor) -> None:
    """Restore a contact, unless a campaign forbids it.

    A contact recorded before the cut-off of a campaign that is over stays ended. In an exclusive campaign, the contact
    also stays ended when a colleague's contact now counts instead. Ending and restoring would otherwise reveal whose
    contact the person is.

    Raises ContactRefused, Contact.DoesNotExist.
    """
    with transaction.atomic():
        lock_facts()
        contact = Contact.objects.of(employee).get(pk=contact_id)
        if any(contact.recorded_at < campaign.rule.cutoff_at for campaign in _campaigns_over(db_now())):
            raise ContactRefused(
                "campaign_over", _("This contact belongs to a campaign that has ended: it can no longer be restored.")
            )
        exclusive = [one for one in Campaign.objects.running().prefetch_related("rules") if one.rule.exclusive]
        if any(one.rule.opens_at <= contact.recorded_at < one.rule.cutoff_at for one in exclusive) and _shared(contact):
            message = _("A colleague has recorded this person: the contact cannot be restored, but recorded anew.")
            raise ContactRefused("claimed", message)
        restore_contact(contact_id=contact_id, employee=employee, by=by)


def _shared(contact: Contact) -> bool:
    """Return whether another employee has a live contact with the same identity."""
    own = ContactIdentity.objects.filter(contact=contact, kind=OuterRef("kind"), digest=OuterRef("digest"))
    others = ContactIdentity.objects.filter(Exists(own), live=True).exclude(employee=contact.employee_id)
    return others.exists()


def undo_while_open(*, submission_id: uuid.UUID, employee: Employee, by: Actor) -> int:
    """Undo a whole file, unless it counted in a campaign that is over; returns how many contacts ended.

    Raises ContactRefused, Submission.DoesNotExist.
    """
    with transaction.atomic():
        lock_facts()
        if not can_undo(Submission.objects.get(pk=submission_id, employee=employee).received_at):
            message = _("This file counted in a campaign that is over: it can no longer be undone.")
            raise ContactRefused("campaign_over", message)
        return undo_submission(submission_id=submission_id, employee=employee, by=by)


def can_undo(received_at: datetime) -> bool:
    """Return whether every campaign whose period contains the receipt is open, with its cut-off ahead."""
    over = _campaigns_over(db_now())
    return not any(one.rule.opens_at <= received_at < one.rule.cutoff_at for one in over)


def _campaigns_over(now: datetime) -> list[Campaign]:
    """Return the opened campaigns whose cut-off has passed, even if no worker has started to close them."""
    started = Campaign.objects.exclude(state__in=[Campaign.State.DRAFT, Campaign.State.CANCELLED])
    return [one for one in started if one.state != Campaign.State.OPEN or one.rule.cutoff_at <= now]


def running_periods() -> list[tuple[datetime, datetime]]:
    """Return (opening, cut-off) of each campaign without a snapshot, by its newest rule."""
    running = Campaign.objects.filter(state__in=["open", "closing"], snapshot_at=None).prefetch_related("rules")
    return [(one.rule.opens_at, one.rule.cutoff_at) for one in running if one.versions]
