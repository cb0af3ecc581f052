"""Select the campaign for a page, and decide which changes of contacts the campaigns still allow."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from apps.campaigns.models import Announcement, Campaign, CampaignRule
from apps.contacts.models import Contact, ContactIdentity, Submission
from apps.contacts.services.changes import record_contact_again, restore_contact, undo_submission
from apps.contacts.services.recording_again import RecordedAgain, record_contacts_again
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.locks import lock_facts
from apps.core.models import AuditEntry
from apps.core.querysets import Clock
from apps.employees.models import Employee

RESTORE_REFUSED, REFUSAL_STANDS = "contact.restore_refused", timedelta(days=1)


@dataclass(frozen=True)
class CampaignChoice:
    """The campaign for a page, all campaigns to choose from by name, and the database's clock.

    `announcement_id`: the campaign's announcement that is shown now.
    """

    campaign: Campaign | None
    campaigns: list[Campaign]
    now: datetime
    announcement_id: int | None


@cache
def _opened_rules() -> QuerySet[CampaignRule]:
    """Return the newest rule of each opened campaign, with the clock and the id of the announcement shown now.

    The queryset is built once and cached; every page evaluates it again.
    """
    # `.all()` gives each caller a copy: the cached queryset itself must never hold rows.
    shown = Announcement.objects.shown(Clock()).filter(campaign=OuterRef("campaign")).values("pk")[:1]
    opened = CampaignRule.objects.exclude(campaign__state__in=["draft", "cancelled"]).annotate(
        now=Clock(), announcement_id=Subquery(shown)
    )
    # Not all versions: a page must not become slower with each change of a rule.
    newest = opened.order_by("campaign__name", "campaign_id", "-version").distinct("campaign__name", "campaign_id")
    return newest.select_related("campaign")


def select_campaign(user: Any, slug: str | None) -> CampaignChoice:
    """Return the campaign with this slug, or the default one, with all campaigns to choose from.

    The default is the user's running campaign with the nearest cut-off; else the one that ended last, while a review of
    its result can be requested; else the next that opens; else the one that ended last; else None. One query, including
    rules and clock. Raises Campaign.DoesNotExist for an unknown slug.
    """
    rules: list[Any] = list(_opened_rules().all())
    for rule in rules:
        # Fills the cached property, so that no page reads the rule a second time.
        rule.campaign.rule = rule
    campaigns = [rule.campaign for rule in rules]
    # The clock comes with the rules; only an installation without a campaign asks again.
    now = max((rule.now for rule in rules), default=None) or db_now()
    campaign = _select(campaigns, user, slug, now)
    announcements = {rule.campaign_id: rule.announcement_id for rule in rules}
    return CampaignChoice(campaign, campaigns, now, announcements[campaign.pk] if campaign else None)


def campaign_for(user: Any, slug: str | None) -> Campaign | None:
    return select_campaign(user, slug).campaign


def _select(campaigns: list[Campaign], user: Any, slug: str | None, now: datetime) -> Campaign | None:
    if slug:
        named = [campaign for campaign in campaigns if campaign.slug == slug]
        if not named:
            raise Campaign.DoesNotExist
        return named[0]
    # An employee outside every scope still sees that campaigns exist.
    covering = [campaign for campaign in campaigns if covers(campaign, user)] or campaigns

    def order(campaign: Campaign) -> tuple:
        # The slug decides between equals: a page must not change its campaign from one load to the next.
        return _order(campaign.rule, now), campaign.slug

    return min(covering, key=order, default=None)


def _order(rule: CampaignRule, now: datetime) -> tuple[int, timedelta]:
    """Return the rank of the rule's campaign, and how far its cut-off or opening is: the least is the default.

    A next campaign that is prepared early must not take the result from everybody's first page.
    """
    if now < rule.opens_at:
        return 2, rule.opens_at - now
    if now < rule.cutoff_at:
        return 0, rule.cutoff_at - now
    ended = now - rule.cutoff_at
    return (1 if ended < timedelta(days=settings.REVIEW_ASK_DAYS) else 3), ended


def covers(campaign: Campaign, user: Any) -> bool:
    """Return whether the user's department is in the campaign's scope; True for an account without an employee."""
    scope = campaign.rule.scope
    employee = getattr(user, "employee", None)
    return not scope or employee is None or employee.current_department in scope


def takes_contacts(campaign: Campaign | None, now: datetime) -> bool:
    """Return whether a contact recorded at `now` lies in the campaign's period."""
    return campaign is not None and campaign.state == Campaign.State.OPEN and campaign.rule.in_period(now)


def restore_while_open(*, contact_id: int, employee: Employee, by: Actor) -> None:
    """Restore a contact, unless a campaign forbids it.

    A contact of a campaign that is over stays ended. In an exclusive campaign, the contact also stays ended when a
    colleague's contact now counts instead. Ending and restoring would otherwise reveal whose contact the person is.
    This refusal is audited and stands for a day, so repetition shows no change.

    Raises Refused, Contact.DoesNotExist.
    """
    with transaction.atomic():
        lock_facts()
        # After the facts lock, which closes the gap between this check and a closing.
        contact = Contact.objects.of(employee).get(pk=contact_id)
        if any(campaign.rule.in_period(contact.recorded_at) for campaign in _campaigns_over(db_now())):
            raise Refused(
                "campaign_over", _("This contact belongs to a campaign that is over, so it can no longer be restored.")
            )
        running = Campaign.objects.running().prefetch_related("rules")
        rules = (campaign.rule for campaign in running if campaign.rule.exclusive)
        exclusive = [rule for rule in rules if rule.in_period(contact.recorded_at)]
        refused = bool(exclusive) and _refused_today(contact)
        if not refused and any(_shared(contact, rule) for rule in exclusive):
            refused = True
            audit(RESTORE_REFUSED, by=by, kind="contact", id=contact_id)
        if not refused:
            restore_contact(contact_id=contact_id, employee=employee, by=by)
            return
    # After the commit, which keeps the audit entry.
    message = _("A colleague has recorded this person, so the contact cannot be restored. You can record it again.")
    raise Refused("claimed", message)


def record_again_while_open(*, campaign: Campaign, contact_id: int, employee: Employee, by: Actor) -> int:
    """Record a contact outside the campaign's period again, unless another campaign needs it; returns the new id.

    In an exclusive campaign that has its day, a colleague's later contact would count instead. Raises Refused,
    Contact.DoesNotExist.
    """
    with transaction.atomic():
        lock_facts()
        contact = Contact.objects.of(employee).get(pk=contact_id)
        if _needed_elsewhere(campaign, [contact]):
            raise Refused("claimed", _needed_elsewhere_message())
        return record_contact_again(contact_id=contact_id, employee=employee, by=by)


def record_all_again_while_open(
    *, campaign: Campaign, contact_ids: Collection[int], employee: Employee, by: Actor
) -> RecordedAgain:
    """As `record_again_while_open` for several contacts, each decided alone."""
    with transaction.atomic():
        lock_facts()
        contacts = Contact.objects.of(employee).filter(pk__in=contact_ids)
        needed = _needed_elsewhere(campaign, contacts)
        result = record_contacts_again(contact_ids={*contact_ids} - needed, employee=employee, by=by)
        if needed:
            result.refused[_needed_elsewhere_message()] += len(needed)
        return result


def _needed_elsewhere(campaign: Campaign, contacts: Iterable[Contact]) -> set[int]:
    """Return the ids of those that lie in the period of another exclusive campaign."""
    running = Campaign.objects.running().exclude(pk=campaign.pk).prefetch_related("rules")
    exclusive = [other.rule for other in running if other.rule.exclusive]
    return {contact.pk for contact in contacts if any(rule.in_period(contact.recorded_at) for rule in exclusive)}


def _needed_elsewhere_message() -> str:
    return _("This contact counts in another campaign, so it cannot be recorded again.")


def _refused_today(contact: Contact) -> bool:
    entries = AuditEntry.objects.filter(subject_kind="contact", subject_id=str(contact.pk), action=RESTORE_REFUSED)
    return entries.filter(at__gt=db_now() - REFUSAL_STANDS).exists()


def _shared(contact: Contact, rule: CampaignRule) -> bool:
    """Return whether another employee has a live contact with the same identity from the rule's period.

    Only such a contact can count instead. Of any other, the answer would say that a colleague knows the person.
    """
    own = ContactIdentity.objects.filter(contact=contact, kind=OuterRef("kind"), digest=OuterRef("digest"))
    others = ContactIdentity.objects.filter(
        Exists(own), live=True, contact__recorded_at__gte=rule.opens_at, contact__recorded_at__lt=rule.cutoff_at
    )
    return others.exclude(employee=contact.employee_id).exists()


def undo_while_open(*, submission_id: uuid.UUID, employee: Employee, by: Actor) -> int:
    """Undo a whole file, unless it counted in a campaign that is over; returns how many contacts ended.

    Raises Refused, Submission.DoesNotExist.
    """
    with transaction.atomic():
        lock_facts()
        if not can_undo(Submission.objects.get(pk=submission_id, employee=employee).received_at):
            message = _("This file counted in a campaign that is over, so its import can no longer be undone.")
            raise Refused("campaign_over", message)
        return undo_submission(submission_id=submission_id, employee=employee, by=by)


def can_undo(received_at: datetime) -> bool:
    """Return whether every campaign whose period contains the receipt is open, with its cut-off ahead."""
    return not any(campaign.rule.in_period(received_at) for campaign in _campaigns_over(db_now()))


def _campaigns_over(now: datetime) -> list[Campaign]:
    """Return the opened campaigns whose cut-off has passed, even if no worker has started to close them."""
    # By the clock and not by the state alone: no worker may be running at the deadline.
    started = Campaign.objects.exclude(state__in=[Campaign.State.DRAFT, Campaign.State.CANCELLED])
    return [campaign for campaign in started if campaign.state != Campaign.State.OPEN or campaign.rule.cutoff_at <= now]


def running_periods() -> list[tuple[datetime, datetime]]:
    """Return (opening, cut-off) of each campaign without a snapshot, by its newest rule."""
    running = Campaign.objects.filter(state__in=["open", "closing"], snapshot_at=None).prefetch_related("rules")
    return [(campaign.rule.opens_at, campaign.rule.cutoff_at) for campaign in running if campaign.versions]
