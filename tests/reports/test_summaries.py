"""Summaries: whatever happens and whichever process updates them, they equal the sums of all rows."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db.models import F
from hypothesis import example, given
from hypothesis import strategies as st

from apps.campaigns.models import Campaign, CampaignRule
from apps.contacts.models import Contact
from apps.core.models import Setting
from apps.core.outbox import queue_reevaluation
from apps.employees.models import Employee
from apps.reports import summaries
from apps.reports.data_quality import quality_indicators, shortest_slice
from apps.reports.standings_report import Standings
from apps.standings import build_summaries, metrics
from apps.standings.marking import mark_touched
from apps.standings.models import SummaryCell, SummaryDelta
from apps.standings.models import SummaryState as State
from apps.standings.population import Team, WholeCompany
from apps.standings.process_runs import finish_run, mark_everybody, sweep
from apps.standings.start_run import begin_nightly_recount, reevaluate_all
from tests.crowd import at_once
from tests.people import adjust, load, record
from tests.standings import brute


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Summaries for any size, and blocks of three people: every team has partial blocks."""
    monkeypatch.setattr(build_summaries, "WORTH_IT", 0)
    monkeypatch.setattr(metrics, "BLOCK", 3)
    monkeypatch.setattr(summaries, "MIN_BLOCKS", 1)


def questions(campaign: Campaign, people: Any, **options: Any) -> dict[str, Any]:
    """All queries that summaries answer, for these people."""
    standings = Standings(campaign, people, **options)
    found = {
        "totals": standings.totals(),
        "histogram": standings.histogram(),
        "bands": standings.bands_by_day(),
        "curve": standings.curve(),
        "under": standings.under_target_by_day(),
        "meter": replace(quality_indicators(standings, standings.totals()), at=None),
    }
    for sort in ("help", "name", "staff_no", "counted"):
        found[sort] = listed(standings, sort)
    if isinstance(people, Team):
        return found | {"teams": standings.sub_teams(people.employee)}
    return found | {"departments": standings.departments(), "folded": standings.folded_departments()}


def listed(standings: Standings, sort: str) -> list[str]:
    """Every employee, page by page."""
    page = standings.page(sort, limit=4)
    staff = [row.staff_no for row in page.rows]
    while page.next:
        page = standings.page(sort, after=page.next, limit=4)
        staff += [row.staff_no for row in page.rows]
    return staff


def compare(campaign: Campaign) -> int:
    """Run all queries on the company and the largest teams in every way; returns how many used summaries.

    The expected values come from all rows, re-evaluated where pending.
    """
    campaign, summed = Campaign.objects.get(pk=campaign.pk), 0
    size = F("node__last") - F("node__first")
    teams = Employee.objects.annotate(size=size).filter(size__gt=0).order_by("-size")[:3]
    for people in [WholeCompany(), *map(Team, teams)]:
        summed += Standings(campaign, people).summary is not None
        right = questions(campaign, people, show_reviews=True, use_summaries=False, assume_up_to_date=False)
        for how in ({}, {"use_summaries": False}):
            assert questions(campaign, people, show_reviews=True, **how) == right, (people, how)
    return summed


def something_happens(dice: random.Random, campaign: Campaign) -> None:
    """A contact comes or ends, an employee is queued, moves, leaves or is adjusted; some or all are marked."""
    staff = list(Employee.objects.order_by("pk"))
    one = dice.choice(staff)

    def ends() -> None:
        at = brute.OPENED + timedelta(days=20)
        Contact.objects.filter(employee=one, ended_at=None, recorded_at__lt=at).update(
            ended_at=at, end_reason="removed"
        )
        queue_reevaluation([one.pk])

    def moves() -> None:
        boss = dice.choice(["P00", "P01", "P02"])
        if boss != one.staff_no and boss < one.staff_no:
            head = "staff_no,name,email,department,manager_staff_no\n"
            load(f"{head}{one.staff_no},{one.name},{one.email},{dice.choice(brute.DEPARTMENTS)},{boss}")

    def adjusts() -> None:
        terms = dice.choice([{"target": dice.randint(1, 12)}, {"exempt": True}])
        adjust(campaign=campaign, employee=one, starts_at=brute.OPENED, **terms)

    dice.choice([
        partial(record, one, dice.randint(1, 6)), partial(record, one, 1), ends, moves, adjusts,
        mark_touched, mark_touched, partial(mark_everybody, campaign), partial(queue_reevaluation, [one.pk]),
        build_summaries.update_summaries, build_summaries.update_summaries,
    ])()  # fmt: skip


@pytest.mark.parametrize(("seed", "near_company_size"), [(11, 0.3), (12, 1.0)])
def test_summaries_equal_the_sums_of_all_rows(
    noon: Any, seed: int, near_company_size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "NEAR_COMPANY_SHARE", near_company_size)
    campaign, dice = brute.build(seed, size=24), random.Random(seed)
    build_summaries.update_summaries()
    summed = compare(campaign)
    assert summed, "the sums were made and are asked"
    for _ in range(8):
        something_happens(dice, campaign)
        summed += compare(campaign)
    mark_touched()
    build_summaries.update_summaries()
    assert compare(campaign)
    assert not SummaryDelta.objects.exists(), "what was changed is summed up"


ZONES = ["Asia/Shanghai", "Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu"]


@given(
    zone=st.sampled_from(ZONES),
    # Its bounds have no zone: the drawn zone applies.
    at=st.datetimes(datetime(2026, 1, 3), datetime(2026, 12, 29), timezones=st.just(UTC)),  # noqa: DTZ001
    hours=st.lists(st.floats(0, 72), max_size=20),
)
@example(zone="Europe/Berlin", at=datetime(2026, 3, 29, 22, 30, tzinfo=UTC), hours=[0.4, 23.4, 23.9, 24.1, 30])
@example(zone="Europe/Berlin", at=datetime(2026, 10, 25, 22, 59, tzinfo=UTC), hours=[0.5, 23.9, 24.1, 24.9, 25.1])
@example(zone="Asia/Shanghai", at=datetime(2026, 11, 23, 16, tzinfo=UTC), hours=[0.1, 23.9, 24.1])
def test_whole_days_and_a_part_of_one_are_the_last_24_hours(zone: str, at: datetime, hours: list[float]) -> None:
    contacts = [at - timedelta(hours=one, microseconds=1) for one in hours]
    part = shortest_slice(CampaignRule(time_zone=zone), at)
    whole = sum(one.astimezone(ZoneInfo(zone)).date() in part.days for one in contacts)
    rest = sum(part.since <= one < part.until for one in contacts)
    assert whole + (-rest if part.sign else rest) == sum(at - timedelta(days=1) <= one for one in contacts)
    assert part.until - part.since <= timedelta(hours=24)


def held() -> list[tuple[Any, ...]]:
    columns = ("kind", "block", "department", "day", "low", "high", "exempt", "n")
    return sorted(SummaryCell.objects.exclude(n=0).values_list(*columns))


def test_incremental_summaries_equal_a_rebuild(noon: Any) -> None:
    campaign, dice = brute.build(5, size=24), random.Random(5)
    build_summaries.update_summaries()
    for _ in range(6):
        for one in dice.sample(list(Employee.objects.all()), 3):
            record(one, dice.randint(1, 4))
        mark_touched()
        assert build_summaries.verify_summaries(campaign) == 0, "what is changed and not summed up yet is no drift"
        build_summaries.update_summaries()
    bit_by_bit = held()
    build_summaries.invalidate_summaries(campaign)
    build_summaries.update_summaries()
    assert held() == bit_by_bit


def test_drifted_summaries_are_reported_and_rebuilt(random_company: Campaign) -> None:
    build_summaries.update_summaries()
    right = held()
    SummaryCell.objects.filter(pk=SummaryCell.objects.earliest("pk").pk).update(n=F("n") + 1)
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("recount", stdout=out)
    assert "1 sums of the roll-up differed" in out.getvalue()
    assert Standings(random_company, WholeCompany()).summary is None, "nobody is shown them"
    assert Setting.objects.get(name="drift:november").value == 1
    build_summaries.update_summaries()
    assert held() == right
    run = begin_nightly_recount(random_company, "night")
    assert run is not None
    finish_run(run)
    assert Setting.objects.get(name="drift:november").value == 0


def test_a_rebuilt_tree_invalidates_the_summaries(random_company: Campaign) -> None:
    build_summaries.update_summaries()
    assert Standings(random_company, WholeCompany()).summary
    asked = Standings(random_company, WholeCompany())
    assert asked.summary
    load("staff_no,name,email,department,manager_staff_no\nP03,Person 03,p3@corp.example.com,Elsewhere,P00")
    assert asked.totals() == Standings(random_company, WholeCompany(), use_summaries=False).totals(), (
        "one who asked before"
    )
    assert Standings(random_company, WholeCompany()).summary is None
    build_summaries.update_summaries()
    assert Standings(random_company, WholeCompany()).summary


def test_a_full_reevaluation_leaves_no_changes_and_no_summaries(random_company: Campaign) -> None:
    build_summaries.update_summaries()
    reevaluate_all(random_company, cause="rule", by=brute.officer("asks"))
    build_summaries.update_summaries()
    assert State.objects.get().state == "void", "nobody sums up what is being replaced"
    sweep()
    assert State.objects.get().state == "ready"
    assert compare(random_company)


def test_a_crashed_summary_update_changes_nothing(random_company: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    build_summaries.update_summaries()
    for one in Employee.objects.all():
        record(one, 3)
    mark_touched()
    before, changes = held(), list(SummaryDelta.objects.order_by("pk").values_list())
    assert changes

    with monkeypatch.context() as patched:
        patched.setattr(build_summaries, "_from_summaries", lambda campaign: "SELECT 1 / 0")
        with pytest.raises(Exception, match="division by zero"):
            build_summaries.update_summaries()
    assert (held(), list(SummaryDelta.objects.order_by("pk").values_list())) == (before, changes)
    assert compare(random_company)


@pytest.mark.django_db(transaction=True)
def test_marks_and_summings_up_at_once_end_exact(noon: Any) -> None:
    campaign = brute.build(7, size=24)
    build_summaries.update_summaries()
    staff = list(Employee.objects.order_by("pk"))

    def records(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(4):
            record(dice.choice(staff), dice.randint(1, 3))
            sweep()

    def sums_up() -> None:
        for n in range(8):
            if n % 3 == 2:
                build_summaries.invalidate_summaries(campaign)
            build_summaries.update_summaries()

    found = at_once(*(partial(records, seed) for seed in range(4)), sums_up, sums_up)
    assert [one for one in found if one is not None] == []
    assert compare(campaign)
    sweep()
    build_summaries.update_summaries()
    bit_by_bit = held()
    build_summaries.invalidate_summaries(campaign)
    build_summaries.update_summaries()
    assert held() == bit_by_bit
