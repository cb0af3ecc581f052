"""The target of one employee over time: the campaign's or an adjusted one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.campaigns.models import Adjustment, Campaign, CampaignRule
from apps.campaigns.rules import effective_as_of
from apps.employees.models import Employee


@dataclass(frozen=True)
class TargetStep:
    """The target from `since` on. `own`: adjusted for this employee."""

    since: datetime
    target: int
    own: bool
    exempt: bool


def target_history(campaign: Campaign, employee: Employee, look: datetime) -> list[TargetStep]:
    """The targets of an employee from the opening to just before `as_of`, newest step first. Two queries.

    A backdated adjustment shows from its start, as in every evaluation of the past.
    """
    versions = list(campaign.rules.order_by("version"))
    granted = Adjustment.objects.filter(campaign=campaign, employee=employee, granted_at__isnull=False)
    at = effective_as_of(look, campaign.rule.cutoff_at)
    return steps_of(versions, list(granted.order_by("starts_at", "id")), at)


def steps_of(versions: list[CampaignRule], adjustments: list[Adjustment], look: datetime) -> list[TargetStep]:
    """The same from the rule's versions in order, and the adjustments ordered by start and id."""
    opens_at = versions[-1].opens_at
    turns = [version.in_force_from for version in versions[1:]]
    turns += [at for adjustment in adjustments for at in (adjustment.starts_at, adjustment.until)]
    steps: list[TargetStep] = []
    for at in sorted({opens_at, *(turn for turn in turns if opens_at < turn < look)}):
        step = _from(at, versions, adjustments)
        if not steps or (step.target, step.exempt) != (steps[-1].target, steps[-1].exempt):
            steps.append(step)
    return steps[::-1]


def _from(at: datetime, versions: list[CampaignRule], adjustments: Iterable[Adjustment]) -> TargetStep:
    """What holds from an instant on: the adjustment that began last decides, separately for target and exemption."""
    rule = next((version for version in reversed(versions) if version.in_force_from <= at), versions[0])
    holding = [adjustment for adjustment in adjustments if adjustment.starts_at <= at < adjustment.until]
    own = next((adjustment.target for adjustment in reversed(holding) if adjustment.target is not None), None)
    exempt = next((adjustment.exempt for adjustment in reversed(holding) if adjustment.exempt is not None), False)
    return TargetStep(at, rule.target if own is None else own, own is not None, exempt)
