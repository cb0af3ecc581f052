"""A campaign that gives who joins late a target pro rata by itself, without a request."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.accounts.services import account_for
from apps.campaigns import rules
from apps.campaigns.adjustments.late_joiners import preview_rule
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import prorated_target_sql
from apps.core import clock
from apps.core.errors import Refused
from apps.employees.models import Employee
from apps.reports import adjustment_effects
from apps.reports.targets import target_history
from apps.results.freeze import freeze
from apps.results.models import FrozenStanding
from apps.standings.recount import compare_all
from tests.commands import run
from tests.fixtures import Clock
from tests.oracle import oracle, stored
from tests.people import TESTER, adjust, load, mark, november, person, standing

HEADER = "staff_no,name,email,started_on,left_on\n"
pytestmark = pytest.mark.django_db


def line(number: str, started: str = "", left: str = "") -> str:
    return f"{number},Name {number},{number.lower()}@corp.example.com,{started},{left}\n"


@pytest.fixture
def prorated(company: dict[str, Employee]) -> Campaign:
    first_days = {"J02": "2026-11-02", "J12": "2026-11-12", "J20": "2026-11-20", "OLD": "2020-01-01"}
    first_days["FIRST"] = "2026-11-01"
    load(HEADER + "".join(line(*entry) for entry in first_days.items()) + line("BACK", "2026-11-03", "2026-11-05"))
    load(HEADER + line("BACK", "2026-11-18"))
    campaign = november(prorate_joiners=True)
    mark()
    return campaign


def targets(campaign: Campaign) -> dict[str, int]:
    rows = campaign.standing_set.exclude(target=100).values_list("employee__staff_no", "target")
    return dict(rows)


def test_who_joins_late_has_a_target_by_the_days_that_are_left(prorated: Campaign) -> None:
    assert targets(prorated) == {"J02": 97, "J12": 64, "J20": 37, "BACK": 94}
    assert stored(prorated) == oracle(prorated)


def test_a_later_joiner_needs_no_request_and_an_adjustment_comes_first(prorated: Campaign, clock: Clock) -> None:
    adjust(campaign=prorated, employee=person("J12"), target=10)
    adjust(campaign=prorated, employee=person("J20"), exempt=True)
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    load(HEADER + line("J25", "2026-11-25"))
    mark()
    assert targets(prorated) == {"J02": 97, "J12": 10, "J20": 37, "BACK": 94, "J25": 20}
    assert standing(prorated, person("J20")).exempt
    clock.set("2026-11-30T12:00:00+08:00", ticks=True)
    load(HEADER + line("J30", "2026-11-30"))
    mark()
    assert compare_all(prorated).differences == []
    assert targets(prorated)["J30"] == 4
    assert stored(prorated) == oracle(prorated)


def test_the_end_of_an_adjustment_is_shown_with_the_target_that_comes_back(prorated: Campaign) -> None:
    joiner = person("J12").pk
    request = adjust(campaign=prorated, employee=person("J12"), target=10).request
    mark()
    effect = adjustment_effects.effects_of_end(prorated, request.pk, [joiner], clock.db_now())[joiner]
    assert (effect.old_target, effect.target) == (10, 64)


def test_without_the_tick_everybody_has_the_campaigns_target(prorated: Campaign) -> None:
    usual = november(name="Other")
    mark()
    assert targets(usual) == {}
    assert stored(usual) == oracle(usual)


def test_the_result_keeps_the_targets(prorated: Campaign, clock: Clock) -> None:
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    freeze(campaign=prorated, by=TESTER, wait=False)
    frozen = dict(FrozenStanding.objects.filter(campaign=prorated).values_list("staff_no", "target"))
    assert {number: target for number, target in frozen.items() if target != 100} == {
        "J02": 97, "J12": 64, "J20": 37, "BACK": 94,
    }  # fmt: skip


def test_the_history_of_a_target_says_the_same(prorated: Campaign) -> None:
    for number in ("J02", "J12", "J20", "BACK", "OLD", "FIRST", "D001"):
        [step] = target_history(prorated, person(number), clock.db_now())
        assert step.target == standing(prorated, person(number)).target, number


def test_no_list_of_late_joiners_is_needed_any_more(prorated: Campaign, hr: Employee) -> None:
    with pytest.raises(Refused, match="already have a pro-rata target"):
        preview_rule(
            prorated.rule, clock.db_now(), joined_after=date(2026, 11, 1), department="",
            acting_employee_id=account_for(hr).employee_id,
        )  # fmt: skip


def test_the_command_opens_such_a_campaign(company: dict[str, Employee]) -> None:
    days = ("--opens", "2026-11-01", "--deadline", "2026-11-30", "--time-zone", "Asia/Shanghai")
    run("open_campaign", "--name", "By command", *days, "--prorate-joiners")
    assert Campaign.objects.get(name="By command").rule.prorate_joiners


days = st.dates(date(2026, 1, 1), date(2027, 12, 31))


@settings(max_examples=100, deadline=None)
@given(opens_on=days, length=st.integers(0, 500), first_day=days, target=st.integers(1, 1_000_000))
def test_sql_and_python_agree(opens_on: date, length: int, first_day: date, target: int) -> None:
    deadline = date.fromordinal(opens_on.toordinal() + length)
    rule: Any = CampaignRule(opens_on=opens_on, deadline=deadline, target=target)
    sql = prorated_target_sql(rule, f"'{first_day}'::date")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {sql}")
        [found] = cursor.fetchone()
    assert found == rules.prorated_target(target, opens_on, deadline, first_day)
