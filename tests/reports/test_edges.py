"""Reports of single employees and of edge cases: before the opening, after the deadline, without people."""

from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.employees.models import Employee, TreeNode
from apps.reports import group_totals
from apps.reports.standings_report import Standings
from apps.standings.models import Standing
from apps.standings.report_people import OneEmployee, Team, WholeCompany
from tests.fixtures import Clock
from tests.people import ROSTER, adjust, load, mark, november, person, record, record_one


def test_one_person_alone(campaign: Campaign, alice: Employee, bob: Employee) -> None:
    record(alice, 3)
    mine = Standings(campaign, OneEmployee(alice))
    assert mine.row_of(alice.pk).counted == 3
    assert mine.row_of(bob.pk) is None
    assert mine.totals().people == 1
    assert [row.staff_no for row in mine.page().rows] == ["A001"]


def test_a_number_follows_at_once_before_any_marking(campaign: Campaign, alice: Employee) -> None:
    record(alice, 100)
    row = Standings(campaign, OneEmployee(alice)).row_of(alice.pk)
    assert (row.counted, row.red, row.stale) == (100, False, True)
    assert Standing.objects.get(employee=alice).red, "the cache still says red, the page does not"
    mark()
    row = Standings(campaign, OneEmployee(alice)).row_of(alice.pk)
    assert (row.counted, row.red, row.stale, row.pending_since) == (100, False, False, None)


def test_the_age_of_a_stale_standing_is_its_oldest_notes(
    company: dict[str, Employee], alice: Employee, alan: Employee
) -> None:
    """Alan is re-evaluated too, and no list shows it: otherwise Alice could read there who has recorded the person."""
    campaign, them = november(exclusive=True), ("email", "wanda@outside.example.org")
    record_one(alan, them)
    mark()
    before = db_now()
    record_one(alice, them)
    record_one(alice, ("handle", "later"))
    after = db_now()
    mine = Standings(campaign, OneEmployee(alice)).row_of(alice.pk)
    assert before < mine.pending_since < after
    assert Standings(campaign, OneEmployee(alan)).row_of(alan.pk).pending_since is None


def test_a_leaver_has_no_standing(campaign: Campaign, alan: Employee) -> None:
    record(alan)
    load("".join(line for line in ROSTER.splitlines(keepends=True) if not line.startswith("A002")), complete=True)
    assert Standings(campaign, OneEmployee(alan)).row_of(alan.pk) is None
    assert Standings(campaign, WholeCompany()).totals().people == 8


def test_before_the_opening_there_is_nothing_to_show(company: dict[str, Employee]) -> None:
    campaign = november()
    mark()
    look_back = Standings(campaign, WholeCompany(), as_of=datetime(2026, 10, 1, tzinfo=UTC))
    assert (look_back.totals().people, look_back.totals().counted) == (9, 0)
    assert (look_back.days(), look_back.curve(), look_back.bands_by_day()) == ([], [], [])


def test_a_campaign_of_next_month_shows_no_employees(company: dict[str, Employee], alice: Employee) -> None:
    campaign = november(opens_on=date(2026, 12, 1), deadline=date(2026, 12, 31))
    record(alice)
    for _ in range(2):
        assert Standings(campaign, WholeCompany()).totals().people == 0
        assert Standings(campaign, OneEmployee(alice)).row_of(alice.pk) is None
        mark()


def test_after_the_deadline_nothing_moves_any_more(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    record(alice, 2)
    clock.set("2027-02-01T00:00:00+08:00", ticks=True)
    record(alice, 2)
    mark()
    standings = Standings(campaign, WholeCompany())
    assert standings.row_of(alice.pk).counted == 2
    assert len(standings.days()) == 30
    assert Standings(campaign, WholeCompany(), as_of=standings.now).row_of(alice.pk).counted == 2


def test_a_red_employee_without_a_new_contact_for_a_week_is_stalled(
    company: dict[str, Employee], alice: Employee, alan: Employee, clock: Clock
) -> None:
    """A manager calls those who stopped: not an employee of one day, nor one at the target or exempt."""
    campaign = november(target=2)
    record(alice, 1)
    record(person("S001"), 2)
    adjust(campaign=campaign, employee=person("U001"), exempt=True)
    clock.set("2026-11-29T12:00:00+08:00", ticks=True)
    load("staff_no,name,email,manager_staff_no,started_on\nN001,Nina,nina@corp.example.com,B001,2026-11-28")
    mark()
    look = Standings(campaign, WholeCompany())
    quiet = {row.staff_no: (row.quiet_days, row.stalled) for row in look.page(limit=100).rows}
    assert quiet["A001"] == (6, False), "since the 23rd, six days ago"
    assert quiet["N001"] == (2, False), "came yesterday"
    assert quiet["A002"] == (29, True)
    assert (quiet["U001"], quiet["S001"]) == ((29, False), (6, False))
    clock.set("2026-11-30T00:00:01+08:00", ticks=True)
    assert Standings(campaign, OneEmployee(alice)).row_of(alice.pk).stalled
    midnight = datetime.fromisoformat("2026-11-30T00:00:00+08:00")
    assert not Standings(campaign, OneEmployee(alice), as_of=midnight).row_of(alice.pk).stalled, (
        "the 30th has not begun yet"
    )
    clock.set("2026-12-01T00:00:00+08:00", ticks=True)
    assert Standings(campaign, WholeCompany()).totals().still == 0, "nobody can move any more"


def test_a_company_without_people_has_empty_figures(noon: Clock) -> None:
    standings = Standings(november(), WholeCompany())
    assert set(asdict(standings.totals()).values()) == {0}
    assert standings.page().rows == []
    assert sum(one.people for one in standings.histogram()) == 0
    assert len(standings.bands_by_day()) == 23


def test_the_tree_of_today_is_what_team_pages_go_by(campaign: Campaign, bob: Employee) -> None:
    assert Standings(campaign, Team(bob, None)).totals().people == 2
    assert Standings(campaign, Team(person("A001"), None)).totals().people == 0
    assert TreeNode.objects.count() == 9


def test_a_look_back_a_moment_ago_agrees_with_now(random_company: Campaign) -> None:
    mark()
    now = Standings(random_company, WholeCompany())
    then = Standings(random_company, WholeCompany(), as_of=now.now)
    assert now.totals() == then.totals()
    assert now.bands_by_day() == then.bands_by_day()
    assert group_totals.departments(now) == group_totals.departments(then)
    rows = [(row.staff_no, row.counted, row.red, row.pace) for row in now.page(limit=100).rows]
    assert rows == [(row.staff_no, row.counted, row.red, row.pace) for row in then.page(limit=100).rows]
    assert now.now - timedelta(days=1) < then.now
