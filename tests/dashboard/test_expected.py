"""How many are expected at the target: HR and managers read sums with their interval, and no reader a guess."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.campaigns.models import Campaign
from apps.dashboard.views.team import expected
from apps.employees.models import Employee
from apps.forecasts.groups_read import CompanyForecasts, Expected, UnderDay
from apps.forecasts.model.learning import Basis
from tests import people
from tests.dashboard.conftest import SignIn
from tests.dashboard.strict import words
from tests.fixtures import Clock
from tests.forecasting import store_forecast

pytestmark = pytest.mark.django_db

MEMBERS = 12
NIGHT = datetime.fromisoformat("2026-11-23T02:40:00+08:00")
SALES = Expected(people=15, at_target=1, number=7, low=5, high=9, basis=Basis.FORMER, made_at=NIGHT)
COMPANY = replace(SALES, people=21, number=9, low=6, high=12, basis=Basis.CAMPAIGN)
FAN = [UnderDay(date(2026, 11, day), (n - 9, n - 7, n - 6, n - 4, n - 2)) for day, n in ((23, 20), (24, 19), (30, 17))]


@pytest.fixture
def recorded(campaign: Campaign, alice: Employee) -> Campaign:
    """Alice is at the target, and so is no other of 21; one more is exempt. Fifteen of the 21 are in Sales."""
    lines = [f"M{n:02},Member {n:02},m{n}@corp.example.com,,Sales,B001" for n in range(MEMBERS)]
    people.load(people.ROSTER + "\n".join([*lines, "X001,Xaver,x@corp.example.com,,Sales,C001"]) + "\n")
    people.record(alice, 100)
    people.adjust(campaign=campaign, employee=people.person("X001"), exempt=True)
    people.mark()
    return campaign


@pytest.fixture
def forecasts(recorded: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the company, of Sales, and of Bob's team."""
    known = CompanyForecasts(COMPANY, FAN, {"Sales": SALES})
    monkeypatch.setattr(expected, "company_forecasts", lambda campaign, *, as_of: known)
    teams = {people.person("B001").pk: SALES}
    monkeypatch.setattr(
        expected, "team_forecasts", lambda campaign, ids, *, as_of: {pk: teams[pk] for pk in ids if pk in teams}
    )


def chart(page: Any, key: str) -> Any:
    [found] = [card for card in page.context["charts"] if card.key == key]
    return found


def test_hr_reads_how_many_will_make_it_and_how_sure_that_is(as_: SignIn, hr: Employee, forecasts: None) -> None:
    text = words(as_(hr).get("/company/"))
    assert "Expected at the target by the deadline: 6 to 12 of 21 (today 1) · rough estimate" in text
    assert "In 8 of 10 cases the number lies in this interval" in text
    assert "Estimated on Mon 23 Nov, 02:40." in text


def test_a_department_narrows_it_as_it_narrows_the_totals(as_: SignIn, hr: Employee, forecasts: None) -> None:
    client = as_(hr)
    sales = client.get("/company/?department=Sales")
    assert "Expected at the target by the deadline: 5 to 9 of 15 (today 1) How" in words(sales), "not rough"
    assert "Forecast" not in chart(sales, "under").header[-1], "the fan is of the whole company"
    assert "The result of too few people is open to say how many will reach the target." in words(
        client.get("/company/?department=Support")
    )


def test_the_days_ahead_stand_on_the_chart_and_in_its_table(as_: SignIn, hr: Employee, forecasts: None) -> None:
    client = as_(hr)
    card = chart(client.get("/company/"), "under")
    assert [cell.text for cell in card.rows[0]] == ["Mon 30 Nov", "", "11", "10–13", "8–15"]
    assert [cell.text for cell in card.rows[2]][:2] == ["Mon 23 Nov", "20"], "today is what is counted, not a forecast"
    assert "Mon 30 Nov: Forecast: 11 (5 in 10: 10–13, 8 in 10: 8–15)." in card.summary
    drawn = client.get("/charts/company/under.json").json()["figure"]
    assert "2026-11-30" in drawn["data"][0]["x"]


def test_departments_are_compared_by_what_they_will_miss(as_: SignIn, hr: Employee, forecasts: None) -> None:
    card = chart(as_(hr).get("/company/"), "departments")
    assert card.title == "Sales is expected to have the most people below target (8)"
    cells = {row[0].text: [cell.text for cell in row[3:5]] for row in card.rows}
    assert (cells["Sales"], cells["Board"]) == (["5–9", "8"], ["–", "–"])


def test_a_manager_reads_it_for_the_team_and_its_teams(
    as_: SignIn, bob: Employee, dana: Employee, forecasts: None
) -> None:
    own = as_(bob).get("/team/B001/")
    assert "Expected at the target by the deadline: 5 to 9 of 14 (today 1)" in words(own)
    above = as_(dana).get("/team/D001/")
    assert "The result of too few people is open to say how many will reach the target." in words(above)
    card = chart(above, "teams")
    cells = {row[0].text: [cell.text for cell in row[3:5]] for row in card.rows}
    assert (cells["Bob 白"], cells["Carol"]) == (["5–9", "8"], ["–", "–"])
    assert card.header[3:5] == ("Expected at target", "Expected below target")


def test_hr_reads_no_team_beside_its_department(as_: SignIn, hr: Employee, forecasts: None) -> None:
    """The department without the team would be the forecast of the one who leads it."""
    assert "Expected" not in words(as_(hr).get("/team/B001/"))


def test_an_auditor_reads_none(as_: SignIn, auditor: Employee, forecasts: None) -> None:
    page = as_(auditor).get("/company/")
    assert "Expected" not in words(page)
    assert "Forecast" not in words(page)


@pytest.mark.parametrize("path", ["/company/", "/team/B001/"])
def test_without_a_forecast_it_is_too_early_to_say(
    as_: SignIn, hr: Employee, bob: Employee, recorded: Campaign, path: str
) -> None:
    page = as_(hr if path == "/company/" else bob).get(path)
    assert "Too early to say how many will be at the target: a forecast is made each night" in words(page)


def test_after_the_deadline_nothing_is_expected(as_: SignIn, hr: Employee, forecasts: None, clock: Clock) -> None:
    clock.set("2026-12-01T09:00:00+08:00", ticks=True)
    assert "at the target by the deadline" not in words(as_(hr).get("/company/"))


def test_a_past_day_shows_what_was_expected_then(as_: SignIn, hr: Employee, recorded: Campaign) -> None:
    """What was estimated later knows how it went on."""
    store_forecast(recorded, "2026-11-20T02:40:00+08:00", 4)
    store_forecast(recorded, "2026-11-23T02:40:00+08:00", 9)
    client = as_(hr)
    assert "9 to 13 of 21" in words(client.get("/company/"))
    assert "4 to 8 of" in words(client.get("/company/?as_of=2026-11-21"))
    assert client.get("/company/?as_of=2026-11-19").context["expected"] is None


def test_two_reads_of_stored_rows_are_all_it_costs(
    as_: SignIn, hr: Employee, bob: Employee, recorded: Campaign
) -> None:
    """Computed from people, the page of a large company would take minutes."""
    store_forecast(recorded, "2026-11-23T02:40:00+08:00", 9)
    for reader, path in ((hr, "/company/"), (bob, "/team/B001/")):
        client = as_(reader)
        client.get(path)  # runs the queries that happen once per process
        with CaptureQueriesContext(connection) as asked:
            client.get(path)
        assert sum("forecasts_" in query["sql"] for query in asked) == 2, path
