"""Campaigns and their rules, and what of a contact they still allow to be undone."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from apps.contacts.models import Contact, Submission
from apps.contacts.services import ContactRefused, restore_contact, undo_submission
from apps.employees.models import Employee
from apps.ledger.rules import clean_text, normalise_domain, storable
from apps.ledger.services import Actor, audit, clock, hold_facts, watch_identities
from apps.quotas import rules
from apps.quotas.models import Campaign, CampaignRule
from apps.quotas.services.beginning import judge_everybody

MOST = 1_000_000  # what a target can be
SLUG_LIMIT = 80


class CampaignRefused(ValueError):
    """A campaign that cannot be as asked, with the field and a sentence."""

    def __init__(self, field: str, message: str):
        super().__init__(message)
        self.field, self.message = field, message


def open_campaign(
    *,
    name: str,
    target: int,
    opens_on: date,
    deadline: date,
    time_zone: str,
    exclusive: bool = False,
    confirmed_only: bool = False,
    slug: str = "",
    scope: Sequence[str] = (),
    by: Actor,
) -> Campaign:
    """Open a campaign with its own copy of the rule, and have everyone judged.

    `deadline` is the last day, inclusive, in `time_zone`. Opened after its cut-off it is backdated: only a command
    freezes it. Raises CampaignRefused.
    """
    name, slug = clean_text(name), slugify(slug) or slugify(clean_text(name))[:SLUG_LIMIT].strip("-")
    slug = slug or f"campaign-{opens_on:%Y-%m-%d}"
    _refuse_bad_terms(name, slug, target, opens_on, deadline, time_zone)
    try:
        opens_at, cutoff_at = rules.period(opens_on, deadline, time_zone)
    except OverflowError as error:
        raise CampaignRefused("deadline", _("No calendar has these days.")) from error
    with transaction.atomic():
        if exclusive:
            watch_identities(True)
        hold_facts()
        now = clock()
        campaign = _create(name, slug, backdated=cutoff_at <= now, by=by)
        CampaignRule.objects.create(
            campaign=campaign, version=1, in_force_from=now, target=target, time_zone=time_zone, opens_on=opens_on,
            deadline=deadline, opens_at=opens_at, cutoff_at=cutoff_at, exclusive=exclusive,
            company_domains=sorted({normalise_domain(domain) for domain in settings.COMPANY_EMAIL_DOMAINS}),
            confirmed_only=confirmed_only, scope=sorted(set(scope)),
        )  # fmt: skip
        judge_everybody(campaign, cause="opened", by=by)
        detail: dict[str, Any] = {
            "target": target,
            "opens_at": opens_at.isoformat(),
            "cutoff_at": cutoff_at.isoformat(),
        }
        audit("campaign.opened", by=by, kind="campaign", id=campaign.slug, label=name, detail=detail)
    return campaign


def cancel_campaign(*, campaign: Campaign, reason: str, by: Actor) -> None:
    """Take a draft or an open campaign back, for good, with a reason. Raises CampaignRefused."""
    why = clean_text(reason, 1000)
    if not why:
        raise CampaignRefused("reason", _("A cancellation needs a reason."))
    with transaction.atomic():
        hold_facts()
        live = Campaign.objects.filter(pk=campaign.pk, state__in=[Campaign.State.DRAFT, Campaign.State.OPEN])
        if not live.update(state=Campaign.State.CANCELLED):
            raise CampaignRefused("campaign", _("This campaign is over."))
        audit("campaign.cancelled", by=by, kind="campaign", id=campaign.slug, label=campaign.name,
              detail={"reason": why})  # fmt: skip


def _refuse_bad_terms(name: str, slug: str, target: int, opens_on: date, deadline: date, time_zone: str) -> None:
    if not name:
        raise CampaignRefused("name", _("A campaign needs a name."))
    if len(slug) > SLUG_LIMIT:
        raise CampaignRefused("slug", _("The short name is too long."))
    if not 1 <= target <= MOST:
        raise CampaignRefused("target", _("The target must be a number from 1 to 1,000,000."))
    if deadline < opens_on:
        raise CampaignRefused("deadline", _("The deadline lies before the opening."))
    if time_zone not in available_timezones() or not _known_to_database(time_zone):
        raise CampaignRefused("time_zone", _("This is no time zone such as Asia/Shanghai."))


def _known_to_database(time_zone: str) -> bool:
    """Whether PostgreSQL has the zone too: it could not count the days of a campaign otherwise."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_timezone_names WHERE name = %s)", [time_zone])
        return bool(cursor.fetchone()[0])


def _create(name: str, slug: str, *, backdated: bool, by: Actor) -> Campaign:
    """The campaign's row; of two of one name at once, the second waits for the first and is refused like a later one.

    Raises CampaignRefused.
    """
    _refuse_taken(name, slug)
    try:
        with transaction.atomic():
            return Campaign.objects.create(
                slug=slug, name=name, state=Campaign.State.OPEN, backdated=backdated, created_by_label=by.label
            )
    except IntegrityError:
        _refuse_taken(name, slug)
        raise


def _refuse_taken(name: str, slug: str) -> None:
    if Campaign.objects.filter(slug=slug).exists():
        raise CampaignRefused("slug", _("A campaign with the short name %(slug)s exists already.") % {"slug": slug})
    if Campaign.objects.filter(name=name).exists():
        raise CampaignRefused("name", _("A campaign named %(name)s exists already.") % {"name": name})


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
