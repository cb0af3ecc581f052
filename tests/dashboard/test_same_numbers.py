"""One number, one definition: what two pages show of the same people on the same day is equal."""

import re
from datetime import datetime
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.dashboard.labels import base
from apps.dashboard.labels.base import STATUSES
from apps.employees.models import Employee
from apps.reports import standings_filters
from apps.standings import build_summaries
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import StrictClient, rows, words
from tests.fixtures import Clock
from tests.standings.brute import Brute

pytestmark = pytest.mark.django_db

TILES = ("people", "red", "at_target", "exempt_below", "still", "keeping_pace", "within_5", "within_10", "counted")


@pytest.fixture(params=["rows", "sums"])
def recorded(
    request: pytest.FixtureRequest,
    campaign: Campaign,
    alice: Employee,
    alan: Employee,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> Campaign:
    """Dana above Bob above Lea above four; in all departments an employee is at the target, below it, or exempt."""
    more = "L001,Lea,lea@corp.example.com,,Sales,B001\n"
    more += "".join(f"T00{n},Tim {n},t{n}@corp.example.com,,{'Sales' if n else 'IT'},L001\n" for n in range(4))
    people.load(people.ROSTER + more)
    for who, counted in ((alice, 100), (alan, 30), (people.person("L001"), 120), (people.person("T001"), 60)):
        people.record(who, counted)
    people.mark()
    people.adjust(campaign=campaign, employee=people.person("T002"), exempt=True)
    people.adjust(campaign=campaign, employee=people.person("T001"), target=60)
    people.mark()
    clock.set("2026-11-27T12:00:00+08:00", ticks=True)
    people.record(alan, 10)
    people.mark()
    clock.set("2026-11-28T12:00:00+08:00", ticks=True)
    if request.param == "sums":
        monkeypatch.setattr(build_summaries, "MIN_SUMMARY_PEOPLE", 1)
        build_summaries.update_summaries()
    return campaign


def tiles(page: Any) -> dict[str, int]:
    return {name: getattr(page.context["totals"], name) for name in TILES}


def chart(page: Any, key: str) -> Any:
    [found] = [card for card in page.context["charts"] if card.key == key]
    return found


def number(text: str) -> int:
    return int(re.match(r"[\d,]+", text)[0].replace(",", ""))


def follow(client: StrictClient, address: str) -> Any:
    return client.get(address.removesuffix("#list"))


@pytest.mark.parametrize("query", ["", "?as_of=2026-11-27", "?department=Sales"])
@pytest.mark.parametrize("path", ["/team/D001/", "/team/B001/", "/company/"])
def test_a_page_agrees_with_itself(
    as_: SignIn, hr: Employee, dana: Employee, recorded: Campaign, path: str, query: str
) -> None:
    """Tiles, charts, lists and the file: of the same people, the same numbers."""
    client = as_(hr if path == "/company/" else dana)
    page = client.get(path + query)
    shown = tiles(page)
    assert shown["red"] + shown["at_target"] + shown["exempt_below"] == shown["people"] > 0
    for status, name in ({"done": "at_target"} | {name: name for name in TILES if name in STATUSES}).items():
        behind = follow(client, page.context["tiles"][status])
        assert behind.context["totals_of_list"].people == shown[name], status
    assert follow(client, page.context["tiles"]["all"]).context["totals_of_list"].people == shown["people"]
    assert len(rows(client.get(page.context["csv"]))) == page.context["totals_of_list"].people
    bins = chart(page, "histogram").figure()["data"][0]
    assert sum(bins["y"]) == shown["people"]
    for size, address in zip(bins["y"], bins["customdata"], strict=True):
        assert not size or follow(client, address).context["totals_of_list"].people == size
    if path == "/company/":
        newest = chart(page, "under").rows[0][1]
        assert number(newest.text) == shown["red"]
        assert follow(client, newest.url).context["totals_of_list"].people == shown["red"]
    else:
        *_others, at_target = chart(page, "bands").rows[0]
        assert number(at_target.text) == shown["at_target"]
        for trace in chart(page, "bands").figure()["data"]:
            size, address = trace["y"][-1], trace["customdata"][-1]
            assert not size or follow(client, address).context["totals_of_list"].people == size
        assert chart(page, "curve").rows[0][2].text == str(shown["counted"])


@pytest.mark.parametrize("query", ["", "?as_of=2026-11-27"])
def test_a_bar_of_a_sub_team_agrees_with_that_teams_page(
    as_: SignIn, dana: Employee, recorded: Campaign, query: str
) -> None:
    client = as_(dana)
    seen = set()
    for path in ("/team/D001/", "/team/B001/"):
        for name, size, at_target, red, median in chart(client.get(path + query), "teams").rows:
            below = client.get(name.url)
            totals = below.context["totals"]
            bar = tuple(map(number, (size.text, at_target.text, red.text, median.text)))
            assert bar == (totals.people, totals.at_target, totals.red, totals.median), name.text
            seen.add(name.text)
    assert seen == {"Bob 白", "Carol", "Lea"}


@pytest.mark.parametrize("query", ["", "?as_of=2026-11-27"])
def test_a_bar_of_a_department_agrees_with_the_departments_page(
    as_: SignIn, hr: Employee, recorded: Campaign, query: str
) -> None:
    client = as_(hr)
    table = chart(client.get("/company/" + query), "departments").rows
    assert {"Sales", "IT"} <= {row[0].text for row in table}
    for name, size, at_target, red, _median in table:
        page = follow(client, name.url)
        shown = tiles(page)
        assert (number(size.text), number(at_target.text), number(red.text)) == (
            shown["people"], shown["at_target"], shown["red"],
        ), name.text  # fmt: skip
        assert page.context["data_quality"].counted == shown["counted"]
        assert [row[0].text for row in chart(page, "departments").rows] == [row[0].text for row in table]
        assert "Whole company." in chart(page, "departments").note
        drawn = client.get(chart(page, "histogram").url).json()["figure"]["data"][0]["y"]
        assert sum(drawn) == shown["people"]


def test_contacts_by_source_are_those_of_the_department(as_: SignIn, hr: Employee, recorded: Campaign) -> None:
    client = as_(hr)
    for query, expected in (("", 320), ("?department=Sales", 320), ("?department=IT", 0)):
        page = client.get("/company/" + query)
        recorded_contacts = sum(number(cell.text) for row in chart(page, "sources").rows for cell in row[1:])
        assert recorded_contacts == expected, query


def test_a_person_is_red_since_the_facts_say_so(
    as_: SignIn, bob: Employee, campaign: Campaign, alan: Employee, clock: Clock
) -> None:
    """Not since the first evaluation: who never reached the target is red since the opening, or the own first day."""
    clock.set("2026-11-26T12:00:00+08:00", ticks=True)
    columns = "staff_no,name,email,department,manager_staff_no,started_on\n"
    people.load(columns + "N001,Nora,nora@corp.example.com,Sales,B001,2026-11-24\n")
    people.mark()
    opening = people.standing(campaign, alan).status_since
    assert opening == campaign.rule.opens_at
    joined = people.standing(campaign, people.person("N001")).status_since
    assert joined == datetime.fromisoformat("2026-11-24T00:00:00+00:00")


# At the end of Sunday 22, a midday of the roster's moves, and of Thursday 12 in the fixture's zone.
COMPARED = ("since=2026-11-19", "since=2026-11-11", "since=2026-11-12&as_of=2026-11-20", "since=2026-10-20")


@pytest.mark.parametrize("query", COMPARED)
def test_a_comparison_is_the_difference_of_two_pages(as_: SignIn, random_company: Campaign, query: str) -> None:
    """Tiles, list, file, API, sub-teams, departments and a person's own page, through a random history."""
    # An employee who has left cannot sign in.
    now = Brute(random_company, db_now(), past=False)
    top = max((one.employee for one in now.people), key=lambda employee: len(now.team(employee)))
    people.with_account(top, "hr")
    client, since = as_(top), query.split("&")[0].removeprefix("since=")
    for path in ("/company/", f"/team/{top.staff_no}/"):
        page, then = client.get(f"{path}?{query}"), client.get(f"{path}?as_of={since}")
        changes, totals, before = page.context["total_changes"], page.context["totals"], then.context["totals"]
        assert changes == {name: getattr(totals, name) - getattr(before, name) for name in changes}, path
        assert f"{base.signed(changes['red'])} since" in words(page)
        earlier = {row["staff_no"]: row for row in rows(client.get(f"{path}standings.csv?as_of={since}"))}
        if path == "/company/":
            everyone = earlier
        listed = rows(client.get(page.context["csv"]))
        assert len(listed) == totals.people
        for row in listed:
            counted_before = everyone[row["staff_no"]]["counted"] if row["staff_no"] in everyone else ""
            assert row["counted_before"] == counted_before, row["staff_no"]
            assert int(row["change"]) == int(row["counted"]) - int(counted_before or 0)
        shown = {person.row.staff_no: person.row for person in page.context["people"]}
        assert shown
        assert {(no, str(row.change), row.turned or "") for no, row in shown.items()} <= {
            (row["staff_no"], row["change"], row["turned"]) for row in listed
        }
        for change in standings_filters.CHANGES:
            behind = client.get(f"{path}?{query}&change={change}")
            assert behind.context["totals_of_list"].people == len(rows(client.get(behind.context["csv"])))
        key = "departments" if path == "/company/" else "teams"
        for name, _size, at_target, *_others, more_at_target, _more_counted in chart(page, key).rows:
            own = follow(client, name.url).context
            assert own["totals"].at_target == number(at_target.text)
            assert base.signed(own["total_changes"]["at_target"]) == more_at_target.text, name.text
    for row in list(shown.values())[:3]:
        member = client.get(f"/team/{row.staff_no}/?as_of={since}").context
        standing = member["card"].row if "card" in member else None
        if standing is not None and row.counted_before is not None:
            assert standing.counted == row.counted_before
