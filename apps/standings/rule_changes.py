"""Preview a change of a campaign's rule, store it as a new version, and evaluate all employees by it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _
from psycopg2.sql import SQL

from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import ALL_EMPLOYEES
from apps.campaigns.rule_draft import RuleDraft, changed_columns
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.events import record_event
from apps.core.locks import lock_facts, wait_for_writers
from apps.core.outbox import set_identity_tracking
from apps.core.sql import compose, named_row, statement
from apps.core.text import clean_text
from apps.standings.campaign_lifecycle import MAX_REASON_CHARS, approval_detail, campaigns_with_common_days, overlapping
from apps.standings.evaluation import evaluation_ctes
from apps.standings.start_run import reevaluate_all

RULE_CHANGE_IMPACT = statement("standings", "campaign_changes", "rule_change_impact")
# How long a change waits for writers of facts before it is refused.
WAIT_SECONDS = 5.0
# Pages and roster loads read the versions of a rule, so one person may not store any number of them.
MAX_VERSIONS_ALONE = 20


@dataclass(frozen=True)
class RuleChangeImpact:
    """Counts of people, named as the columns of the statement `rule_change_impact`.

    A person who enters or leaves the population does not count as turned. `keep_own_terms`: people with a target or an
    exemption of their own. `recounted`: people whose number of counted contacts differs. `raised`: people who need more
    contacts than before.
    """

    people_before: int
    people: int
    red_before: int
    red: int
    turned_red: int
    turned_not_red: int
    entered: int
    entered_red: int
    departed: int
    departed_red: int
    keep_own_terms: int
    recounted: int
    raised: int

    @property
    def by_effect(self) -> dict[str, int]:
        """How many people the change affects, by effect; effects on no one are left out."""
        # Requests store these names, and the approval page has a label for each: they can be added to, not renamed.
        counts = {
            "turn_red": self.turned_red, "turn_not_red": self.turned_not_red, "come_in": self.entered,
            "go_out": self.departed, "recounted": self.recounted, "need_more": self.raised,
        }  # fmt: skip
        return {name: count for name, count in counts.items() if count}


@dataclass(frozen=True)
class RuleChangePreview:
    """Both versions of the rule, their differences, and the open campaigns that the new one would overlap.

    `effect` is None while the campaign has not opened, because no employee is evaluated yet.
    """

    old: CampaignRule
    new: CampaignRule
    differences: dict[str, tuple[Any, Any]]
    people: int
    overlaps: list[Campaign]
    effect: RuleChangeImpact | None

    @property
    def reveals_contacts(self) -> bool:
        """Whether its counts reveal whose contact a person is. Then only the second person sees them, never the audit.

        Other days, domains or exclusive counting change who is a colleague, and which employee claims a contact.
        """
        # A list of the harmless columns: a column added later is confidential until a person has thought about it.
        return not self.differences.keys() <= {"target", "deadline", "confirmed_only", "scope", "prorate_joiners"}

    @property
    def changes_domains(self) -> bool:
        return "company_domains" in self.differences

    @property
    def by_effect(self) -> dict[str, int]:
        """How many people the change affects, by effect; effects on no one are left out."""
        if self.effect is None:
            return {}
        counts = {"people": self.effect.people, **self.effect.by_effect}
        if self.new.cutoff_at != self.old.cutoff_at and self.effect.red:
            less = self.new.cutoff_at < self.old.cutoff_at
            counts["have_less_time" if less else "have_more_time"] = self.effect.red
        return counts

    @property
    def needs_no_approval(self) -> bool:
        """Whether one person may make it: no employee is evaluated yet, and beside other campaigns it changes no more
        than targets or who takes part. After MAX_VERSIONS_ALONE versions each change needs a second person.

        After the opening each part of a rule decides who is red in the end, even if no employee turns red today. Two
        campaigns with common days reveal by their differences whose contact a person is.
        """
        if self.effect is not None or self.changes_domains or self.new.version > MAX_VERSIONS_ALONE:
            return False
        return self.differences.keys() <= {"target", "scope", "prorate_joiners"} or not campaigns_with_common_days(
            self.new
        )


def preview_rule_change(
    *, campaign: Campaign, draft: RuleDraft, expected_version: int, now: datetime
) -> RuleChangePreview:
    """Preview the change at `now`; nothing is stored. Raises Refused as change_rule would."""
    old, new = versions_of_change(campaign, draft, expected_version, now)
    # From the facts: cached standings may be pending, and the new rule has none.
    effect = compare_rules(old, new, now)
    overlaps, differences = overlapping(new), changed_columns(old, new)
    opened_effect = effect if has_opened(old, new, now) else None
    return RuleChangePreview(old, new, differences, effect.people, overlaps, opened_effect)


def has_opened(old: CampaignRule, new: CampaignRule, now: datetime) -> bool:
    """Whether employees are evaluated at `now` by either version of the rule."""
    return min(old.opens_at, new.opens_at) <= now


def compare_rules(old: CampaignRule, new: CampaignRule, at: datetime) -> RuleChangeImpact:
    """Evaluate all employees at `at` by both versions of the rule, and compare."""
    comparison = compose(
        RULE_CHANGE_IMPACT, target=new.target,
        evaluation_before=SQL(evaluation_ctes(old, at, ALL_EMPLOYEES)),
        evaluation_after=SQL(evaluation_ctes(new, at, ALL_EMPLOYEES)),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(comparison)
        return RuleChangeImpact(**named_row(cursor))


def change_rule(
    *,
    campaign: Campaign,
    draft: RuleDraft,
    expected_version: int,
    reason: str = "",
    key: uuid.UUID | None = None,
    by: Actor,
    approved_by: Actor | None = None,
    before_opening: bool = False,
) -> CampaignRule:
    """Store the draft as a new version, in force from now on, and start the evaluation of all employees.

    `expected_version` is the version that the user saw. After the opening a reason is required. `approved_by` is the
    second person; campaign_approvals decides when one is needed. `before_opening`: refused if the campaign has opened
    by the instant of the change. Idempotent by `key`. Raises Refused.
    """
    reason = clean_text(reason, MAX_REASON_CHARS)
    # The exclusive lock delays all new writers: wait for long ones without it.
    if not wait_for_writers(WAIT_SECONDS):
        raise _conflict(_("Contacts are still being recorded. Try again in a minute."))
    with transaction.atomic():
        campaign = _lock_for_change(campaign, draft)
        # After the lock, so that a form sent twice at once finds the version of the first.
        if key and (existing := campaign.rules.filter(key=key).first()):
            return existing
        now = db_now()
        old, new = versions_of_change(campaign, draft, expected_version, now)
        # The waits above may last until after the opening, and the change then needs a second person.
        if before_opening and has_opened(old, new, now):
            raise _conflict(_("The campaign has opened in the meantime. Check the change again."))
        require_reason(reason, old, now)
        new.in_force_from, new.reason, new.changed_by_label, new.key = now, reason, by.label, key
        new.approved_by_label = approved_by.label if approved_by else ""
        new.save()
        reevaluate_all(campaign, cause="rule", by=by)
        _notify_employees(campaign, old, new, now)
        _audit_change(campaign, old, new, by, approved_by)
    return new


def _lock_for_change(campaign: Campaign, draft: RuleDraft) -> Campaign:
    if draft.exclusive:
        set_identity_tracking(True)
    # As before a freeze, the exclusive lock separates two groups. Earlier writers and evaluations have ended; later
    # ones read the new version.
    lock_facts(exclusive=True)
    # Two changes at once: the second one reads the version that the first has stored, and is refused.
    return Campaign.objects.lock(campaign.pk).get()


def _notify_employees(campaign: Campaign, old: CampaignRule, new: CampaignRule, now: datetime) -> None:
    """Nothing before the opening, which notifies them of the rule as it is then."""
    if old.opens_at <= now:
        record_event("rule_changed", subject=f"{campaign.pk}:{new.version}", campaign_id=campaign.pk)
    elif new.opens_at <= now:
        record_event("campaign_opened", subject=campaign.pk, campaign_id=campaign.pk)


def require_reason(reason: str, rule: CampaignRule, now: datetime) -> None:
    """Raise Refused for a change without a reason after the opening."""
    if not reason and rule.opens_at <= now:
        message = _("The campaign has opened. Enter a reason for the change; all employees will see it.")
        raise Refused("invalid", message, "reason")


def _audit_change(
    campaign: Campaign, old: CampaignRule, new: CampaignRule, by: Actor, approved_by: Actor | None
) -> None:
    differences = {name: [_plain(value) for value in pair] for name, pair in changed_columns(old, new).items()}
    detail = {"version": new.version, "reason": new.reason, "changed": differences, **approval_detail(approved_by)}
    audit("campaign.rule_changed", by=by, kind="campaign", id=campaign.slug, label=campaign.name, detail=detail)


def versions_of_change(
    campaign: Campaign, draft: RuleDraft, expected_version: int, now: datetime
) -> tuple[CampaignRule, CampaignRule]:
    """Return the newest version and the version that would follow it. Raises Refused."""
    if campaign.state not in (Campaign.State.DRAFT, Campaign.State.OPEN):
        raise _conflict(_("This campaign is being closed or is over. Its rule can no longer change."))
    old = campaign.rule
    if old.cutoff_at <= now:
        raise _conflict(_("The deadline has passed. The rule can no longer change."))
    # Optimistic lock: the user decided on what an older page showed.
    if old.version != expected_version:
        raise _conflict(
            _("%(who)s has changed the rule to version %(version)s in the meantime. Check it again.")
            % {"who": old.changed_by_label or campaign.created_by_label, "version": old.version}
        )
    new = draft.rule(campaign, old.version + 1)
    if new.cutoff_at <= now:
        raise Refused("invalid", _("This deadline has already passed. Choose a later day."), "deadline")
    # Standings that employees have seen would disappear.
    if old.opens_at <= now < new.opens_at:
        raise Refused(
            "invalid", _("The campaign has opened, so its first day cannot be moved into the future."), "opens_on"
        )
    if not changed_columns(old, new):
        raise Refused("invalid", _("The rule has not changed."))
    return old, new


def _conflict(message: str) -> Refused:
    return Refused("conflict", message, conflict=True)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
