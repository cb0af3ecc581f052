"""`/company/retention/`: HR sees until when contacts and files are kept."""

from datetime import timedelta
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.privacy.retention import contacts_retained_until
from apps.results.freeze import freeze
from tests import people, reviewing
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db
PAGE = "/company/retention/"


def test_the_page_says_from_which_day_contacts_are_erased_and_what_keeps_them(
    as_: SignIn, campaign: Campaign, alice: Employee, hr: Employee, clock: Clock, settings: Any
) -> None:
    settings.RETENTION_DAYS, settings.RETENTION_LEAVER_DAYS = 90, 30
    client = as_(hr)
    assert f'href="{PAGE}' in client.get("/company/").content.decode()
    assert "November Mon 30 Nov 2026 Mon 22 Mar 2027 Kept" in words(client.get(PAGE))
    over = contacts_retained_until(campaign)
    assert over is not None
    clock.set(over + timedelta(days=1), ticks=True)
    assert "Kept until the campaign is final" in words(as_(hr).get(PAGE))
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    freeze(campaign=campaign, by=people.TESTER, wait=False)
    review = reviewing.ask(campaign, alice)
    clock.set(over + timedelta(days=1), ticks=True)
    assert "Kept, because a review or a correction is open" in words(as_(hr).get(PAGE))
    reviewing.withdraw(review)
    assert "Erased" in words(as_(hr).get(PAGE)).partition("Everything else")[0].rpartition("Mar 2027")[2]


def test_without_an_end_the_page_says_so(as_: SignIn, campaign: Campaign, hr: Employee, settings: Any) -> None:
    settings.RETENTION_DAYS = settings.RETENTION_LEAVER_DAYS = 0
    page = words(as_(hr).get(PAGE))
    assert "No campaign has a retention date" in page
    assert "Like all other contacts" in page
