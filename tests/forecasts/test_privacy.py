"""One person's forecast is seen by that person alone: no other page, file or answer of the API calculates it.

Nothing of a person is stored, so a calculation needs that person's daily counts. The crawl opens each page as each
reader, and records for whom a forecast is calculated.
"""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import models

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.forecasts import own
from apps.forecasts.making import make_forecasts
from apps.forecasts.models import CampaignForecast, GroupForecast
from apps.standings.models import Standing
from tests import people
from tests.dashboard.test_authorisation import PEOPLE, every_address, frank, places, signed_in
from tests.dashboard.test_canaries import crawl
from tests.forecasting import FIRST, count_days

__all__ = ["frank", "places"]
OWN_PAGE = Path("apps/dashboard/views/standing/forecast.py")


@pytest.fixture
def counted(places: dict[str, str], campaign: Campaign) -> dict[int, str]:
    """A forecast of November. Each employee's count on the first day is a number of their own: whose it is."""
    people.mark()
    numbers = {}
    for number, standing in enumerate(Standing.objects.filter(campaign=campaign).select_related("employee"), 11):
        numbers[number] = standing.employee.staff_no
        later = {FIRST + timedelta(days=day): 1 + day % 4 for day in range(1, 22)}
        count_days(campaign, standing.employee, {FIRST: number} | later)
    assert make_forecasts(campaign.rule.cutoff_at - timedelta(days=8))
    return numbers


@pytest.mark.django_db
@pytest.mark.everywhere
@pytest.mark.parametrize("who", ["manager", "hr", "auditor", "operator", "employee"])
def test_nobody_reads_the_forecast_of_another(
    who: str,
    counted: dict[int, str],
    places: dict[str, str],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calculated: list[int] = []
    counts_of = own._counts_of

    def record(stored: CampaignForecast, rule: object, days: list) -> object:
        calculated.append(next((count for day, count in days if day == FIRST), 0))
        return counts_of(stored, rule, days)

    monkeypatch.setattr(own, "_counts_of", record)
    reader: Employee = request.getfixturevalue(PEOPLE[who])
    opened = sum(1 for _page in crawl(signed_in(who, request), every_address(places)))
    assert opened > 50
    assert {counted.get(number) for number in calculated} == {reader.staff_no}, "the own page shows the own one"


def test_only_the_own_page_can_calculate_one() -> None:
    """Also an import inside a function; the contract of the imports says the same."""
    importers = set()
    for path in (settings.BASE_DIR / "apps").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            module = getattr(node, "module", "") or ""
            if (
                module == "apps.forecasts.own"
                or "apps.forecasts.own" in names
                or (module == "apps.forecasts" and "own" in names)
            ):
                importers.add(path.relative_to(settings.BASE_DIR))
    assert importers == {OWN_PAGE}


def test_nothing_of_a_person_is_stored() -> None:
    """The only employee of a row is the manager of a group of five and more."""
    related = {
        (model.__name__, field.name)
        for model in (CampaignForecast, GroupForecast)
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey) and field.related_model is Employee
    }
    assert related == {("GroupForecast", "manager")}
    assert any(constraint.name == "forecasts_group_five_open" for constraint in GroupForecast._meta.constraints), (
        "five people below the target"
    )


@pytest.mark.django_db
def test_no_log_names_a_number(campaign: Campaign, caplog: pytest.LogCaptureFixture) -> None:
    for standing in Standing.objects.filter(campaign=campaign).select_related("employee"):
        count_days(campaign, standing.employee, {FIRST + timedelta(days=day): 2 for day in range(20)})
    caplog.set_level("DEBUG")
    assert make_forecasts(campaign.rule.cutoff_at - timedelta(days=8))
    assert [record.getMessage() for record in caplog.records if record.name.startswith("apps.forecasts")] == [
        "november: forecast of 2026-11-22 made"
    ]
