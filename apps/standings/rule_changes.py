"""Preview a change of a campaign's rule, store it as a new version, and evaluate all employees by it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import all_employees_sql
from apps.campaigns.rule_draft import CampaignRefused, RuleDraft, changed
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.identity import clean_text
from apps.core.locks import lock_facts
from apps.core.outbox import set_identity_tracking
from apps.standings.campaign_lifecycle import LONGEST_REASON, approval_detail, campaigns_beside, overlapping
from apps.standings.evaluation import evaluation_ctes
from apps.standings.start_run import reevaluate_all

# Compares both verdicts of all employees, from the facts, in one statement.
EFFECT = """
SELECT count(before), count(after), count(*) FILTER (WHERE before.red), count(*) FILTER (WHERE after.red),
    count(*) FILTER (WHERE after.red AND NOT before.red), count(*) FILTER (WHERE before.red AND NOT after.red),
    count(*) FILTER (WHERE before IS NULL), count(*) FILTER (WHERE before IS NULL AND after.red),
    count(*) FILTER (WHERE after IS NULL), count(*) FILTER (WHERE after IS NULL AND before.red),
    count(*) FILTER (WHERE after.exempt OR after.target <> {target}),
    count(*) FILTER (WHERE after.counted <> before.counted),
    count(*) FILTER (WHERE after.target > before.target AND NOT after.exempt)
FROM (WITH {before} SELECT {verdict} FROM verdict) before
FULL JOIN (WITH {after} SELECT {verdict} FROM verdict) after USING (employee_id)
"""
VERDICT = "employee_id, target, exempt, counted, is_red(counted, target, exempt) AS red"


@dataclass(frozen=True)
class RuleChangeImpact:
    """People and red people before and after. A person who enters or leaves the population does not count as turned.

    `own`: people who keep a target or an exemption of their own. `recounted`: people whose number of counted contacts
    differs. `raised`: people who need more contacts than before.
    """

    people_before: int
    people: int
    red_before: int
    red: int
    turned_red: int
    turned_green: int
    came: int
    came_red: int
    left: int
    left_red: int
    own: int
    recounted: int
    raised: int

    @property
    def concerned(self) -> dict[str, int]:
        """How many people the change affects, by effect; effects on no one are left out."""
        found = {
            "turn_red": self.turned_red, "turn_not_red": self.turned_green, "come_in": self.came, "go_out": self.left,
            "recounted": self.recounted, "need_more": self.raised,
        }  # fmt: skip
        return {name: count for name, count in found.items() if count}


@dataclass(frozen=True)
class Change:
    """The preview of a change: both versions, their differences, and the open campaigns that it would overlap.

    `effect` is None while the campaign has not opened, because no employee is evaluated yet.
    """

    old: CampaignRule
    new: CampaignRule
    differences: dict[str, tuple[Any, Any]]
    people: int
    overlaps: list[Campaign]
    effect: RuleChangeImpact | None

    @property
    def confidential(self) -> bool:
        """Whether its counts reveal whose contact a person is. Then only the second person sees them, never the audit.

        Other days, domains or exclusive counting change who is a colleague, and which employee claims a contact.
        """
        return not self.differences.keys() <= {"target", "deadline", "confirmed_only", "scope"}

    @property
    def domains(self) -> bool:
        """Whether it changes the company's e-mail domains."""
        return "company_domains" in self.differences

    @property
    def concerned(self) -> dict[str, int]:
        """How many people the change affects, by effect; effects on no one are left out."""
        if self.effect is None:
            return {}
        found = {"people": self.effect.people, **self.effect.concerned}
        if self.new.cutoff_at != self.old.cutoff_at and self.effect.red:
            less = self.new.cutoff_at < self.old.cutoff_at
            found["have_less_time" if less else "have_more_time"] = self.effect.red
        return found

    @property
    def alone(self) -> bool:
        """Whether one person may make it: no employee is evaluated yet, and it overlaps no further campaign.

        After the opening each part of a rule decides who is red in the end, even if no employee turns red today.
        """
        beside = campaigns_beside(self.new) - campaigns_beside(self.old)
        return self.effect is None and not (self.domains or beside)


def preview_rule_change(*, campaign: Campaign, terms: RuleDraft, seen: int, now: datetime) -> Change:
    """Preview the change at `now`; nothing is stored. Raises CampaignRefused as change_rule would."""
    old, new = versions_of_change(campaign, terms, seen, now)
    effect = effect_of(old, new, now)
    opened = min(old.opens_at, new.opens_at) <= now
    return Change(old, new, changed(old, new), effect.people, overlapping(new), effect if opened else None)


def effect_of(old: CampaignRule, new: CampaignRule, at: datetime) -> RuleChangeImpact:
    """Compare the verdicts of all employees at `at` by both versions of the rule."""
    statement = EFFECT.format(
        before=evaluation_ctes(old, at, all_employees_sql()), after=evaluation_ctes(new, at, all_employees_sql()),
        target=new.target, verdict=VERDICT,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return RuleChangeImpact(*map(int, cursor.fetchone()))


def change_rule(
    *,
    campaign: Campaign,
    terms: RuleDraft,
    seen: int,
    reason: str = "",
    key: uuid.UUID | None = None,
    by: Actor,
    approved_by: Actor | None = None,
) -> CampaignRule:
    """Store the terms as a new version, in force from now on, and start the evaluation of all employees.

    `seen` is the version that the user saw. After the opening a reason is required. Idempotent by `key`. `approved_by`
    is the second person; campaign_approvals decides when one is needed. Raises CampaignRefused.
    """
    why = clean_text(reason, LONGEST_REASON)
    with transaction.atomic():
        if terms.exclusive:
            set_identity_tracking(True)
        # As before a freeze, the exclusive lock separates two groups. Earlier writers and evaluations have ended; later
        # ones read the new version.
        lock_facts(exclusive=True)
        held = Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        if key and (known := held.rules.filter(key=key).first()):
            return known
        now = db_now()
        old, new = versions_of_change(held, terms, seen, now)
        if not why and old.opens_at <= now:
            raise CampaignRefused("reason", _("A change after the opening needs a reason: everybody reads it."))
        new.in_force_from, new.reason, new.changed_by_label, new.key = now, why, by.label, key
        new.approved_by_label = approved_by.label if approved_by else ""
        new.save()
        reevaluate_all(held, cause="rule", by=by)
        detail = approval_detail(approved_by)
        told = {name: [_plain(value) for value in pair] for name, pair in changed(old, new).items()}
        audit("campaign.rule_changed", by=by, kind="campaign", id=held.slug, label=held.name,
              detail={"version": new.version, "reason": why, "changed": told, **detail})  # fmt: skip
    return new


def versions_of_change(
    campaign: Campaign, terms: RuleDraft, seen: int, now: datetime
) -> tuple[CampaignRule, CampaignRule]:
    """Return the newest version and the version that would follow it. Raises CampaignRefused."""
    if campaign.state not in (Campaign.State.DRAFT, Campaign.State.OPEN):
        raise _conflict(_("This campaign is being closed or is over: its rule can no longer change."))
    old = campaign.rule
    if old.cutoff_at <= now:
        raise _conflict(_("The deadline has passed: the rule can no longer change."))
    if old.version != seen:
        raise _conflict(
            _("%(who)s has changed the rule in between, to version %(version)s. Look again.")
            % {"who": old.changed_by_label or campaign.created_by_label, "version": old.version}
        )
    new = terms.rule(campaign, old.version + 1)
    if new.cutoff_at <= now:
        raise CampaignRefused("deadline", _("This deadline has passed already: choose a day that is ahead."))
    if old.opens_at <= now < new.opens_at:
        raise CampaignRefused("opens_on", _("The campaign has opened: its first day cannot lie ahead again."))
    if not changed(old, new):
        raise CampaignRefused("", _("Nothing of the rule is different."))
    return old, new


def _conflict(message: str) -> CampaignRefused:
    return CampaignRefused("", message, conflict=True)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
