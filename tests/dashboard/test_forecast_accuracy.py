"""How right the forecast was, for all people in the campaign: no number without its base, and none of a few."""

from unittest.mock import patch

import pytest
from django.utils import translation

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.forecasts import accuracy
from apps.forecasts.accuracy import judge_finished_campaigns
from apps.results.freeze import freeze
from tests.dashboard.conftest import SignIn
from tests.fixtures import Clock
from tests.judging import judged
from tests.people import TESTER, november

PAGE = "/about/forecast/"


@pytest.fixture
def frozen(campaign: Campaign, noon: Clock) -> Campaign:
    noon.set("2026-12-01T00:00:20+08:00", ticks=True)
    freeze(campaign=campaign, by=TESTER, wait=True)
    return campaign


def test_it_shows_sums_in_words(frozen: Campaign, alice: Employee, as_: SignIn) -> None:
    judged(frozen)
    page = as_(alice).get(PAGE).content.decode()
    assert "Better than a straight line at 2 of 3 times" in page
    few = "fewer than 5 reached it, or fewer than 5 did not"
    for text in ("6 of 30 days", "too early to say", few, "17 of 22", "0.214", "50–100 %", "83 %"):
        assert text in page
    assert "rough estimate" in page
    assert page.count("the rule changed later") == 1


def test_until_it_is_calculated_it_says_so(frozen: Campaign, alice: Employee, as_: SignIn) -> None:
    assert "Being calculated" in as_(alice).get(PAGE).content.decode()


def test_after_a_failure_it_does_not_say_that_it_is_being_calculated(
    frozen: Campaign, alice: Employee, as_: SignIn, noon: Clock
) -> None:
    """A reader would load the page again for days."""

    def fail(trial: object) -> None:
        assert "Being calculated" in as_(alice).get(PAGE).content.decode()
        raise ZeroDivisionError

    with patch.object(accuracy, "backtest", side_effect=fail):
        judge_finished_campaigns()
        page = as_(alice).get(PAGE).content.decode()
        assert "Hundred tries again tonight" in page
        assert "Being calculated" not in page
        for day in range(2, 9):
            noon.set(f"2026-12-{day:02}T10:00:00+08:00", ticks=True)
            judge_finished_campaigns()
    assert "does not try again" in as_(alice).get(PAGE).content.decode()


def test_a_running_campaign_has_none(campaign: Campaign, alice: Employee, as_: SignIn) -> None:
    assert "There is no result yet" in as_(alice).get(PAGE).content.decode()


def test_only_a_campaign_that_covers_the_reader_is_shown(
    campaign: Campaign, alice: Employee, hr: Employee, auditor: Employee, as_: SignIn
) -> None:
    november(name="Support", slug="support", scope=["Support"])
    answers = [as_(reader).get(f"{PAGE}?campaign=support").status_code for reader in (alice, hr, auditor)]
    assert answers == [404, 200, 200]


def test_pages_of_a_finished_campaign_lead_there(
    frozen: Campaign, alice: Employee, hr: Employee, auditor: Employee, as_: SignIn
) -> None:
    pages = [(alice, "/about/"), (hr, "/company/"), (auditor, "/company/"), (hr, f"/company/campaigns/{frozen.slug}/")]
    assert all(PAGE in as_(reader).get(page).content.decode() for reader, page in pages)


def test_a_running_campaign_leads_nowhere(campaign: Campaign, alice: Employee, hr: Employee, as_: SignIn) -> None:
    pages = [(alice, "/about/"), (hr, "/company/"), (hr, f"/company/campaigns/{campaign.slug}/")]
    assert not any(PAGE in as_(reader).get(page).content.decode() for reader, page in pages)


def test_it_speaks_chinese(frozen: Campaign, alice: Employee, as_: SignIn) -> None:
    judged(frozen)
    client = as_(alice)
    client.cookies["django_language"] = "zh-hans"
    with translation.override("zh-hans"):
        page = client.get(PAGE).content.decode()
    assert "布里尔分数" in page
    assert "Brier" not in page
