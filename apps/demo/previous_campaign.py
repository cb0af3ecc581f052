"""A trial campaign before the demo's, frozen and corrected through the services, as the two HR users would do it.

It counts the contacts that were recorded too early for the open campaign.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from apps.accounts.services import account_for
from apps.campaigns.adjustments.approve import grant_adjustment
from apps.campaigns.adjustments.requests import request_adjustment
from apps.campaigns.models import Campaign
from apps.campaigns.rule_draft import RuleDraft
from apps.core.audit import Actor
from apps.demo.accounts import account_at, employee_at
from apps.demo.calendar import ZONE, Calendar
from apps.demo.company import Company
from apps.demo.contacts import EARLY_DAYS
from apps.results.corrections import CorrectionDraft, grant_correction, request_correction
from apps.reviews.services import answer_review, request_review
from apps.standings.campaign_lifecycle import open_campaign

TRIAL_TARGET = 2


def open_trial(company: Company, days: Calendar, by: Actor) -> str:
    """Open the trial, with one exempt employee; returns its slug."""
    first_day, last_day = days.opens_on - timedelta(days=EARLY_DAYS), days.opens_on - timedelta(days=1)
    draft = RuleDraft(TRIAL_TARGET, first_day, last_day, ZONE)
    campaign = open_campaign(name=f"Trial before {days.name}", draft=draft, by=by)
    first, second = (account_at(company, index).actor for index in company.hr)
    request = request_adjustment(
        campaign=campaign, employee=employee_at(company, company.manager), kind="leave", reason="Away for all of it",
        exempt=True, by=first,
    )  # fmt: skip
    grant_adjustment(request_id=request.pk, by=second)
    return campaign.slug


def correct_trial(campaign: Campaign, company: Company) -> int:
    """The employee at 99 asks; one HR user requests the correction, the other approves it with an answer.

    Returns the correction's id.
    """
    employee = employee_at(company, company.at_99)
    first, second = (account_at(company, index) for index in company.hr)
    review = request_review(
        campaign=campaign, employee=employee, text="I brought two, and one of them is missing.", key=uuid.uuid4(),
        by=account_for(employee).actor,
    )  # fmt: skip
    correction = request_correction(
        campaign=campaign, drafts=[CorrectionDraft(employee.staff_no, counted=TRIAL_TARGET)],
        reason="The messaging product delivered one contact late", evidence="Its log of the last evening", by=first,
    )  # fmt: skip
    grant_correction(correction_id=correction.pk, by=second, answer="Seen in the log")
    answer_review(
        review_id=review.pk, kind="correction", text="", subject_id=correction.pk,
        answerer=employee_at(company, company.hr[1]), by=second.actor,
    )  # fmt: skip
    return correction.pk
