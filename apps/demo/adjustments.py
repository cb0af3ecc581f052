"""A few adjustments of the demo by its two HR users: approved ones, and a pending one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from apps.accounts.services import account_for
from apps.campaigns.adjustments.approve import grant_adjustment
from apps.campaigns.adjustments.bulk_recheck import recheck
from apps.campaigns.adjustments.late_joiners import preview_rule, request_prorated_targets
from apps.campaigns.adjustments.requests import request_adjustment
from apps.campaigns.models import Campaign
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.demo.company import Company
from apps.employees.models import Employee

HALF = 50
# An employee who joined after this part of the campaign counts as a late joiner.
LATE = timedelta(days=10)


def adjust_some(campaign: Campaign, company: Company) -> None:
    """Exempt an employee on leave, halve a part-time target, adjust the last joiners, and request one more.

    Each HR user then sees work: the first a pending request, and both the late joiners.
    """
    asks, grants = (_actor(company, place) for place in company.hr)
    chosen = _team_members(company)
    on_leave, part_time, waiting = (next(chosen, None) for _ in range(3))
    if on_leave:
        request = request_adjustment(
            campaign=campaign, employee=on_leave, kind="leave", reason="Parental leave", exempt=True, by=asks
        )
        grant_adjustment(request_id=request.pk, by=grants)
    if part_time:
        request = request_adjustment(
            campaign=campaign, employee=part_time, kind="part_time", reason="Works half the week", target=HALF, by=asks
        )
        grant_adjustment(request_id=request.pk, by=grants)
    _adjust_last_joiners(campaign, asks, grants)
    if waiting:
        request_adjustment(
            campaign=campaign, employee=waiting, kind="leave", reason="Nursing leave", exempt=True, by=grants
        )


def _adjust_last_joiners(campaign: Campaign, asks: Actor, grants: Actor) -> None:
    day = campaign.rule.opens_on + LATE
    preview = preview_rule(campaign.rule, db_now(), joined_after=day, department="", besides_employee=None)
    if not preview.listed:
        return
    request = request_prorated_targets(
        campaign=campaign, joined_after=day, reason="Joined while the campaign ran", seen=preview.digest, by=asks
    )
    current = recheck(request, campaign.rule, db_now(), None)
    grant_adjustment(request_id=request.pk, seen=current.digest, by=grants)


def _actor(company: Company, place: int) -> Actor:
    return account_for(_employee(company, place)).actor


def _employee(company: Company, place: int) -> Employee:
    return Employee.objects.by_staff_no(company.people[place].staff_no)


def _team_members(company: Company) -> Iterator[Employee]:
    """Employees without a team who have not left and have no demo account."""
    leads = {person.manager for person in company.people}
    for place, person in enumerate(company.people):
        if place not in leads and place not in company.shown and person.left_at is None:
            yield _employee(company, place)
