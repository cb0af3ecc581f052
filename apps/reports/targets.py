"""The target of one employee over time, or just before an instant: the campaign's or an adjusted one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from apps.campaigns.models import Adjustment, Campaign, CampaignRule
from apps.campaigns.rules import effective_as_of, prorated_target
from apps.core.time_zones import company_zone
from apps.employees.models import Employee, Employment


@dataclass(frozen=True)
class TargetStep:
    """The target from `since` on. `adjusted`: not the campaign's, but for this employee."""

    since: datetime
    target: int
    adjusted: bool
    exempt: bool


class AdjustmentTerms(Protocol):
    """A requested or granted adjustment of one employee."""

    @property
    def employee_id(self) -> int: ...
    @property
    def target(self) -> int | None: ...
    @property
    def exempt(self) -> bool | None: ...
    @property
    def starts_at(self) -> datetime: ...
    @property
    def until(self) -> datetime: ...


def terms_just_before(at: datetime, terms: Iterable[AdjustmentTerms], target: int) -> tuple[int, bool]:
    """The target and the exemption just before `at`; `target` is the one without adjustments.

    The terms that began last decide; of those that began together, the first in `terms`, which is the newest.
    """
    newest_first = sorted(terms, key=lambda each: each.starts_at, reverse=True)
    adjusted, exempt = _decide(each for each in newest_first if each.starts_at < at <= each.until)
    return target if adjusted is None else adjusted, exempt


def _decide(newest_first: Iterable[AdjustmentTerms]) -> tuple[int | None, bool]:
    """The adjusted target or None, and the exemption: each comes from the newest terms that state it."""
    terms = list(newest_first)
    return (
        next((each.target for each in terms if each.target is not None), None),
        next((each.exempt for each in terms if each.exempt is not None), False),
    )


def target_history(campaign: Campaign, employee: Employee, as_of: datetime) -> list[TargetStep]:
    """The targets of an employee from the opening to just before `as_of`, newest step first. Two queries.

    A backdated adjustment shows from its start, as in every evaluation of the past.
    """
    versions = list(campaign.rules.order_by("version"))
    granted = Adjustment.objects.filter(campaign=campaign, employee=employee, granted_at__isnull=False)
    at = effective_as_of(as_of, campaign.rule.cutoff_at)
    first_day = None
    if any(version.prorate_joiners for version in versions):
        first_day = first_day_in(campaign.rule, employee)
    return target_steps(versions, list(granted.order_by("starts_at", "id")), at, first_day)


def first_day_in(rule: CampaignRule, employee: Employee) -> date | None:
    """The employee's first day of work by which the rule pro-rates; None for who was there before any stored day."""
    periods = Employment.objects.filter(employee=employee, ends_at__gt=rule.opens_at, starts_at__lt=rule.cutoff_at)
    # An employment without a first day begins at -infinity, which no datetime holds.
    if periods.filter(starts_at__lt=rule.opens_at - timedelta(days=2)).exists():
        return None
    starts_at = periods.order_by("starts_at").values_list("starts_at", flat=True).first()
    return starts_at.astimezone(ZoneInfo(company_zone())).date() if starts_at else None


def target_steps(
    versions: list[CampaignRule], adjustments: list[Adjustment], as_of: datetime, first_day: date | None = None
) -> list[TargetStep]:
    """The steps from the versions of the rule, in order, and the adjustments, ordered by start and id.

    `first_day`: the employee's, where a version gives joiners a target pro rata.
    """
    opens_at = versions[-1].opens_at
    change_instants = [version.in_force_from for version in versions[1:]]
    change_instants += [at for adjustment in adjustments for at in (adjustment.starts_at, adjustment.until)]
    steps: list[TargetStep] = []
    for at in sorted({opens_at, *(change_at for change_at in change_instants if opens_at < change_at < as_of)}):
        step = _step_at(at, versions, adjustments, first_day)
        # A new version of the rule may leave the target as it is.
        if not steps or (step.target, step.exempt) != (steps[-1].target, steps[-1].exempt):
            steps.append(step)
    return steps[::-1]


def _step_at(
    at: datetime, versions: list[CampaignRule], adjustments: Iterable[Adjustment], first_day: date | None
) -> TargetStep:
    """What holds from an instant on, which the period includes; terms_just_before excludes it."""
    rule = next((version for version in reversed(versions) if version.in_force_from <= at), versions[0])
    in_force = [adjustment for adjustment in adjustments if adjustment.starts_at <= at < adjustment.until]
    adjusted, exempt = _decide(reversed(in_force))
    target = rule.target
    if rule.prorate_joiners and first_day and first_day > rule.opens_on:
        target = prorated_target(rule.target, rule.opens_on, rule.deadline, first_day)
    return TargetStep(at, target if adjusted is None else adjusted, adjusted is not None, exempt)
