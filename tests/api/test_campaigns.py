"""Campaigns over the API."""

import pytest

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people
from tests.api.conftest import Signed

pytestmark = pytest.mark.django_db


def test_a_campaign_says_what_counts_until_when(as_: Signed, alice: Employee, campaign: Campaign) -> None:
    found = as_(alice).read("campaigns/november/")
    assert (found["target"], found["state"], found["rule_version"]) == (100, "open", 1)
    assert (found["opens_at"], found["cutoff_at"]) == ("2026-10-31T16:00:00Z", "2026-11-30T16:00:00Z")
    assert (found["opens_on"], found["deadline"], found["time_zone"]) == ("2026-11-01", "2026-11-30", "Asia/Shanghai")
    assert as_(alice).read("campaigns/") == {"results": [found], "next": None}


def test_a_draft_or_a_cancelled_one_is_not_there(as_: Signed, alice: Employee, campaign: Campaign) -> None:
    Campaign.objects.create(slug="next", name="Next", state="draft", created_by_label="test")
    Campaign.objects.filter(pk=campaign.pk).update(state="cancelled")
    client = as_(alice)
    assert client.read("campaigns/")["results"] == []
    for slug in ("next", "november", "nope"):
        client.read(f"campaigns/{slug}/", 404)


def test_pages_follow_by_short_name(as_: Signed, alice: Employee, campaign: Campaign) -> None:
    for number in range(4):
        people.november(name=f"Round {number}")
    client, address, seen = as_(alice), "campaigns/?limit=2", []
    while address:
        page = client.read(address)
        seen += [one["slug"] for one in page["results"]]
        address = (page["next"] or "").removeprefix("http://testserver")
    assert seen == ["november", "round-0", "round-1", "round-2", "round-3"]
