"""Preview, open and cancel campaigns."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import all_employees_sql, population_sql
from apps.campaigns.rule_draft import CampaignRefused, RuleDraft
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.identity import clean_text
from apps.core.locks import lock_facts
from apps.core.outbox import set_identity_tracking
from apps.core.signing_key import can_be_signed, missing
from apps.standings.start_run import reevaluate_all

SLUG_LIMIT = 80
LONGEST_REASON = 1000
# The number of short names to try when the names of several campaigns produce the same one.
TRIES = 100


@dataclass(frozen=True)
class OpeningPreview:
    """The preview of an opening: the rule, the number of people it covers now, and the open campaigns it overlaps."""

    rule: CampaignRule
    people: int
    overlaps: list[Campaign]
    backdated: bool


def preview_opening(*, name: str, terms: RuleDraft, now: datetime) -> OpeningPreview:
    """Preview an opening at `now`; nothing is stored. Raises CampaignRefused as open_campaign would."""
    name = _clean_name(name)
    _refuse_unsigned()
    rule = terms.rule(Campaign(pk=0, name=name), 1)
    _refuse_taken(name)
    return OpeningPreview(rule, people_in(rule, now), overlapping(rule), rule.cutoff_at <= now)


def people_in(rule: CampaignRule, at: datetime) -> int:
    """Count the people that a rule covers at `at`."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({population_sql(rule, at, all_employees_sql())}) population")
        return int(cursor.fetchone()[0])


def overlapping(rule: CampaignRule) -> list[Campaign]:
    """The other open campaigns that share days, and perhaps people, with this rule."""
    running = Campaign.objects.running().exclude(pk=rule.campaign.pk).prefetch_related("rules").order_by("name")
    return [one for one in running if one.versions and _meet(one.rule, rule)]


def campaigns_beside(rule: CampaignRule) -> set[int]:
    """The ids of other campaigns, running or over, that have days in common with this rule.

    A reader who compares an employee's counts in two such campaigns can learn whose contact a person is. A person who
    left between the two openings is a colleague in one campaign only. If two employees share a contact, an exclusive
    campaign counts it for one of them only.
    """
    others = Campaign.objects.exclude(pk=rule.campaign.pk).exclude(state=Campaign.State.CANCELLED)
    rules = [other.rule for other in others.prefetch_related("rules") if other.versions]
    return {one.campaign_id for one in rules if one.opens_at < rule.cutoff_at and rule.opens_at < one.cutoff_at}


def _meet(one: CampaignRule, other: CampaignRule) -> bool:
    if one.opens_at >= other.cutoff_at or other.opens_at >= one.cutoff_at:
        return False
    return not one.scope or not other.scope or bool(set(one.scope) & set(other.scope))


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
    company_domains: Sequence[str] | None = None,
    key: uuid.UUID | None = None,
    by: Actor,
    approved_by: Actor | None = None,
) -> Campaign:
    """Open a campaign with its own copy of the rule, and start the evaluation of all employees.

    `approved_by` is the second person; campaign_approvals decides when one is needed. `deadline` is the last day,
    inclusive, in `time_zone`. Without `company_domains` the campaign uses the company's. A campaign opened after its
    cut-off is backdated: the worker never closes it by itself. Idempotent by `key`. Raises CampaignRefused.
    """
    wanted: dict[str, Any] = {} if company_domains is None else {"company_domains": company_domains}
    terms = RuleDraft(target, opens_on, deadline, time_zone, exclusive, confirmed_only, scope, **wanted)
    try:
        return _open(_clean_name(name), slugify(slug), terms, key, by, approved_by)
    except CampaignRefused:
        # The form was sent twice at once, and the other request has opened the campaign meanwhile.
        if known := _opened_by(key):
            return known
        raise


def _open(
    name: str, slug: str, terms: RuleDraft, key: uuid.UUID | None, by: Actor, approved_by: Actor | None
) -> Campaign:
    if len(slug) > SLUG_LIMIT:
        raise CampaignRefused("slug", _("The short name is too long."))
    _refuse_unsigned()
    rule = terms.rule(Campaign(name=name), 1)
    with transaction.atomic():
        if terms.exclusive:
            set_identity_tracking(True)
        lock_facts()
        if known := _opened_by(key):
            return known
        now = db_now()
        campaign = _create(name, slug, rule, backdated=rule.cutoff_at <= now, by=by)
        rule.campaign, rule.in_force_from, rule.key, rule.changed_by_label = campaign, now, key, by.label
        rule.approved_by_label = approved_by.label if approved_by else ""
        rule.save()
        reevaluate_all(campaign, cause="opened", by=by)
        detail: dict[str, Any] = {
            "target": rule.target,
            "opens_at": rule.opens_at.isoformat(),
            "cutoff_at": rule.cutoff_at.isoformat(),
            **approval_detail(approved_by),
        }
        audit("campaign.opened", by=by, kind="campaign", id=campaign.slug, label=name, detail=detail)
    return campaign


def _refuse_unsigned() -> None:
    """Refuse to open a campaign whose result could not be signed. Raises CampaignRefused.

    HR then learns of a missing signing key weeks before the deadline, not in the night of the freeze.
    """
    if not can_be_signed():
        raise CampaignRefused("", missing())


def _opened_by(key: uuid.UUID | None) -> Campaign | None:
    """The campaign that an earlier submission of the same form opened, or None."""
    return Campaign.objects.filter(rules__key=key, rules__version=1).first() if key else None


def approval_detail(approved_by: Actor | None) -> dict[str, str]:
    """The name of the second person, for the detail of an audit entry."""
    return {"approved_by": approved_by.label} if approved_by else {}


def cancel_campaign(*, campaign: Campaign, reason: str, by: Actor, approved_by: Actor | None = None) -> None:
    """Cancel a draft or open campaign for good, with a reason. Raises CampaignRefused.

    `approved_by` is the second person; campaign_approvals decides when one is needed.
    """
    why = clean_text(reason, LONGEST_REASON)
    if not why:
        raise CampaignRefused("reason", _("A cancellation needs a reason."))
    with transaction.atomic():
        lock_facts()
        live = Campaign.objects.filter(pk=campaign.pk, state__in=[Campaign.State.DRAFT, Campaign.State.OPEN])
        if not live.update(state=Campaign.State.CANCELLED):
            raise CampaignRefused("campaign", _("This campaign is over."), conflict=True)
        audit("campaign.cancelled", by=by, kind="campaign", id=campaign.slug, label=campaign.name,
              detail={"reason": why, **approval_detail(approved_by)})  # fmt: skip


def _clean_name(name: str) -> str:
    cleaned = clean_text(name)
    if not cleaned:
        raise CampaignRefused("name", _("A campaign needs a name."))
    return cleaned


def _create(name: str, slug: str, rule: CampaignRule, *, backdated: bool, by: Actor) -> Campaign:
    """Create the campaign's row. Raises CampaignRefused.

    Of two concurrent openings with one name, the second waits for the first and is then refused. A generated short name
    that is taken gets a number; a short name that HR chose is refused.
    """
    made = slug or _short(name) or f"campaign-{rule.opens_on:%Y-%m-%d}"
    for number in range(1, TRIES):
        _refuse_taken(name, slug)
        place = made if number == 1 else f"{made[: SLUG_LIMIT - 4]}-{number}"
        if not slug and Campaign.objects.filter(slug=place).exists():
            continue
        try:
            with transaction.atomic():
                return Campaign.objects.create(
                    slug=place, name=name, state=Campaign.State.OPEN, backdated=backdated, created_by_label=by.label
                )
        except IntegrityError:
            continue
    raise CampaignRefused("name", _("Too many campaigns have a name like this one."))


def _short(name: str) -> str:
    return slugify(name)[:SLUG_LIMIT].strip("-")


def _refuse_taken(name: str, slug: str = "") -> None:
    if slug and Campaign.objects.filter(slug=slug).exists():
        raise CampaignRefused("slug", _("A campaign with the short name %(slug)s exists already.") % {"slug": slug})
    if Campaign.objects.filter(name=name).exists():
        raise CampaignRefused("name", _("A campaign named %(name)s exists already.") % {"name": name})
