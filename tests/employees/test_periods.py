"""Period and tree rules in the database: no program can store overlaps or cycles."""

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.core.clock import db_now
from apps.core.locks import lock_facts
from apps.employees.models import Employee, Employment, Placement
from apps.employees.org_tree import rebuild_tree
from tests.fixtures import Clock
from tests.people import company as make_company
from tests.people import person


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)


def refuse(table: Any, code: str, **fields: Any) -> str:
    """Insert a row that the database must refuse with this code; return the message."""
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        table.objects.create(**fields)
    cause = refused.value.__cause__
    assert isinstance(cause, psycopg2.Error)
    assert cause.pgcode == code
    return str(cause)


@pytest.mark.parametrize("table", [Employment, Placement])
def test_two_periods_of_one_person_never_overlap(company: dict[str, Employee], table: Any) -> None:
    assert "A001" in refuse(table, "23H02", employee=company["A001"], starts_at=day(1), ends_at=day(2))


def test_periods_may_touch(company: dict[str, Employee]) -> None:
    Employment.objects.filter(employee=company["A001"]).update(ends_at=day(1))
    Employment.objects.create(employee=company["A001"], starts_at=day(1), ends_at=day(2))


@pytest.mark.parametrize("table", [Employment, Placement])
def test_a_period_runs_forward(company: dict[str, Employee], table: Any) -> None:
    refuse(table, "23514", employee=company["A001"], starts_at=day(2), ends_at=day(2))


def test_a_circle_is_refused_and_named_whoever_writes_it(company: dict[str, Employee]) -> None:
    with pytest.raises(IntegrityError, match=r"reporting cycle: \w+ > ") as refused, transaction.atomic():
        Placement.objects.filter(employee=company["D001"]).update(manager=company["A001"])
    for staff_no in ("A001", "B001", "D001"):
        assert staff_no in str(refused.value)


def test_a_circle_that_begins_only_with_somebody_elses_move_is_refused(company: dict[str, Employee]) -> None:
    # From the 28th Bob reports to Alan; Alan's own period is older and stays unchanged.
    Placement.objects.filter(employee=company["A002"]).update(manager=company["C001"], ends_at=day(27))
    Placement.objects.create(employee=company["A002"], manager=company["B001"], starts_at=day(27), ends_at=day(29))
    Placement.objects.filter(employee=company["B001"]).update(ends_at=day(28))
    refuse(Placement, "23H01", employee=company["B001"], manager=company["A002"], starts_at=day(28), ends_at=day(30))
    Placement.objects.create(employee=company["B001"], manager=company["A002"], starts_at=day(29), ends_at=day(30))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moves=st.lists(
        st.tuples(st.integers(0, 4), st.integers(-1, 4), st.integers(1, 8), st.integers(1, 8)), min_size=1, max_size=14
    )
)
def test_a_placement_is_refused_exactly_when_some_instant_would_have_a_circle(
    noon: Clock, moves: list[tuple[int, int, int, int]]
) -> None:
    sid = connection.savepoint()
    staff = list(make_company([(f"P{n}", "") for n in range(5)]).values())
    with connection.cursor() as cursor:
        cursor.execute("UPDATE employees_placement SET ends_at = %s", [day(1)])
    stored: list[tuple[int, int, int, int]] = []
    for who, boss, start, length in moves:
        if boss in (-1, who):
            continue
        end = start + length
        if any(w == who and s < end and start < e for w, _, s, e in stored):
            continue
        circle = any(_circle([*stored, (who, boss, start, end)], at) for at in range(1, 18))
        assert _refuses(staff[who], staff[boss], day(start), day(end)) == circle, (stored, who, boss, start, end)
        if not circle:
            stored.append((who, boss, start, end))
    connection.savepoint_rollback(sid)


def _refuses(employee: Employee, manager: Employee, starts_at: datetime, ends_at: datetime) -> bool:
    try:
        with transaction.atomic():
            Placement.objects.create(employee=employee, manager=manager, starts_at=starts_at, ends_at=ends_at)
    except IntegrityError:
        return True
    return False


def _circle(places: list[tuple[int, int, int, int]], at: int) -> bool:
    boss_of = {who: boss for who, boss, start, end in places if start <= at < end}
    for who in boss_of:
        above, seen = boss_of.get(who), set()
        while above is not None and above not in seen:
            if above == who:
                return True
            seen.add(above)
            above = boss_of.get(above)
    return False


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bosses=st.lists(st.integers(0, 30), min_size=1, max_size=25))
def test_the_team_is_everybody_below_at_any_depth(noon: Clock, bosses: list[int]) -> None:
    sid = connection.savepoint()
    above = {n: (None if n == 0 or boss % (n + 1) == n else boss % (n + 1)) for n, boss in enumerate(bosses)}
    make_company([(f"P{n:02d}", "" if boss is None else f"P{boss:02d}") for n, boss in above.items()])
    for root in above:
        below = {n for n in above if n != root and root in _chain(above, n)}
        found = {one.staff_no for one in Employee.objects.team_of(person(f"P{root:02d}"))}
        assert found == {f"P{n:02d}" for n in below}
        assert person(f"P{root:02d}").is_manager == bool(below)
    connection.savepoint_rollback(sid)


def _chain(above: dict[int, int | None], who: int) -> list[int]:
    chain, boss = [], above[who]
    while boss is not None:
        chain.append(boss)
        boss = above[boss]
    return chain


def test_todays_tree_follows_the_periods(company: dict[str, Employee]) -> None:
    Placement.objects.filter(employee=company["A001"]).update(ends_at=day(25))
    Placement.objects.create(employee=company["A001"], manager=company["C001"], starts_at=day(25), ends_at=day(30))
    for number, boss in ((24, "B001"), (25, "C001"), (26, "C001")):
        with transaction.atomic():
            lock_facts()
            rebuild_tree(day(number))
        assert person("A001").node.manager_id == company[boss].pk


def test_the_tree_intervals_nest(company: dict[str, Employee]) -> None:
    numbers = sorted(one.node.first for one in Employee.objects.select_related("node"))
    assert numbers == list(range(1, 10))
    assert all(low < high for low, high in pairwise(numbers))


def test_employed_is_the_state_just_before(company: dict[str, Employee]) -> None:
    Employment.objects.filter(employee=company["A001"]).update(starts_at=day(1), ends_at=day(20))
    employed = {
        at: Employee.objects.employed_at(at).filter(staff_no="A001").exists()
        for at in (day(1), day(2), day(20), day(21))
    }
    assert employed == {day(1): False, day(2): True, day(20): True, day(21): False}


def test_open_periods_can_be_read(company: dict[str, Employee]) -> None:
    period = Employment.objects.get(employee=company["A001"])
    assert period.starts_at < db_now() < period.ends_at
