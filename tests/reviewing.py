"""Questions about standings, as tests ask and answer them."""

import uuid
from datetime import datetime
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.core.errors import Refused
from apps.employees.models import Employee
from apps.reviews import services
from apps.reviews.models import Review
from tests.people import TESTER, adjust


def ask(campaign: Campaign, employee: Employee, text: str = "One is missing.", **options: Any) -> Review:
    """Request a review of the own standing, with a new key."""
    usual = {"key": uuid.uuid4(), "by": TESTER}
    return services.request_review(campaign=campaign, employee=employee, text=text, **{**usual, **options})


def answer(review: Review, answerer: Employee, text: str = "It is right.", **options: Any) -> None:
    """Answer with a reason, or with the given options."""
    usual = {"kind": "reason", "by": TESTER}
    services.answer_review(review_id=review.pk, answerer=answerer, text=text, **{**usual, **options})


def withdraw(review: Review) -> None:
    """Withdraw the review as its author."""
    services.withdraw_review(review_id=review.pk, employee=review.employee, by=TESTER)


def refusal(work: Any, *args: Any, **options: Any) -> str:
    """The reason of a refusal; the test fails when the work is accepted."""
    with pytest.raises(Refused) as refused:
        work(*args, **options)
    return refused.value.code


def close(campaign: Campaign, snapshot_at: datetime) -> None:
    """Bring the campaign into the state after a freeze with this snapshot instant."""
    Campaign.objects.filter(pk=campaign.pk).update(state="closing", snapshot_at=snapshot_at)
    campaign.refresh_from_db()


def adjusted(campaign: Campaign, employee: Employee, target: int = 80) -> int:
    """The id of an approved adjustment: another target, for part time."""
    return adjust(campaign=campaign, employee=employee, target=target, kind="part_time", reason="part time").pk


def ids(employee: Employee) -> list[int]:
    """The employee's contacts, oldest first."""
    return list(Contact.objects.of(employee).order_by("recorded_at", "pk").values_list("pk", flat=True))
