"""Summaries: whatever happens and whichever process updates them, they equal the sums of the marked standings."""

import random
from dataclasses import replace
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact
from apps.core.models import OutboxRow, Setting
from apps.core.outbox import queue_reevaluation
from apps.employees.models import Employee
from apps.reports import group_totals
from apps.reports.data_quality import quality_indicators
from apps.reports.standings_report import Standings
from apps.standings import build_summaries
from apps.standings.marking import mark_outbox
from apps.standings.models import SummaryCell, SummaryDelta
from apps.standings.models import SummaryState as State
from apps.standings.process_runs import finish_run, mark_all, sweep
from apps.standings.report_people import Team, WholeCompany
from apps.standings.start_run import begin_nightly_recount, reevaluate_all
from tests.crowd import at_once
from tests.fixtures import Clock
from tests.people import adjust, load, person, record
from tests.standings import brute


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Summaries of teams of any size."""
    monkeypatch.setattr(build_summaries, "MIN_SUMMARY_PEOPLE", 1)


def questions(campaign: Campaign, people: Any, **options: Any) -> dict[str, Any]:
    """All queries that summaries answer, and lists, for these people."""
    standings = Standings(campaign, people, **options)
    found = {
        "totals": standings.totals(),
        "histogram": standings.histogram(),
        "bands": standings.bands_by_day(),
        "curve": standings.curve(),
        "under": standings.under_target_by_day(),
        "meter": replace(quality_indicators(standings, standings.totals()), at=None),
    }
    for sort in ("help", "reach", "name", "staff_no", "counted"):
        found[sort] = listed(standings, sort)
    if isinstance(people, Team):
        return found | {"teams": group_totals.sub_teams(standings, people.employee)}
    return found | {
        "departments": group_totals.departments(standings),
        "folded": group_totals.folded_departments(standings),
    }


def listed(standings: Standings, sort: str) -> list[str]:
    """Every employee, page by page."""
    page = standings.page(sort, limit=4)
    staff = [row.staff_no for row in page.rows]
    while page.next:
        page = standings.page(sort, after=page.next, limit=4)
        staff += [row.staff_no for row in page.rows]
    return staff


def compare(campaign: Campaign) -> int:
    """Run all queries on the company and the largest teams with and without summaries, which are up to date.

    Returns how many used summaries. The expected values come from all rows.
    """
    campaign, summed = Campaign.objects.get(pk=campaign.pk), 0
    size = F("node__last") - F("node__first")
    teams = Employee.objects.annotate(size=size).filter(size__gt=0).select_related("node").order_by("-size")[:3]
    for people in [WholeCompany(), *(Team(leader, None) for leader in teams)]:
        summed += Standings(campaign, people).summary is not None
        right = questions(campaign, people, show_reviews=True, use_summaries=False, assume_up_to_date=False)
        for how in ({}, {"use_summaries": False}):
            assert questions(campaign, people, show_reviews=True, **how) == right, (people, how)
    return summed


def settle() -> None:
    """Mark the pending employees and update the summaries."""
    while mark_outbox():
        pass
    build_summaries.update_summaries()


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
        mark_outbox, mark_outbox, partial(mark_all, campaign), partial(queue_reevaluation, [one.pk]),
        build_summaries.update_summaries, build_summaries.update_summaries,
    ])()  # fmt: skip


@pytest.mark.parametrize("seed", [11, 12])
def test_summaries_equal_the_sums_of_all_rows(noon: Any, seed: int) -> None:
    campaign, dice = brute.build(seed, size=24), random.Random(seed)
    settle()
    summed = compare(campaign)
    assert summed == 4, "the sums are read"
    for _ in range(8):
        for _ in range(3):
            something_happens(dice, campaign)
        settle()
        summed += compare(campaign)
    assert summed == 4 * 9
    assert not SummaryDelta.objects.exists(), "the sums contain every change"


def test_totals_are_as_of_the_oldest_change_that_is_not_marked(noon: Clock) -> None:
    """A reader must not take an old total for a current one."""
    campaign = brute.build(3, size=24)
    settle()
    before = Standings(campaign, WholeCompany()).totals()
    noon.set(noon.now() + timedelta(seconds=20), ticks=True)
    record(person("P03"), 2)
    queued = OutboxRow.objects.earliest("queued_at").queued_at
    noon.set(noon.now() + timedelta(seconds=20), ticks=True)
    build_summaries.update_summaries()
    standings = Standings(campaign, WholeCompany())
    assert (standings.totals(), standings.totals_as_of) == (before, queued)
    settle()
    standings = Standings(campaign, WholeCompany())
    assert standings.totals().counted == before.counted + 2
    assert standings.totals_as_of > queued


@pytest.mark.parametrize("marked", [False, True])
def test_lists_are_never_older_than_the_facts(noon: Any, marked: bool) -> None:
    """Otherwise an employee who has just submitted the hundredth contact is red on a manager's page."""
    campaign, dice = brute.build(3, size=24), random.Random(3)
    settle()
    for employee in dice.sample(list(Employee.objects.order_by("pk")), 8):
        record(employee, dice.randint(1, 6))
    if marked:
        mark_outbox()
    standings = Standings(campaign, WholeCompany())
    assert standings.summary
    right = Standings(campaign, WholeCompany(), use_summaries=False, assume_up_to_date=False)
    for sort in ("help", "reach", "name", "staff_no", "counted"):
        assert listed(standings, sort) == listed(right, sort)
        assert [row.counted for row in standings.page(sort).rows] == [row.counted for row in right.page(sort).rows]


def test_old_summaries_are_not_read(noon: Clock) -> None:
    """Without a worker nobody updates them."""
    campaign = brute.build(3, size=24)
    settle()
    noon.set(noon.now() + timedelta(hours=2), ticks=True)
    assert Standings(campaign, WholeCompany()).summary is None


def held() -> list[tuple[Any, ...]]:
    columns = ("kind", "manager", "department", "day", "low", "high", "exempt", "n")
    return sorted(SummaryCell.objects.exclude(n=0).values_list(*columns))


def test_incremental_summaries_equal_a_rebuild(noon: Any) -> None:
    campaign, dice = brute.build(5, size=24), random.Random(5)
    build_summaries.update_summaries()
    for _ in range(6):
        for one in dice.sample(list(Employee.objects.all()), 3):
            record(one, dice.randint(1, 4))
        mark_outbox()
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
    assert "1 sums of the summaries differed" in out.getvalue()
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
    mark_outbox()
    before, changes = held(), list(SummaryDelta.objects.order_by("pk").values_list())
    assert changes

    with monkeypatch.context() as patched:
        patched.setattr(build_summaries, "ADD_CHANGES", "SELECT 1 / 0")
        with pytest.raises(Exception, match="division by zero"):
            build_summaries.update_summaries()
    assert (held(), list(SummaryDelta.objects.order_by("pk").values_list())) == (before, changes)
    settle()
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
    sweep()
    build_summaries.update_summaries()
    assert compare(campaign)
    bit_by_bit = held()
    build_summaries.invalidate_summaries(campaign)
    build_summaries.update_summaries()
    assert held() == bit_by_bit
