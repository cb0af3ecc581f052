"""The effect of a decision about adjustments on standings: counted, target, and who turns red or not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from apps.campaigns import rules
from apps.campaigns.models import Campaign
from apps.campaigns.population import unadjusted_targets
from apps.reports.adjustments import adjustments_by_employee
from apps.reports.standings_report import Standings
from apps.reports.targets import AdjustmentTerms, terms_just_before
from apps.standings.report_people import EmployeeIds

RED, NOT_RED = "red", "not_red"
CURRENT_TERMS = "SELECT employee_id, counted, target, exempt FROM listed"


@dataclass(frozen=True)
class StandingEffect:
    """A standing before and after a decision."""

    counted: int
    old_target: int
    old_exempt: bool
    target: int
    exempt: bool

    @property
    def is_red(self) -> bool:
        return rules.is_red(self.counted, self.target, self.exempt)

    @property
    def red_change(self) -> str:
        return red_change(rules.is_red(self.counted, self.old_target, self.old_exempt), self.is_red)


def red_change(was_red: bool, is_red: bool) -> str:
    """RED or NOT_RED when that changes; else empty."""
    return "" if was_red == is_red else RED if is_red else NOT_RED


def effects_of_grant(
    campaign: Campaign, requested: Iterable[AdjustmentTerms], now: datetime
) -> dict[int, StandingEffect]:
    """The effect of granting these adjustments at `now`, by employee; employees without a standing are left out."""
    by_employee = {terms.employee_id: terms for terms in requested}
    held = adjustments_by_employee(campaign, by_employee, now)
    return _effects(campaign, {pk: [terms, *held.get(pk, [])] for pk, terms in by_employee.items()}, now)


def effects_of_end(
    campaign: Campaign, request_id: int, employees: Collection[int], now: datetime
) -> dict[int, StandingEffect]:
    """The effect of ending a request's adjustments of these employees at `now`, by employee."""
    held = adjustments_by_employee(campaign, employees, now)
    kept = {pk: [terms for terms in held.get(pk, []) if terms.request_id != request_id] for pk in employees}
    return _effects(campaign, kept, now)


def _effects(
    campaign: Campaign, terms: Mapping[int, Sequence[AdjustmentTerms]], now: datetime
) -> dict[int, StandingEffect]:
    rule = campaign.rule
    at = rules.effective_as_of(now, rule.cutoff_at)
    standings, targets = Standings(campaign, EmployeeIds(list(terms)), now=now), unadjusted_targets(rule, list(terms))
    return {
        employee: StandingEffect(counted, target, exempt, *terms_just_before(at, terms[employee], targets[employee]))
        for employee, counted, target, exempt in standings.query(CURRENT_TERMS)
    }
