"""The numbers on every page: rows, totals, distribution, curves and groups, computed again from the facts in plain
Python.
"""

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.contacts.models import Contact, Submission
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.reports import group_totals
from apps.reports.standings_columns import Row
from apps.reports.standings_filters import STATUS, Filters
from apps.reports.standings_report import Standings
from apps.standings.report_people import Team, WholeCompany
from tests.oracle import oracle
from tests.standings import brute
from tests.standings.brute import Brute, both

# Now; a midnight of the roster with moves, joiners and leavers; an hour in between.
LOOKS = [None, datetime(2026, 11, 12, tzinfo=UTC), datetime(2026, 11, 20, 16, tzinfo=UTC)]


@pytest.mark.parametrize("as_of", LOOKS)
def test_every_row_says_what_the_facts_say(random_company: Campaign, as_of: datetime | None) -> None:
    standings, facts = both(random_company, as_of)
    rows = {row.staff_no: row for row in standings.page(limit=100).rows}
    assert set(rows) == {one.staff_no for one in facts.people}
    managers = {place.manager_id for place in facts.places.values()}
    for one in facts.people:
        row = rows[one.staff_no]
        computed = [name for name in Row.__dataclass_fields__ if hasattr(one, name)]
        assert {name: getattr(row, name) for name in computed} == {name: getattr(one, name) for name in computed}
        assert {"counted", "target", "exempt", "red", "remaining", "pace", "quiet_days"} < set(computed)
        assert row.stalled == one.stalled
        assert (row.name, row.email) == (one.employee.name, one.employee.email)
        assert row.manager_staff_no == (one.manager.staff_no if one.manager else "")
        assert row.has_team == (one.employee.pk in managers)
    verdicts = [(row.staff_no, row.counted, row.target, row.exempt, row.red) for row in rows.values()]
    assert sorted(verdicts) == oracle(random_company, standings.now)


def test_pending_employees_are_evaluated_from_the_facts_and_shown_as_updating(
    random_company: Campaign,
) -> None:
    stale = [row for row in Standings(random_company, WholeCompany()).page(limit=100).rows if row.stale]
    population = {one.staff_no for one in Brute(random_company, db_now(), past=False).people}
    assert len(stale) <= 2
    assert Standings(random_company, WholeCompany()).totals().stale == len(stale)
    shown = Standings(random_company, WholeCompany(), filters=Filters(status="updating")).page(limit=100).rows
    assert {row.staff_no for row in shown} == {row.staff_no for row in stale}
    for row in stale:
        assert row.staff_no in population
        assert row.pending_since < db_now()


@pytest.mark.parametrize("as_of", LOOKS)
def test_totals_are_those_of_the_rows(random_company: Campaign, as_of: datetime | None) -> None:
    standings, facts = both(random_company, as_of)
    found = asdict(standings.totals())
    found.pop("stale")
    assert found.pop("under_review") == 0, "nobody asked, and this reader would not be told"
    assert found == brute.totals(facts.people)


@pytest.mark.parametrize("as_of", LOOKS)
def test_the_spread_and_the_curves_are_those_of_the_facts(random_company: Campaign, as_of: datetime | None) -> None:
    standings, facts = both(random_company, as_of)
    days = facts.days()
    assert standings.days() == days
    total = 0
    for day in standings.curve():
        recorded = sum(sum(brute.local(at) == day.day for at in one.instants) for one in facts.people)
        total += recorded
        assert (day.recorded, day.total) == (recorded, total)
    assert total == brute.totals(facts.people)["counted"]
    found = [[band.n0, band.n25, band.n50, band.n75, band.n100] for band in standings.bands_by_day()]
    assert found == [brute.bands(facts.people, day) for day in days]
    under = [(day, sum(one.counted_by(day) < one.target for one in facts.people if not one.exempt)) for day in days]
    assert standings.under_target_by_day() == under


@pytest.mark.parametrize("as_of", LOOKS)
def test_the_histogram_has_each_employee_in_one_bin(random_company: Campaign, as_of: datetime | None) -> None:
    standings, facts = both(random_company, as_of)
    bins = standings.histogram()
    assert sum(one.people for one in bins) == len(facts.people)
    for one in bins:
        inside = [p for p in facts.people if one.low <= p.counted and (one.high is None or p.counted <= one.high)]
        assert one.people == len(inside)
    assert bins[-1].high is None
    assert all(later.low == earlier.high + 1 for earlier, later in pairwise(bins))


@pytest.mark.parametrize("as_of", LOOKS)
def test_contacts_by_day_and_way_in_are_all_that_were_recorded(
    random_company: Campaign, as_of: datetime | None
) -> None:
    standings, facts = both(random_company, as_of)
    expected = Counter(
        (brute.local(one.recorded_at), one.source)
        for one in Contact.objects.all()
        if facts.rule.opens_at <= one.recorded_at < facts.look
    )
    assert {(day, source): n for day, source, n in standings.by_source()} == expected


@pytest.mark.parametrize("as_of", LOOKS)
def test_sub_teams_and_departments_are_the_people_in_them(random_company: Campaign, as_of: datetime | None) -> None:
    standings, facts = both(random_company, as_of)
    departments = {one.department for one in facts.people}
    found = {one.key: one for one in group_totals.departments(standings)}
    assert set(found) == departments
    for department in departments:
        expected = brute.group([one for one in facts.people if one.department == department])
        assert {name: getattr(found[department], name) for name in expected} == expected
    for root in Employee.objects.all():
        _check_team(random_company, facts, root, as_of)


def _check_team(campaign: Campaign, facts: Brute, root: Employee, as_of: datetime | None) -> None:
    team = Standings(campaign, Team(root, None), as_of=as_of)
    everybody = facts.team(root)
    assert {row.staff_no for row in team.page(limit=100).rows} == {one.staff_no for one in everybody}
    expected = {}
    for head_id in {key for key, place in facts.places.items() if place.manager_id == root.pk}:
        below = [one for one in everybody if head_id in facts.chain(one.employee.pk)]
        if below:
            expected[str(head_id)] = brute.group(below)
    found = group_totals.sub_teams(team, root)
    assert {one.key: {name: getattr(one, name) for name in brute.group([])} for one in found} == expected
    for one in found:
        head = Employee.objects.get(pk=int(one.key))
        assert (one.label, one.staff_no) == (head.name, head.staff_no)


TWICE = ("P03", "P05")


def matches(status: str) -> Any:
    return {
        "": lambda one: True,
        "red": lambda one: one.red,
        "not_red": lambda one: not one.red,
        "to_go": lambda one: one.counted < one.target,
        "exempt": lambda one: one.exempt,
        "exempt_below": lambda one: one.exempt and one.counted < one.target,
        "keeping_pace": lambda one: one.pace in ("ahead", "on_pace"),
        "still": lambda one: one.stalled,
        "within_5": lambda one: one.red and one.target - one.counted <= 5,
        "within_10": lambda one: one.red and one.target - one.counted <= 10,
        "at_zero": lambda one: one.counted == 0,
        "ended_soon": lambda one: one.churned_early > 0,
        "handed_in_twice": lambda one: one.staff_no in TWICE,
        "under_review": lambda one: False,  # this reader may not see it
        **{f"band_{band}": lambda one, band=band: min(one.counted * 4 // one.target, 4) == band for band in range(5)},
    }.get(status, lambda one: one.pace == status)


@pytest.mark.parametrize("as_of", [None, LOOKS[1]])
def test_a_filter_leaves_exactly_whom_it_names(random_company: Campaign, as_of: datetime | None) -> None:
    for staff_no, twice, source in (*((one, 2, "page") for one in TWICE), ("P01", 0, "csv"), ("P02", 3, "feed")):
        Submission.objects.create(
            employee=Employee.objects.get(staff_no=staff_no), source=source, state="done", received_at=brute.OPENED,
            done_at=brute.OPENED, actor_label="x", report={"read": 4, "duplicate": twice},
        )  # fmt: skip
    for status in ("", *(STATUS.keys() - {"updating"}), "nonsense", "red' OR 'a'='a"):
        standings, facts = both(random_company, as_of, status=status)
        expected = [one for one in facts.people if matches(status)(one)]
        assert {row.staff_no for row in standings.page(limit=100).rows} == {one.staff_no for one in expected}, status
        found = asdict(standings.totals())
        found.pop("stale")
        assert found.pop("under_review") == 0
        assert found == brute.totals(expected), status
        assert sum(one.people for one in standings.histogram()) == len(expected)
        assert sum(one.people for one in group_totals.departments(standings)) == len(expected)


SEARCHES = {
    "person 0": lambda one: one.employee.name.startswith("Person 0"),
    "P1": lambda one: "P1" in one.staff_no or "p1" in one.employee.email,
    "ERSON 11": lambda one: one.staff_no == "P11",
    "P12@corp": lambda one: one.staff_no == "P12",
    "%": lambda one: False,
    "_": lambda one: False,
    "\\": lambda one: False,
    "'": lambda one: False,
    "\0\ud800 ": lambda one: True,
    "x" * 100_000: lambda one: False,
}


def test_a_search_finds_names_numbers_and_addresses_and_nothing_else(random_company: Campaign) -> None:
    for q, wanted in SEARCHES.items():
        standings, facts = both(random_company, None, q=q)
        found = {row.staff_no for row in standings.page(limit=100).rows}
        assert found == {one.staff_no for one in facts.people if wanted(one)}, ascii(q[:20])


def test_a_department_is_matched_whole(random_company: Campaign) -> None:
    for department in ("Sales", "100%_sure", "Moved", "sales", "Nowhere", "Sal", "S\0ales"):
        standings, facts = both(random_company, None, department=department)
        wanted = [one for one in facts.people if one.department == department.replace("\0", "")]
        assert standings.totals().people == len(wanted), department
