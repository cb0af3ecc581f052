"""The figures on every page: rows, totals, spread, curves and groups, computed again from the facts in plain Python."""

import base64
import json
from collections import Counter
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from typing import Any

import pytest

from apps.contacts.models import Contact
from apps.employees.models import Employee, TreeNode
from apps.quotas.models import Campaign, Standing
from apps.quotas.reports import Everyone, Filters, Only, Standings, TeamOf
from apps.quotas.reports.standings import SORTS, STATUS
from apps.quotas.services import clock
from tests.fixtures import Clock
from tests.oracle import oracle
from tests.people import ROSTER, load, mark, november, person, record, record_one
from tests.quotas import brute
from tests.quotas.brute import Brute

SEEDS = [1, 2, 3]
# Now; a midnight of the roster, at which people move, join and leave; an hour in between.
LOOKS = [None, datetime(2026, 11, 12, tzinfo=UTC), datetime(2026, 11, 20, 16, tzinfo=UTC)]


@pytest.fixture(params=SEEDS, ids=[f"seed {seed}" for seed in SEEDS])
def random_company(request: pytest.FixtureRequest, noon: Clock) -> Campaign:
    """November of a random company of sixteen, two of whom are touched and not marked yet."""
    return brute.build(request.param)


def both(campaign: Campaign, as_of: datetime | None, **filters: str) -> tuple[Standings, Brute]:
    standings = Standings(campaign, Everyone(), as_of=as_of, filters=Filters(**filters))
    return standings, Brute(campaign, standings.now, past=as_of is not None)


def every_row(standings: Standings, sort: str, limit: int) -> list[Any]:
    """All rows of a list, page by page."""
    rows, after = [], ""
    while True:
        page = standings.page(sort=sort, after=after, limit=limit)
        assert len(page.rows) <= limit
        rows += page.rows
        if not page.next:
            return rows
        after = page.next


@pytest.mark.parametrize("as_of", LOOKS)
def test_every_row_says_what_the_facts_say(random_company: Campaign, as_of: datetime | None) -> None:
    standings, facts = both(random_company, as_of)
    rows = {row.staff_no: row for row in standings.page(limit=100).rows}
    assert set(rows) == {one.staff_no for one in facts.people}
    managers = {place.manager_id for place in facts.places.values()}
    for one in facts.people:
        row = rows[one.staff_no]
        assert (row.counted, row.target, row.exempt, row.red) == (one.counted, one.target, one.exempt, one.red)
        assert (row.remaining, row.pace, row.reached_at) == (one.remaining, one.pace, one.reached_at)
        assert (row.name, row.email, row.department) == (one.employee.name, one.employee.email, one.department)
        assert row.manager_staff_no == (one.manager.staff_no if one.manager else "")
        assert row.has_team == (one.employee.pk in managers)
    verdicts = [(row.staff_no, row.counted, row.target, row.exempt, row.red) for row in rows.values()]
    assert sorted(verdicts) == oracle(random_company, standings.now)


def test_touched_people_are_judged_from_the_facts_and_marked_as_being_brought_up_to_date(
    random_company: Campaign,
) -> None:
    stale = [row for row in Standings(random_company, Everyone()).page(limit=100).rows if row.stale]
    population = {one.staff_no for one in Brute(random_company, clock(), past=False).people}
    assert len(stale) <= 2
    assert Standings(random_company, Everyone()).totals().stale == len(stale)
    for row in stale:
        assert row.staff_no in population
        assert row.stale_since < clock()


@pytest.mark.parametrize("as_of", LOOKS)
def test_totals_are_those_of_the_rows(random_company: Campaign, as_of: datetime | None) -> None:
    standings, facts = both(random_company, as_of)
    found = asdict(standings.totals())
    found.pop("stale")
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
def test_the_histogram_has_everybody_in_one_bin(random_company: Campaign, as_of: datetime | None) -> None:
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
    found = {one.key: one for one in standings.departments()}
    assert set(found) == departments
    for department in departments:
        expected = brute.group([one for one in facts.people if one.department == department])
        assert {name: getattr(found[department], name) for name in expected} == expected
    for root in Employee.objects.all():
        _check_team(random_company, facts, root, as_of)


def _check_team(campaign: Campaign, facts: Brute, root: Employee, as_of: datetime | None) -> None:
    team = Standings(campaign, TeamOf(root), as_of=as_of)
    everybody = facts.team(root)
    assert {row.staff_no for row in team.page(limit=100).rows} == {one.staff_no for one in everybody}
    expected = {}
    for head_id in {key for key, place in facts.places.items() if place.manager_id == root.pk}:
        below = [one for one in everybody if head_id in (one.employee.pk, *facts.chain(one.employee.pk))]
        led = any(head_id in facts.chain(other) for other in facts.places if other != head_id)
        if below and led:
            expected[str(head_id)] = brute.group(below)
    found = team.sub_teams(root)
    assert {one.key: {name: getattr(one, name) for name in brute.group([])} for one in found} == expected
    for one in found:
        head = Employee.objects.get(pk=int(one.key))
        assert (one.label, one.staff_no) == (head.name, head.staff_no)


def matches(status: str) -> Any:
    return {
        "": lambda one: True,
        "red": lambda one: one.red,
        "not_red": lambda one: not one.red,
        "to_go": lambda one: one.counted < one.target,
        "exempt": lambda one: one.exempt,
    }.get(status, lambda one: one.pace == status)


@pytest.mark.parametrize("as_of", [None, LOOKS[1]])
def test_a_filter_leaves_exactly_whom_it_names(random_company: Campaign, as_of: datetime | None) -> None:
    for status in ("", *STATUS, "nonsense", "red' OR 'a'='a"):
        standings, facts = both(random_company, as_of, status=status)
        expected = [one for one in facts.people if matches(status)(one)]
        assert {row.staff_no for row in standings.page(limit=100).rows} == {one.staff_no for one in expected}, status
        found = asdict(standings.totals())
        found.pop("stale")
        assert found == brute.totals(expected), status
        assert sum(one.people for one in standings.histogram()) == len(expected)
        assert sum(one.people for one in standings.departments()) == len(expected)


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


# -- pages ---------------------------------------------------------------------------------------------------------

NEED = {
    "help": lambda one: (not one.red, -one.remaining, one.staff_no),
    "remaining_per_day": lambda one: (not one.red, -one.remaining, one.staff_no),
    "name": lambda one: (one.employee.name, one.staff_no),
    "counted": lambda one: (one.counted, one.staff_no),
    "-counted": lambda one: (-one.counted, one.staff_no),
    "staff_no": lambda one: one.staff_no,
    "nonsense": lambda one: (not one.red, -one.remaining, one.staff_no),
}


def test_page_by_page_everybody_comes_once_in_order(random_company: Campaign) -> None:
    for sort, limit in product([*SORTS, "nonsense"], [1, 3, 50]):
        standings, facts = both(random_company, None)
        order = [row.staff_no for row in every_row(standings, sort, limit)]
        if sort != "department":
            assert order == [one.staff_no for one in sorted(facts.people, key=NEED[sort])], (sort, limit)
            continue
        # How letters are ordered is the database's business; that departments stay together is ours.
        assert sorted(order) == [one.staff_no for one in facts.people]
        departments = [next(one.department for one in facts.people if one.staff_no == no) for no in order]
        assert sum(one != other for one, other in pairwise(departments)) == len(set(departments)) - 1


def token(key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


FORGED = [
    "x", "é", "====", "null", token(None), token([]), token(["P01"] * 3), token({"a": 1}), token(["Person 01", "P01"]),
    token([1, -1, 5]), token([True, -1, "P01"]), token([1.5, -1, "P01"]), token([10**30, -1, "P01"]),
    token([0, -1, "P\0"]), token([0, -1, "\ud800"]), token([[1], 2, "P01"]), token(["0; DROP TABLE x", -1, "P01"]),
    base64.urlsafe_b64encode(b"[" * 5000).decode(), base64.urlsafe_b64encode(b"\xff\xfe").decode(), "A" * 100_000,
]  # fmt: skip


def test_a_forged_token_breaks_nothing(campaign: Campaign) -> None:
    standings = Standings(campaign, Everyone())
    for sort, after in product(["help", "counted", "name", "staff_no"], FORGED):
        assert len(standings.page(sort=sort, after=after, limit=3).rows) <= 3, (sort, after[:40])


def test_a_token_of_another_order_starts_from_the_beginning(campaign: Campaign) -> None:
    standings = Standings(campaign, Everyone())
    by_name = standings.page(sort="name", limit=3).next
    assert standings.page(sort="counted", after=by_name, limit=3) == standings.page(sort="counted", limit=3)


# -- single people and edges ---------------------------------------------------------------------------------------


def test_one_person_alone(campaign: Campaign, alice: Employee, bob: Employee) -> None:
    record(alice, 3)
    mine = Standings(campaign, Only(alice))
    assert mine.one(alice.pk).counted == 3
    assert mine.one(bob.pk) is None
    assert mine.totals().people == 1
    assert [row.staff_no for row in mine.page().rows] == ["A001"]


def test_a_number_follows_at_once_although_nobody_marked_it(campaign: Campaign, alice: Employee) -> None:
    record(alice, 100)
    row = Standings(campaign, Only(alice)).one(alice.pk)
    assert (row.counted, row.red, row.stale) == (100, False, True)
    assert Standing.objects.get(employee=alice).red, "the cache still says red, the page does not"
    mark()
    row = Standings(campaign, Only(alice)).one(alice.pk)
    assert (row.counted, row.red, row.stale, row.stale_since) == (100, False, False, None)


def test_the_age_of_a_stale_standing_is_its_oldest_notes(
    company: dict[str, Employee], alice: Employee, alan: Employee
) -> None:
    campaign, them = november(exclusive=True), ("email", "wanda@outside.example.org")
    record_one(alan, them)
    mark()
    before = clock()
    record_one(alice, them)
    after = clock()
    for one in (alice, alan):
        row = Standings(campaign, Only(one)).one(one.pk)
        assert before < row.stale_since < after


def test_a_leaver_has_no_standing(campaign: Campaign, alan: Employee) -> None:
    record(alan)
    load("".join(line for line in ROSTER.splitlines(keepends=True) if not line.startswith("A002")), complete=True)
    assert Standings(campaign, Only(alan)).one(alan.pk) is None
    assert Standings(campaign, Everyone()).totals().people == 8


def test_before_the_opening_there_is_nothing_to_show(company: dict[str, Employee]) -> None:
    campaign = november()
    mark()
    look_back = Standings(campaign, Everyone(), as_of=datetime(2026, 10, 1, tzinfo=UTC))
    assert (look_back.totals().people, look_back.totals().counted) == (9, 0)
    assert (look_back.days(), look_back.curve(), look_back.bands_by_day()) == ([], [], [])


def test_a_campaign_of_next_month_shows_nobody_marked_or_not(company: dict[str, Employee], alice: Employee) -> None:
    campaign = november(opens_on=date(2026, 12, 1), deadline=date(2026, 12, 31))
    record(alice)
    for _ in range(2):
        assert Standings(campaign, Everyone()).totals().people == 0
        assert Standings(campaign, Only(alice)).one(alice.pk) is None
        mark()


def test_after_the_deadline_nothing_moves_any_more(campaign: Campaign, alice: Employee, clock: Clock) -> None:
    record(alice, 2)
    clock.set("2027-02-01T00:00:00+08:00", ticks=True)
    record(alice, 2)
    mark()
    standings = Standings(campaign, Everyone())
    assert standings.one(alice.pk).counted == 2
    assert len(standings.days()) == 30
    assert Standings(campaign, Everyone(), as_of=standings.now).one(alice.pk).counted == 2


def test_a_company_without_people_has_empty_figures(noon: Clock) -> None:
    standings = Standings(november(), Everyone())
    assert set(asdict(standings.totals()).values()) == {0}
    assert standings.page().rows == []
    assert sum(one.people for one in standings.histogram()) == 0
    assert len(standings.bands_by_day()) == 23


def test_the_tree_of_today_is_what_team_pages_go_by(campaign: Campaign, bob: Employee) -> None:
    assert Standings(campaign, TeamOf(bob)).totals().people == 2
    assert Standings(campaign, TeamOf(person("A001"))).totals().people == 0
    assert TreeNode.objects.count() == 9


def test_a_look_back_a_moment_ago_agrees_with_now(random_company: Campaign) -> None:
    mark()
    now = Standings(random_company, Everyone())
    then = Standings(random_company, Everyone(), as_of=now.now)
    assert now.totals() == then.totals()
    assert now.bands_by_day() == then.bands_by_day()
    assert now.departments() == then.departments()
    rows = [(row.staff_no, row.counted, row.red, row.pace) for row in now.page(limit=100).rows]
    assert rows == [(row.staff_no, row.counted, row.red, row.pace) for row in then.page(limit=100).rows]
    assert now.now - timedelta(days=1) < then.now
