"""A few adjustments of the demo by its two HR users: approved ones, and a pending one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from apps.campaigns.adjustments.approve import grant_adjustment, recheck
from apps.campaigns.adjustments.late_joiners import preview_rule, request_prorated_targets
from apps.campaigns.adjustments.requests import request_adjustment
from apps.campaigns.models import Campaign
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.demo.accounts import account_at, employee_at
from apps.demo.company import Company

# An employee who joined after this part of the campaign counts as a late joiner.
LATE = timedelta(days=10)
LEAVE: dict[str, Any] = {"kind": "leave", "reason": "Parental leave", "exempt": True}
PART_TIME: dict[str, Any] = {"kind": "part_time", "reason": "Works half the week", "target": 50}


def adjust_some(campaign: Campaign, company: Company) -> None:
    """Exempt an employee on leave, halve a part-time target, adjust the last joiners, and request one more.

    Each HR user then sees work: the first a pending request, and both the late joiners.
    """
    first, second = (account_at(company, index).actor for index in company.hr)
    present = [index for index in company.others if company.people[index].left_on is None]
    chosen = [employee_at(company, index) for index in present[:3]]
    # A company of ten has no three employees to choose from.
    for employee, adjustment in zip(chosen, (LEAVE, PART_TIME), strict=False):
        request = request_adjustment(campaign=campaign, employee=employee, by=first, **adjustment)
        grant_adjustment(request_id=request.pk, by=second)
    _adjust_last_joiners(campaign, first, second)
    for employee in chosen[2:]:
        request_adjustment(campaign=campaign, employee=employee, by=second, **LEAVE)


def _adjust_last_joiners(campaign: Campaign, first: Actor, second: Actor) -> None:
    day = campaign.rule.opens_on + LATE
    preview = preview_rule(campaign.rule, db_now(), joined_after=day, department="", acting_employee_id=None)
    if preview.listed:
        request = request_prorated_targets(
            campaign=campaign,
            joined_after=day,
            reason="Joined while the campaign ran",
            expected_digest=preview.digest,
            by=first,
        )
        current = recheck(request, campaign.rule, db_now(), None)
        grant_adjustment(request_id=request.pk, expected_digest=current.digest, by=second)
