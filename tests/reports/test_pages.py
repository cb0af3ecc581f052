"""Lists page by page: every employee once, in order, also with invented tokens."""

import base64
import json
from itertools import pairwise, product
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.core.cursors import InvalidCursor
from apps.reports.standings_filters import SORTS, Filters
from apps.reports.standings_report import Standings
from apps.standings.report_people import WholeCompany
from tests.standings.brute import both


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


NEED = {
    "help": lambda one: (not one.red, -one.remaining, one.staff_no),
    "remaining_per_day": lambda one: (not one.red, -one.remaining, one.staff_no),
    "reach": lambda one: (not one.red, one.remaining, one.staff_no),
    "name": lambda one: (one.employee.name, one.staff_no),
    "counted": lambda one: (one.counted, one.staff_no),
    "-counted": lambda one: (-one.counted, one.staff_no),
    "staff_no": lambda one: one.staff_no,
    "quiet": lambda one: (not one.red, -one.quiet_days, one.staff_no),
    "nonsense": lambda one: (not one.red, -one.remaining, one.staff_no),
}


def test_page_by_page_each_employee_comes_once_in_order(random_company: Campaign) -> None:
    for sort, limit in product([*SORTS, "nonsense"], [1, 3, 50]):
        standings, facts = both(random_company, None)
        order = [row.staff_no for row in every_row(standings, sort, limit)]
        if sort != "department":
            assert order == [one.staff_no for one in sorted(facts.people, key=NEED[sort])], (sort, limit)
            continue
        # The collation belongs to the database; keeping departments together belongs to the application.
        assert sorted(order) == [one.staff_no for one in facts.people]
        departments = [next(one.department for one in facts.people if one.staff_no == no) for no in order]
        assert sum(one != other for one, other in pairwise(departments)) == len(set(departments)) - 1


@pytest.mark.parametrize("status", ["", "red", "not_red", "exempt", "behind", "still", "at_zero"])
@pytest.mark.parametrize("limit", [1, 200])
def test_a_page_with_all_employees_adds_up_to_the_count(random_company: Campaign, status: str, limit: int) -> None:
    """The tiles above a list agree with the list, whether queried or summed from its rows."""

    def asked() -> Standings:
        return Standings(
            random_company, WholeCompany(), filters=Filters(status=status), show_reviews=True, use_summaries=False
        )

    listed, counted = asked(), asked()
    page = listed.page(limit=limit)
    assert limit == 1 or not page.next
    assert listed.totals() == counted.totals()
    assert sorted(listed.buckets) == sorted(counted.buckets)


def token(key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


FORGED = [
    "x", "é", "====", "null", token(None), token([]), token(["P01"] * 3), token({"a": 1}), token(["Person 01", "P01"]),
    token([1, -1, 5]), token([True, -1, "P01"]), token([1.5, -1, "P01"]), token([10**30, -1, "P01"]),
    token([0, -1, "P\0"]), token([0, -1, "\ud800"]), token([[1], 2, "P01"]), token(["0; DROP TABLE x", -1, "P01"]),
    base64.urlsafe_b64encode(b"[" * 5000).decode(), base64.urlsafe_b64encode(b"\xff\xfe").decode(), "A" * 100_000,
]  # fmt: skip


def test_a_forged_token_is_refused(campaign: Campaign) -> None:
    standings = Standings(campaign, WholeCompany())
    for sort, after in product(["help", "counted", "name", "staff_no"], FORGED):
        with pytest.raises(InvalidCursor):
            standings.page(sort=sort, after=after, limit=3)


def test_a_token_belongs_to_its_order_and_filters(campaign: Campaign) -> None:
    """Otherwise a key made for one list finds a person in another one without an entry in the trail."""
    standings = Standings(campaign, WholeCompany())
    by_name = standings.page(sort="name", limit=3).next
    assert standings.page(sort="name", after=by_name, limit=3).rows
    with pytest.raises(InvalidCursor):
        standings.page(sort="counted", after=by_name, limit=3)
    with pytest.raises(InvalidCursor):
        Standings(campaign, WholeCompany(), filters=Filters(q="Person 05")).page(sort="name", after=by_name, limit=3)
