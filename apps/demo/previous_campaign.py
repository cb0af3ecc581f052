"""A trial campaign before the demo's, already frozen: with a result, a review and a correction.

It counts the contacts recorded too early for the open campaign. Everything goes through the services, as the two HR
users would do it; an interrupted run continues where it ended.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import transaction

from apps.accounts.models import Account
from apps.accounts.services import account_for
from apps.campaigns.adjustments.approve import grant_adjustment
from apps.campaigns.adjustments.requests import request_adjustment
from apps.campaigns.models import Campaign
from apps.core.audit import Actor
from apps.core.locks import lock_facts
from apps.core.models import Setting
from apps.demo.calendar import EARLY_DAYS, ZONE, Calendar
from apps.demo.company import Company
from apps.employees.models import Employee
from apps.results import result_versions
from apps.results.corrections import CorrectionDraft, ask_correction, grant_correction
from apps.results.freeze import freeze
from apps.reviews.services import answer_review, ask_review
from apps.standings.campaign_lifecycle import open_campaign

TARGET = 2
MARK = "demo"


def create_trial_campaign(company: Company, days: Calendar, by: Actor) -> None:
    """Open the trial, freeze it after its deadline, and have its result reviewed and corrected."""
    _once("trial", lambda: _open(company, days, by))
    campaign = Campaign.objects.get(slug=Setting.objects.get(name=MARK).value["trial"])
    freeze(campaign=campaign, by=by, wait=True)
    _once("trial_corrected", lambda: _correct(Campaign.objects.get(pk=campaign.pk), company))
    # In a large company the correction waits for a worker, and none may be running.
    for correction in result_versions.pending_versions().filter(campaign=campaign):
        result_versions.make_version(correction.pk)


def _once(step: str, work: Callable[[], Any]) -> None:
    """Do a step in one transaction with the demo's mark for it, unless an earlier run did it."""
    with transaction.atomic():
        lock_facts()
        mark = Setting.objects.select_for_update().get(name=MARK)
        if step not in mark.value:
            mark.value[step] = work()
            mark.save(update_fields=["value"])


def _open(company: Company, days: Calendar, by: Actor) -> str:
    campaign = open_campaign(
        name=f"Trial before {days.name}", target=TARGET, opens_on=days.opens_on - timedelta(days=EARLY_DAYS),
        deadline=days.opens_on - timedelta(days=1), time_zone=ZONE, by=by,
    )  # fmt: skip
    asks, grants = (_account(company, place).actor for place in company.hr)
    request = request_adjustment(
        campaign=campaign, employee=_employee(company, company.manager), kind="leave", reason="Away for all of it",
        exempt=True, by=asks,
    )  # fmt: skip
    grant_adjustment(request_id=request.pk, by=grants)
    return campaign.slug


def _correct(campaign: Campaign, company: Company) -> int:
    """The employee at 99 asks; one HR user requests the correction, the other approves it with an answer."""
    employee = _employee(company, company.at_99)
    asks, grants = (_account(company, place) for place in company.hr)
    question = ask_review(
        campaign=campaign, employee=employee, text="I brought two, and one of them is missing.", key=uuid.uuid4(),
        by=account_for(employee).actor,
    )  # fmt: skip
    correction = ask_correction(
        campaign=campaign, drafts=[CorrectionDraft(employee.staff_no, counted=TARGET)],
        reason="The messaging product delivered one contact late", evidence="Its log of the last evening", by=asks,
    )  # fmt: skip
    grant_correction(correction_id=correction.pk, by=grants, answer="Seen in the log")
    answer_review(
        review_id=question.pk, kind="correction", text="", subject_id=correction.pk,
        answerer=_employee(company, company.hr[1]), by=grants.actor,
    )  # fmt: skip
    return correction.pk


def _account(company: Company, place: int) -> Account:
    return account_for(_employee(company, place))


def _employee(company: Company, place: int) -> Employee:
    return Employee.objects.by_staff_no(company.people[place].staff_no)
