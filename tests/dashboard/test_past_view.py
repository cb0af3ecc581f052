"""Pages of a past day: they say so, lead back, and never carry the day to a page that cannot show it."""

import pytest

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import links, rows, words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def recorded(alice: Employee, campaign: Campaign, clock: Clock) -> Campaign:
    """Alice at 100 since Monday 23 November; today is Wednesday."""
    people.record(alice, 100)
    people.mark()
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    return campaign


def test_the_own_pages_ignore_a_past_day(as_: SignIn, alice: Employee, recorded: Campaign) -> None:
    """A mix of then and now would tell an employee a wrong pace."""
    client = as_(alice)
    said = words(client.get("/?as_of=2026-11-22"))
    assert "100 of 100 counted" in said
    assert said == words(client.get("/"))
    for address in ("/contacts/", "/review/", "/exports/"):
        page = client.get(address, {"as_of": "2026-11-22"})
        assert page.context["scope"].day is None, address
        assert not [link for link in links(page) if "as_of" in link], address


@pytest.mark.parametrize("address", ["/team/B001/", "/team/A001/", "/company/"])
def test_a_past_day_stays_on_the_pages_that_show_it(
    as_: SignIn, bob: Employee, recorded: Campaign, address: str
) -> None:
    people.with_account(bob, "hr")
    page = as_(bob).get(address, {"as_of": "2026-11-22", "campaign": "november"})
    paths = {link.partition("?")[0] for link in links(page) if "as_of=2026-11-22" in link}
    shown = ("/team/", "/company/#", "/company/standings.csv", "/exports/new/")
    assert {path for path in paths if path != "/company/" and not path.startswith(shown)} == set()
    assert {"/team/", "/company/"} <= paths, "the navigation keeps it"
    own = [link for link in links(page) if link.partition("?")[0] in ("/", "/contacts/", "/company/reviews/")]
    assert own
    assert all("campaign=november" in link for link in own)


@pytest.mark.parametrize("address", ["/team/B001/", "/team/A001/", "/company/"])
def test_a_past_view_says_so_and_leads_back_to_now(
    as_: SignIn, bob: Employee, recorded: Campaign, address: str
) -> None:
    people.with_account(bob, "hr")
    client = as_(bob)
    page = client.get(address, {"as_of": "2026-11-22"})
    assert "You are viewing a past day: as of the end of Sun 22 Nov 2026 Back to now" in words(page)
    back = [link for link in links(page) if link.startswith(("?", f"{address}?"))]
    assert f"{address}?" in back
    assert "You are viewing a past day" not in words(client.get(address))


def test_an_auditor_is_told_of_a_past_view_too(as_: SignIn, auditor: Employee, recorded: Campaign) -> None:
    assert "You are viewing a past day" in words(as_(auditor).get("/company/?as_of=2026-11-22"))


def test_the_usual_past_days_are_one_click_away(as_: SignIn, bob: Employee, recorded: Campaign, clock: Clock) -> None:
    client = as_(bob)
    page = client.get("/team/B001/?status=red")
    said = words(page)
    for label, day in (
        ("Yesterday Tue 24 Nov", "24"),
        ("Last Monday Mon 23 Nov", "23"),
        ("Last Friday Fri 20 Nov", "20"),
        ("A week ago Wed 18 Nov", "18"),
    ):
        assert label in said
        assert f"/team/B001/?status=red&as_of=2026-11-{day}" in links(page)
    # On a Saturday yesterday was Friday, and on a Friday the last one was a week ago: each day is offered once.
    for today, offered in (("28", ["27", "23", "21"]), ("27", ["26", "23", "20"])):
        clock.set(f"2026-11-{today}T12:00:00+08:00", ticks=True)
        page = client.get("/team/B001/?status=all")
        days = [link[-2:] for link in links(page) if link.startswith("/team/B001/?as_of=")]
        assert days == offered


def test_no_past_day_is_before_the_campaign(as_: SignIn, bob: Employee, campaign: Campaign, clock: Clock) -> None:
    clock.set("2026-11-03T12:00:00+08:00", ticks=True)
    people.mark()
    page = as_(bob).get("/team/B001/")
    assert [link[-2:] for link in links(page) if link.startswith("/team/B001/?as_of=")] == ["02"]


def test_a_past_instant_reads_the_same_on_every_page(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    """A reader does not take "27 Nov 00:00" for the end of the 26th."""
    people.with_account(bob, "hr")
    client = as_(bob)
    assert rows(client.get("/team/B001/standings.csv?as_of=2026-11-22"))
    for address in ("/team/B001/?as_of=2026-11-22", "/company/?as_of=2026-11-22", "/exports/"):
        said = words(client.get(address))
        assert "the end of Sun 22 Nov" in said, address
        assert "23 Nov 00:00" not in said, address
