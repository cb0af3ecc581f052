"""Preview, open and cancel campaigns."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _
from psycopg2.sql import SQL

from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import ALL_EMPLOYEES, population_sql
from apps.campaigns.rule_draft import RuleDraft
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.events import record_event
from apps.core.locks import lock_facts
from apps.core.mailed_names import MAX_MAILED_CHARS, is_mailable
from apps.core.outbox import set_identity_tracking
from apps.core.signing_key import can_sign_results, missing_key_message
from apps.core.sql import compose
from apps.core.text import clean_text
from apps.standings.start_run import reevaluate_all

MAX_SLUG_CHARS = 80
MAX_REASON_CHARS = 1000
# The number of short names to try when the names of several campaigns produce the same one.
MAX_SLUG_TRIES = 100


@dataclass(frozen=True)
class OpeningPreview:
    """The preview of an opening: the rule, the number of people it covers now, and the open campaigns it overlaps."""

    rule: CampaignRule
    people: int
    overlaps: list[Campaign]
    backdated: bool


def preview_opening(*, name: str, draft: RuleDraft, now: datetime) -> OpeningPreview:
    """Preview an opening at `now`; nothing is stored. Raises Refused as open_campaign would."""
    name = _clean_name(name)
    _require_signing_key()
    rule = draft.rule(Campaign(pk=0, name=name), 1)
    _require_free_name(name)
    return OpeningPreview(rule, count_population(rule, now), overlapping(rule), rule.cutoff_at <= now)


def count_population(rule: CampaignRule, at: datetime) -> int:
    """Count the people that a rule covers at `at`."""
    with connection.cursor() as cursor:
        population = SQL(population_sql(rule, at, ALL_EMPLOYEES))
        cursor.execute(compose("SELECT count(*) FROM ({population}) population", population=population))
        return int(cursor.fetchone()[0])


def overlapping(rule: CampaignRule) -> list[Campaign]:
    """The other open campaigns that share days, and perhaps people, with this rule."""
    # Only a warning for HR: two campaigns at once are allowed, and confuse employees.
    running = Campaign.objects.running().exclude(pk=rule.campaign.pk).prefetch_related("rules").order_by("name")
    return [
        campaign for campaign in running
        if campaign.versions and _share_days(campaign.rule, rule) and _share_departments(campaign.rule, rule)
    ]  # fmt: skip


def campaigns_with_common_days(rule: CampaignRule) -> set[int]:
    """The ids of other campaigns, running or over, that have days in common with this rule.

    A reader who compares an employee's counts in two such campaigns can learn whose contact a person is. A person who
    left between the two openings is a colleague in one campaign only. If two employees share a contact, an exclusive
    campaign counts it for one of them only.
    """
    campaigns = Campaign.objects.exclude(pk=rule.campaign.pk).exclude(state=Campaign.State.CANCELLED)
    rules = [campaign.rule for campaign in campaigns.prefetch_related("rules") if campaign.versions]
    return {each.campaign_id for each in rules if _share_days(each, rule)}


def _share_days(first: CampaignRule, second: CampaignRule) -> bool:
    return first.opens_at < second.cutoff_at and second.opens_at < first.cutoff_at


def _share_departments(first: CampaignRule, second: CampaignRule) -> bool:
    # An empty scope is the whole company.
    return not first.scope or not second.scope or bool(set(first.scope) & set(second.scope))


def open_campaign(
    *,
    name: str,
    draft: RuleDraft,
    slug: str = "",
    key: uuid.UUID | None = None,
    by: Actor,
    approved_by: Actor | None = None,
) -> Campaign:
    """Open a campaign with its own copy of the rule, and start the evaluation of all employees.

    `approved_by` is the second person; campaign_approvals decides when one is needed. A campaign opened after its
    cut-off is backdated: the worker never closes it by itself. Idempotent by `key`. Raises Refused.
    """
    try:
        return _open(_clean_name(name), slugify(slug), draft, key, by, approved_by)
    except Refused:
        # The form was sent twice at once, and the other request has opened the campaign meanwhile.
        if existing := opened_by(key):
            return existing
        raise


def _open(
    name: str, slug: str, draft: RuleDraft, key: uuid.UUID | None, by: Actor, approved_by: Actor | None
) -> Campaign:
    if len(slug) > MAX_SLUG_CHARS:
        raise Refused("invalid", _("The short name is too long."), "slug")
    _require_signing_key()
    # Before the transaction: a refusal needs no lock.
    rule = draft.rule(Campaign(name=name), 1)
    with transaction.atomic():
        if draft.exclusive:
            set_identity_tracking(True)
        lock_facts()
        if existing := opened_by(key):
            return existing
        now = db_now()
        campaign = _create(name, slug, rule, backdated=rule.cutoff_at <= now, by=by)
        rule.campaign, rule.in_force_from, rule.key, rule.changed_by_label = campaign, now, key, by.label
        rule.approved_by_label = approved_by.label if approved_by else ""
        rule.save()
        reevaluate_all(campaign, cause="opened", by=by)
        # A later opening is an effective date: process_effective_dates records its event.
        if rule.opens_at <= now and not campaign.backdated:
            record_event("campaign_opened", subject=campaign.pk, campaign_id=campaign.pk)
        detail = {
            "target": rule.target, "opens_at": rule.opens_at.isoformat(), "cutoff_at": rule.cutoff_at.isoformat(),
            **approval_detail(approved_by),
        }  # fmt: skip
        audit("campaign.opened", by=by, kind="campaign", id=campaign.slug, label=name, detail=detail)
    return campaign


def _require_signing_key() -> None:
    """Refuse to open a campaign whose result could not be signed. Raises Refused.

    HR then learns of a missing signing key weeks before the deadline, not in the night of the freeze.
    """
    if not can_sign_results():
        raise Refused("invalid", missing_key_message())


def opened_by(key: uuid.UUID | None) -> Campaign | None:
    """The campaign that an earlier submission of the same form opened, or None."""
    return Campaign.objects.filter(rules__key=key, rules__version=1).first() if key else None


def approval_detail(approved_by: Actor | None) -> dict[str, str]:
    return {"approved_by": approved_by.label} if approved_by else {}


def cancel_campaign(*, campaign: Campaign, reason: str, by: Actor, approved_by: Actor | None = None) -> None:
    """Cancel a draft or open campaign for good, with a reason. Raises Refused.

    `approved_by` is the second person; campaign_approvals decides when one is needed.
    """
    reason = clean_text(reason, MAX_REASON_CHARS)
    if not reason:
        raise Refused("invalid", _("Enter a reason for the cancellation."), "reason")
    with transaction.atomic():
        lock_facts()
        cancellable = Campaign.objects.filter(pk=campaign.pk, state__in=[Campaign.State.DRAFT, Campaign.State.OPEN])
        if not cancellable.update(state=Campaign.State.CANCELLED):
            raise Refused("conflict", _("This campaign is over."), "campaign", conflict=True)
        audit("campaign.cancelled", by=by, kind="campaign", id=campaign.slug, label=campaign.name,
              detail={"reason": reason, **approval_detail(approved_by)})  # fmt: skip


def _clean_name(name: str) -> str:
    cleaned = clean_text(name)
    if not cleaned:
        raise Refused("invalid", _("Enter a name for the campaign."), "name")
    # Mails to all employees contain it.
    if len(cleaned) > MAX_MAILED_CHARS:
        message = _("A campaign's name can have at most %(most)s characters.")
        raise Refused("invalid", message % {"most": MAX_MAILED_CHARS}, "name")
    if not is_mailable(cleaned):
        message = _("A campaign's name cannot contain a web or e-mail address. Write a space after a full stop.")
        raise Refused("invalid", message, "name")
    return cleaned


def _create(name: str, slug: str, rule: CampaignRule, *, backdated: bool, by: Actor) -> Campaign:
    """Create the campaign's row. Raises Refused.

    Of two concurrent openings with one name, the second waits for the first and is then refused. A generated short name
    that is taken gets a number; a short name that HR chose is refused.
    """
    base = slug or slugify(name)[:MAX_SLUG_CHARS].strip("-") or f"campaign-{rule.opens_on:%Y-%m-%d}"
    for number in range(1, MAX_SLUG_TRIES):
        _require_free_name(name, slug)
        # Four characters: the hyphen and the largest number, which has two digits, with room to spare.
        candidate = base if number == 1 else f"{base[: MAX_SLUG_CHARS - 4]}-{number}"
        if not slug and Campaign.objects.filter(slug=candidate).exists():
            continue
        try:
            with transaction.atomic():
                return Campaign.objects.create(
                    slug=candidate, name=name, state=Campaign.State.OPEN, backdated=backdated, created_by_label=by.label
                )
        # A savepoint keeps the outer transaction usable; the next round says which of the two names was taken.
        except IntegrityError:
            continue
    raise Refused("invalid", _("Too many campaigns have a name like this one. Choose another name."), "name")


def _require_free_name(name: str, slug: str = "") -> None:
    if slug and Campaign.objects.filter(slug=slug).exists():
        raise Refused("invalid", _("A campaign with the short name %(slug)s already exists.") % {"slug": slug}, "slug")
    if Campaign.objects.filter(name=name).exists():
        raise Refused("invalid", _("A campaign named %(name)s already exists.") % {"name": name}, "name")
