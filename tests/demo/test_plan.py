"""The demo without a database: people, spread, curve, days."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from apps.core.identity import normalise
from apps.core.time_zones import midnight
from apps.demo import calendar
from apps.demo.company import Company, Person
from apps.demo.names import OFFICES
from apps.demo.seeding import Plan
from tests import people

DOMAIN = "corp.example"


def planned(employees: int = 500, contacts: int = 80, seed: int = 1) -> Plan:
    return Plan(employees, contacts, seed, people.NOON, DOMAIN, True)


def depth(house: Company, person: Person) -> int:
    return 0 if person.manager is None else 1 + depth(house, house.people[person.manager])


def drafts_of(demo: Plan) -> Iterator[tuple[int, Any]]:
    return demo.recorder(demo.company()).contacts()


def test_the_company_is_six_levels_deep_and_named_in_two_scripts() -> None:
    house = planned().company()
    names = [person.name for person in house.people]
    assert max(depth(house, person) for person in house.people) >= 6
    assert len({person.department for person in house.people}) >= 8
    assert {OFFICES[person.office][1] for person in house.people} >= {"", "Europe/Berlin"}
    assert sum(name.isascii() for name in names) >= 25
    assert sum("\u4e00" <= name[0] <= "\u9fff" for name in names) >= 250
    assert len({person.email for person in house.people}) == len({person.staff_no for person in house.people}) == 500


def test_the_demo_manager_has_sub_teams_and_the_employee_at_99() -> None:
    house = planned().company()
    manager, at_99 = house.people[house.manager], house.people[house.at_99]
    assert 30 <= manager.team <= 150
    assert sum(person.team > 0 for person in house.people if person.manager == house.manager) >= 4
    above = [at_99.manager]
    while above[-1] is not None:
        above.append(house.people[above[-1]].manager)
    assert house.manager in above
    assert [house.people[place].department for place in house.hr] == ["Human Resources"] * 2


@pytest.mark.parametrize("employees", [10, 11, 13, 30, 47, 100, 1000])
def test_a_company_of_any_size_adds_up(employees: int) -> None:
    house = planned(employees).company()
    roots = [place for place, person in enumerate(house.people) if person.manager is None]
    assert len(house.people) == employees
    assert roots == [0]
    assert all(person.manager < place for place, person in enumerate(house.people) if person.manager is not None)
    assert house.people[0].team == employees - 1
    assert len({house.manager, house.at_99, *house.hr}) == 4
    assert max(depth(house, person) for person in house.people) >= (2 if employees < 30 else 3)


def test_contact_counts_spread_from_zero_to_hundreds_around_an_exact_mean() -> None:
    counts = planned(2000).recorder(planned(2000).company()).counts
    share = {name: sum(found) / 2000 for name, found in {
        "none": [count == 0 for count in counts],
        "on the way": [40 <= count <= 95 for count in counts],
        "a hundred": [count >= 100 for count in counts],
        "two hundred": [count >= 200 for count in counts],
    }.items()}  # fmt: skip
    assert sum(counts) == 80 * 2000
    assert 0.02 < share["none"] < 0.08
    assert 0.4 < share["on the way"] < 0.65
    assert 0.2 < share["a hundred"] < 0.45
    assert 0.01 < share["two hundred"] < 0.08


def test_the_curve_starts_slowly_drops_at_weekends_and_grows() -> None:
    days = Counter[date]()
    for _, draft in drafts_of(planned(400)):
        days[draft.recorded_at.astimezone(ZoneInfo(calendar.ZONE)).date()] += 1
    monday, first_monday = date(2026, 11, 16), date(2026, 10, 26)
    assert days[monday] > 3 * days[monday - timedelta(days=1)]
    assert days[monday] > 1.3 * days[first_monday]
    assert days[date(2026, 10, 21)] < days[date(2026, 10, 28)] / 2
    assert 0 < sum(count for day, count in days.items() if day < date(2026, 10, 21)) < 0.03 * days.total()
    assert max(days) == date(2026, 11, 23)


def test_every_identity_is_normalised_and_belongs_to_one_person() -> None:
    demo = planned(120, 60)
    house, seen = demo.company(), set[tuple[int, str, str]]()
    for place, draft in drafts_of(demo):
        assert draft.identities
        for kind, value in draft.identities:
            assert normalise(kind, value, region="CN", key="k").value == value
            assert (place, kind, value) not in seen
            seen.add((place, kind, value))
    for person in house.people:
        assert normalise("email", person.email, region="CN", key="k").value == person.email
        assert not person.phone or normalise("phone", person.phone, region="CN", key="k").value == person.phone
    assert {kind for _, kind, _ in seen} == {"phone", "email", "handle"}
    assert len({value[:4] for _, kind, value in seen if kind == "phone"}) > 5


def test_contact_changes_are_between_its_recording_and_now() -> None:
    demo = planned(120, 60)
    house, now = demo.company(), datetime.fromisoformat(people.NOON)
    ended = confirmed = 0
    for place, draft in drafts_of(demo):
        person = house.people[place]
        assert draft.recorded_at <= draft.stored_at <= now
        assert draft.recorded_at < now
        assert draft.confirmed_at is None or draft.recorded_at < draft.confirmed_at < now
        assert (draft.ended_at is None) == (draft.end_reason is None)
        assert draft.ended_at is None or draft.recorded_at < draft.ended_at < now
        assert draft.recorded_at >= midnight(person.hired_on)
        assert person.left_on is None or draft.recorded_at < midnight(person.left_on, days=1)
        ended, confirmed = ended + (draft.ended_at is not None), confirmed + (draft.confirmed_at is not None)
    assert ended
    assert 0.6 < confirmed / (120 * 60) < 0.95


def test_equal_plans_make_equal_demos_and_other_seeds_other_ones() -> None:
    assert list(drafts_of(planned(40, 20))) == list(drafts_of(planned(40, 20)))
    assert planned().company() == planned().company()
    assert planned(seed=2).company() != planned().company()


@pytest.mark.parametrize(
    ("today", "opens_on", "deadline"),
    [
        ("2026-10-21", "2026-10-07", "2026-11-30"),
        ("2026-11-23", "2026-10-21", "2026-11-30"),
        ("2026-11-30", "2026-10-21", "2026-11-30"),
        ("2026-12-01", "2026-10-02", "2026-12-31"),
        ("2026-12-24", "2026-10-09", "2027-01-31"),
        ("2027-02-20", "2026-12-04", "2027-03-31"),
        ("2026-10-20", "2026-09-28", "2026-10-31"),
    ],
)
def test_the_campaign_is_open_on_any_day_and_ends_with_a_month(today: str, opens_on: str, deadline: str) -> None:
    days = calendar.calendar(datetime.fromisoformat(f"{today}T23:30:00+08:00").astimezone(UTC))
    assert (days.opens_on.isoformat(), days.deadline.isoformat()) == (opens_on, deadline)
    assert days.name == f"{date.fromisoformat(deadline):%B %Y}"


def test_a_company_has_leavers_joiners_and_people_who_moved() -> None:
    house = planned(2000).company()
    opens_on = planned().calendar().opens_on
    assert any(person.left_on for person in house.people)
    assert any(person.hired_on > opens_on for person in house.people)
    assert any(person.earlier_manager for person in house.people)
    assert not any(person.left_on for person in house.people if person.team)
