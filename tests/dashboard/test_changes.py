"""Changes since an earlier day on the pages of a team and of the company: the choice, the column, the filter, files."""

from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.core.models import AuditEntry
from apps.employees.models import Employee
from apps.exports.models import Export
from apps.results.freeze import freeze
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, links, rows, words
from tests.fixtures import Clock

pytestmark = pytest.mark.django_db

SINCE = "since=2026-11-23"


@pytest.fixture
def recorded(campaign: Campaign, alice: Employee, alan: Employee, clock: Clock) -> Campaign:
    """Monday 23 November: Alice at 90, Alan at 10. Wednesday: Alice at 100, Alan still at 10, Nora has joined."""
    people.record(alice, 90)
    people.record(alan, 10)
    people.mark()
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    columns = "staff_no,name,email,department,manager_staff_no,started_on\n"
    people.load(columns + "N001,Nora,nora@corp.example.com,Sales,B001,2026-11-24\n")
    people.record(alice, 10)
    people.mark()
    return campaign


def changes(page: Any) -> dict[str, tuple]:
    shown = (person.row for person in page.context["people"])
    return {row.staff_no: (row.counted_before, row.change, row.turned) for row in shown}


CHANGED = {"A001": (90, 10, "reached"), "A002": (10, 0, None), "N001": (None, 0, None)}


@pytest.mark.parametrize("address", ["/team/B001/", "/company/"])
def test_each_person_is_compared_with_the_end_of_that_day(
    as_: SignIn, bob: Employee, recorded: Campaign, address: str
) -> None:
    people.with_account(bob, "hr")
    client = as_(bob)
    page = client.get(f"{address}?{SINCE}")
    assert changes(page).items() >= CHANGED.items()
    said = words(page)
    assert "Changes since the end of Mon 23 Nov" in said
    assert "+10 Reached the target" in said
    assert "0 new in the campaign" in said
    plain = client.get(address)
    assert set(changes(plain).values()) == {(None, None, None)}
    assert "Reached the target" not in words(plain)


@pytest.mark.parametrize("address", ["/team/B001/", "/company/"])
def test_the_list_and_its_files_have_the_people_of_a_filter_by_change(
    as_: SignIn, bob: Employee, recorded: Campaign, address: str
) -> None:
    people.with_account(bob, "hr")
    client = as_(bob)
    for change in ("moved", "stalled", "reached", "fell_back"):
        page = client.get(f"{address}?{SINCE}&change={change}")
        shown = changes(page)
        assert page.context["totals_of_list"].people == len(shown)
        assert ("A001" in shown) == (change in ("moved", "reached"))
        # Nora was not there, so she has not stalled.
        assert ("A002" in shown, "N001" in shown) == (change == "stalled", False)
        file = {row["staff_no"]: row for row in rows(client.get(page.context["csv"]))}
        assert set(file) == set(shown)
        for staff_no, (before, difference, turned) in shown.items():
            cells = [file[staff_no][name] for name in ("counted_before", "change", "turned", "compared_with")]
            assert cells == [str(before), str(difference), turned or "", "2026-11-24T00:00:00.000000+08:00"]
        assert "Any change" in words(page)


def test_the_comparison_stays_until_it_is_removed(as_: SignIn, dana: Employee, recorded: Campaign) -> None:
    client = as_(dana)
    page = client.get(f"/team/D001/?{SINCE}&change=stalled&status=red")
    assert f"/team/B001/?{SINCE}" in links(page), "a sub-team is compared with the same day"
    assert dict(page.context["chips"]).keys() == {"Red", "Red without progress"}
    [remove] = [link for link in links(page) if "since" not in link and link.startswith("/team/D001/?status=red")][:1]
    without = client.get(remove)
    assert without.context["scope"].since is None
    assert (without.context["filters"].status, without.context["filters"].change) == ("red", "")
    # The contacts of no one: other pages know no comparison.
    assert not [link for link in links(page) if "since" in link and not link.startswith(("/team/", "/exports/new/"))]


def test_the_cookie_of_filters_keeps_neither_the_day_nor_the_change(
    as_: SignIn, bob: Employee, recorded: Campaign
) -> None:
    """Next week the same filter would be about other people."""
    client = as_(bob)
    client.get(f"/team/B001/?{SINCE}&status=red&change=stalled")
    again = client.get("/team/B001/")
    assert again.context["scope"].since is None
    assert (again.context["filters"].status, again.context["filters"].change) == ("red", "")
    assert client.get(f"/team/B001/?{SINCE}").context["filters"].status == "red", "a remembered filter stays"
    alone = client.get("/team/B001/?change=stalled")
    assert alone.context["filters"].change == "", "without a day no one would match"
    assert len(changes(alone)) == 3


@pytest.mark.parametrize(
    "query",
    ["since=monday", "since=2026-13-01", "since=0001-01-01", "since=2026-11-25", "since=2027-01-01",
     "since=2026-11-23&as_of=2026-11-23"],
)  # fmt: skip
def test_a_day_that_cannot_be_compared_with_is_refused_by_name(
    as_: SignIn, bob: Employee, recorded: Campaign, query: str
) -> None:
    refused = as_(bob).get(f"/team/B001/?{query}")
    assert refused.status_code == 400
    assert "“since” has to be" in words(refused)


def test_the_usual_days_are_one_click_away_and_before_the_day_of_the_page(
    as_: SignIn, bob: Employee, recorded: Campaign
) -> None:
    client = as_(bob)
    offered = {
        "": ["24", "23", "20", "18"],
        "?as_of=2026-11-20": ["19", "16", "13"],
        # A link to an earlier day keeps the comparison only where there is something to compare.
        f"?as_of=2026-11-24&{SINCE}": ["23", "20", "17"],
    }
    for query, days in offered.items():
        page = client.get(f"/team/B001/{query}")
        found = [
            link[-2:] for link in links(page) if link.startswith("/team/B001/?") and "&since=" in link.replace("?", "&")
        ]
        assert [day for day in days if day not in found] == [], query
    page = client.get(f"/team/B001/?{SINCE}")
    assert "/team/B001/?as_of=2026-11-24&since=2026-11-23" in links(page)
    assert "/team/B001/?as_of=2026-11-20" in links(page)


def test_before_the_opening_everybody_had_nothing(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    shown = changes(as_(bob).get("/team/B001/?since=2026-10-15"))
    assert {no: change for no, (_before, change, _turned) in shown.items()} == {"A001": 100, "A002": 10, "N001": 0}


def test_a_reminder_goes_to_those_who_stalled(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    client = as_(bob)
    page = client.get(f"/team/B001/?{SINCE}&change=stalled")
    address = page.context["list_actions"].remind
    assert "change=stalled" in address
    preview = client.get(address).context["preview"]
    assert [person.staff_no for person in (*preview.recipients, *preview.left_out)] == ["A002"]


def test_the_manifest_of_a_file_has_the_day(as_: SignIn, bob: Employee, recorded: Campaign) -> None:
    """The file can be understood, and made again, later."""
    assert len(rows(as_(bob).get(f"/team/B001/standings.csv?{SINCE}&change=stalled"))) == 1
    sent = Export.objects.latest("asked_at")
    assert (sent.since.isoformat(), sent.filters["change"]) == ("2026-11-23T16:00:00+00:00", "stalled")
    assert AuditEntry.objects.filter(action="export.sent", detail__filters__change="stalled").exists()


def test_a_frozen_campaign_compares_its_result(as_: SignIn, bob: Employee, recorded: Campaign, clock: Clock) -> None:
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    freeze(campaign=recorded, by=people.TESTER, wait=False)
    client = as_(bob)
    page = client.get(f"/team/B001/?{SINCE}")
    assert changes(page) == CHANGED
    assert "The day before Sun 29 Nov" in words(page)
    # The result has no later state than the deadline.
    assert client.get("/team/B001/?since=2026-11-30").status_code == 400


def test_an_employee_sees_no_change_of_a_colleague(as_: SignIn, alice: Employee, recorded: Campaign) -> None:
    client: StrictClient = as_(alice)
    assert client.get(f"/team/B001/?{SINCE}").status_code == 404
    assert "Since" not in words(client.get(f"/?{SINCE}"))


def test_an_auditor_sees_no_comparison(as_: SignIn, auditor: Employee, recorded: Campaign) -> None:
    """Two sums of a small department would tell the change of one person."""
    client = as_(auditor)
    page = client.get(f"/company/?{SINCE}")
    assert words(page) == words(client.get("/company/"))
    assert not [link for link in links(page) if "since" in link and link.startswith("/company/")]


def test_the_day_behind_a_mark_of_a_chart_is_compared_only_with_a_day_before_it(
    as_: SignIn, hr: Employee, recorded: Campaign
) -> None:
    page = as_(hr).get(f"/company/?{SINCE}")
    marks = [link for link in links(page) if "as_of=" in link and "status=red" in link]
    assert marks
    for link in marks:
        day = link.partition("as_of=")[2][:10]
        assert ("since=" in link) == (day > "2026-11-23"), link
