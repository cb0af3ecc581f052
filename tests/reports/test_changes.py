"""Changes since an earlier instant: of each person, the two standings that lists as of these instants show."""

from datetime import UTC, datetime, timedelta

import pytest

from apps.campaigns.models import Campaign
from apps.employees.models import Employee
from apps.reports.standings_columns import Row
from apps.reports.standings_filters import CHANGES, Filters
from apps.reports.standings_report import Standings
from apps.results.freeze import freeze
from apps.standings.report_people import EmployeeIds, Team, WholeCompany
from tests import people
from tests.fixtures import Clock
from tests.standings.brute import OPENED, Brute

pytestmark = pytest.mark.django_db

# A week before the fixture's clock, a midnight of the roster with moves and joiners, and one before the opening.
EARLIER = [datetime(2026, 11, 16, 16, tzinfo=UTC), datetime(2026, 11, 12, tzinfo=UTC), OPENED - timedelta(days=3)]


def page(campaign: Campaign, since: datetime | None, as_of: datetime | None = None, **filters: str) -> dict[str, Row]:
    standings = Standings(campaign, WholeCompany(), as_of=as_of, since=since, filters=Filters(**filters))
    return {row.staff_no: row for row in standings.page(sort="staff_no", limit=100).rows}


def listed(campaign: Campaign, at: datetime) -> dict[str, Row]:
    return page(campaign, None, at)


@pytest.mark.parametrize("as_of", [None, datetime(2026, 11, 20, 16, tzinfo=UTC)])
@pytest.mark.parametrize("since", EARLIER)
def test_a_change_is_the_difference_of_the_two_standings(
    random_company: Campaign, since: datetime, as_of: datetime | None
) -> None:
    before = {person.staff_no: person for person in Brute(random_company, since, past=True).people}
    shown = page(random_company, since, as_of)
    for staff_no, row in shown.items():
        then = before.get(staff_no)
        assert row.counted_before == (then.counted if then else None)
        assert row.change == row.counted - (then.counted if then else 0)
        was_at_target = bool(then and then.counted >= then.target)
        at_target = row.counted >= row.target
        expected = None if at_target == was_at_target else "reached" if at_target else "fell_back"
        # Who was not in the campaign then cannot have fallen back.
        assert row.turned == expected, staff_no
    if since < OPENED:
        assert {row.counted_before for row in shown.values()} <= {0, None}


@pytest.mark.parametrize("as_of", [None, datetime(2026, 11, 20, 16, tzinfo=UTC)])
@pytest.mark.parametrize("since", EARLIER)
def test_a_filter_by_change_finds_exactly_the_people_whose_rows_say_so(
    random_company: Campaign, since: datetime, as_of: datetime | None
) -> None:
    everyone = page(random_company, since, as_of)
    conditions = {
        "moved": lambda row: row.change > 0,
        "stalled": lambda row: row.red and row.counted_before is not None and row.change <= 0,
        "reached": lambda row: row.turned == "reached",
        "fell_back": lambda row: row.turned == "fell_back",
    }
    assert set(conditions) == set(CHANGES)
    for change, meets in conditions.items():
        found = page(random_company, since, as_of, change=change)
        assert found == {staff_no: row for staff_no, row in everyone.items() if meets(row)}, change
        standings = Standings(random_company, WholeCompany(), as_of=as_of, since=since, filters=Filters(change=change))
        assert standings.totals().people == len(found), change


def test_the_earlier_standing_is_the_one_that_a_list_as_of_then_shows(random_company: Campaign) -> None:
    """The same evaluation, so that two pages never disagree."""
    for since in EARLIER[:2]:
        then, now = listed(random_company, since), page(random_company, since)
        assert {no: row.counted_before for no, row in now.items() if no in then} == {
            no: row.counted for no, row in then.items() if no in now
        }


def test_without_a_comparison_nobody_has_changed(random_company: Campaign) -> None:
    assert {(row.counted_before, row.change, row.turned) for row in page(random_company, None).values()} == {
        (None, None, None)
    }
    assert page(random_company, None, change="moved") == {}


def test_contacts_that_end_and_targets_that_rise_make_people_fall_back(
    campaign: Campaign, alice: Employee, alan: Employee, clock: Clock
) -> None:
    people.record(alice, 100)
    people.record(alan, 99)
    clock.set("2026-11-25T12:00:00+08:00", ticks=True)
    people.adjust(campaign=campaign, employee=alice, target=120, starts_at=datetime(2026, 11, 25, tzinfo=UTC))
    people.record(alan, 1)
    people.mark()
    rows = page(campaign, datetime(2026, 11, 24, 16, tzinfo=UTC))
    assert (rows["A001"].change, rows["A001"].turned) == (0, "fell_back")
    assert (rows["A002"].change, rows["A002"].turned) == (1, "reached")


def test_a_frozen_campaign_compares_its_result(
    campaign: Campaign, alice: Employee, bob: Employee, clock: Clock
) -> None:
    people.record(alice, 60)
    people.mark()
    clock.set("2026-11-28T12:00:00+08:00", ticks=True)
    people.record(alice, 40)
    clock.set("2026-12-01T00:05:00+08:00", ticks=True)
    freeze(campaign=campaign, by=people.TESTER, wait=False)
    # What is recorded after the cut-off changes neither the result nor the comparison.
    people.record(alice, 5)
    frozen = Campaign.objects.get(pk=campaign.pk)
    since = datetime(2026, 11, 27, 16, tzinfo=UTC)
    for who in (WholeCompany(), Team(bob, None), EmployeeIds([alice.pk])):
        for filters in (Filters(), Filters(change="reached")):
            [row] = [
                row
                for row in Standings(frozen, who, since=since, filters=filters).page(limit=100).rows
                if row.staff_no == "A001"
            ]
            assert (row.counted_before, row.counted, row.change, row.turned) == (60, 100, 40, "reached")
