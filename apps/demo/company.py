"""The demo company: departments, an org tree of six or more levels, and employees with names, addresses and histories.

Everything follows from (size, seed, calendar); nothing here uses a database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import log
from random import Random

from apps.campaigns.rules import start_of_day
from apps.demo.calendar import Calendar
from apps.demo.fake_contacts import full_name, phone_number
from apps.demo.names import DEPARTMENTS, EXECUTIVE, HUMAN_RESOURCES, OFFICES, REGIONS

# The size of a team lead's team, and the smallest number of people for a separate level.
TEAM, FLAT = 7, 9
LEAST_EMPLOYEES = 10
# The team of the demo's manager: a suitable size, with enough sub-teams to compare.
SHOWN_TEAM, SHOWN_LEAST, SHOWN_MOST, SHOWN_TEAMS, SHOWN_LEVELS = 60, 30, 150, 4, 3
DAYS_HIRED = 4_000
LEFT_SHARE, JOINED_SHARE, MOVED_SHARE = 0.01, 0.02, 0.02


@dataclass(slots=True)
class Person:
    """One employee of the demo. `manager` and `earlier_manager` are indexes in Company.people.

    An employee who moved was in `earlier_department` until Company.moved_at; a leaver left at `left_at`.
    """

    department: str
    manager: int | None
    office: str
    staff_no: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    hired_at: datetime | None = None
    left_at: datetime | None = None
    earlier_manager: int | None = None
    earlier_department: str = ""
    team: int = 0
    teams: int = 0
    height: int = 0

    @property
    def time_zone(self) -> str:
        """IANA name, or empty for the company's."""
        return OFFICES[self.office][1]


@dataclass
class Company:
    """The employees, managers before their reports, and the indexes in `people` of the demo's users."""

    people: list[Person]
    moved_at: datetime
    manager: int = 0
    at_99: int = 0
    hr: list[int] = field(default_factory=list)

    @property
    def shown(self) -> set[int]:
        """The indexes of the demo's users."""
        return {self.manager, self.at_99, *self.hr}


def plan_company(size: int, seed: int, calendar: Calendar, *, domain: str, time_zone: str) -> Company:
    """A company of `size` employees (LEAST_EMPLOYEES or more) with addresses at `domain`.

    `time_zone` is the zone whose midnights start and end employments.
    """
    rng = Random(f"company {seed}")  # noqa: S311 # nosec B311 # invented people, no secrets
    people = list(_tree(size, rng))
    _count_teams(people)
    company = Company(people, start_of_day(calendar.part(0.4), time_zone))
    _name_employees(people, rng, seed, domain)
    _choose_shown(company)
    _give_histories(company, rng, calendar, time_zone)
    return company


# -- the tree ------------------------------------------------------------------------------------------------------


def _tree(size: int, rng: Random) -> Iterator[Person]:
    """The root, then each department in turn, managers before their reports."""
    yield Person(EXECUTIVE, None, "shanghai")
    place = 1
    for (name, _, office), members in _departments(size - 1):
        levels = _deep_levels(members) if name == "Sales" else _wide_levels(members)
        for person in _group(name, office, place, 0, members - 1, levels, rng):
            yield person
            place += 1


def _departments(members: int) -> list[tuple[tuple[str, float, str], int]]:
    """The departments of a company of this size, with two or more people each; their sizes add up to `members`."""
    departments = [department for department in DEPARTMENTS if department[1] * members >= 2]
    if not any(name == HUMAN_RESOURCES for name, _, _ in departments):
        departments.append(next(department for department in DEPARTMENTS if department[0] == HUMAN_RESOURCES))
    whole = sum(share for _, share, _ in departments)
    sizes = [max(2, int(members * share / whole)) for _, share, _ in departments]
    sizes[0] += members - sum(sizes)
    return list(zip(departments, sizes, strict=True))


def _deep_levels(members: int) -> int:
    """The levels below the head of a department that should reach depth six as soon as it is large enough."""
    possible = int(log(max(members / 3, 1), 2)) + 1
    return min(possible, 5 + (members >= 1_000) + (members >= 8_000))


def _wide_levels(members: int) -> int:
    return max(1, round(log(max(members / TEAM, 1), 5)) + 1)


def _group(
    department: str, office: str, place: int, manager: int | None, below: int, levels: int, rng: Random
) -> Iterator[Person]:
    """A manager at `place` with `below` people: `levels` levels in the largest branch."""
    yield Person(department, manager, office)
    if levels <= 1 or below < max(levels, FLAT if levels < 3 else 0):
        for _ in range(below):
            yield Person(department, place, office)
        return
    leads = max(2 if below > levels + 2 else 1, round((below / TEAM) ** (1 / (levels - 1))))
    leads = min(leads, below // 2)
    next_place = place + 1
    for number, members in enumerate(_uneven(below, leads, rng)):
        part, where = department, office
        if department == "Sales" and leads > 1:
            part, where = REGIONS[number % len(REGIONS)]
        deep = levels - 1 if number == 0 else min(levels - 1, _deep_levels(members))
        yield from _group(part, where, next_place, place, members - 1, deep, rng)
        next_place += members


def _uneven(whole: int, parts: int, rng: Random) -> list[int]:
    """`whole` in `parts` uneven parts of one or more, the largest first."""
    weights = [0.6 + rng.random() for _ in range(parts)]
    sizes = [1 + int((whole - parts) * weight / sum(weights)) for weight in weights]
    for spare in range(whole - sum(sizes)):
        sizes[spare % parts] += 1
    return sorted(sizes, reverse=True)


def _count_teams(people: list[Person]) -> None:
    """Fill `team` (all people below), `teams` (reports with reports) and `height` (levels below), leaves first."""
    for person in reversed(people):
        if person.manager is not None:
            above = people[person.manager]
            above.team += person.team + 1
            above.teams += person.team > 0
            above.height = max(above.height, person.height + 1)


# -- people --------------------------------------------------------------------------------------------------------


def _name_employees(people: list[Person], rng: Random, seed: int, domain: str) -> None:
    """Give names, unique addresses, staff numbers independent of departments, and phones to two in three."""
    numbers = list(range(2, len(people) + 1))
    rng.shuffle(numbers)
    digits, name_counts = max(5, len(str(len(people)))), Counter[str]()
    for person, number in zip(people, [1, *numbers], strict=True):
        chinese, _, _, prefix = OFFICES[person.office]
        name, given, family = full_name(rng.getrandbits(20), rng.random() >= chinese)
        local = f"{given}.{family}"
        name_counts[local] += 1
        person.staff_no, person.name = f"E{number:0{digits}}", name
        person.email = f"{local}{name_counts[local] if name_counts[local] > 1 else ''}@{domain}"
        person.phone = phone_number(prefix, number + seed * 1_009) if rng.random() < 0.66 else ""


def _choose_shown(company: Company) -> None:
    """Choose a manager of a suitable team with sub-teams, an employee deep in that team, and two HR users."""
    people = company.people

    def fitness(place: int) -> tuple[bool, bool, bool, bool, float]:
        person = people[place]
        wrong_size, few, flat = (
            not SHOWN_LEAST <= person.team <= SHOWN_MOST,
            person.teams < SHOWN_TEAMS,
            person.height < SHOWN_LEVELS,
        )
        return person.teams < 2, wrong_size, few, flat, abs(log(person.team / SHOWN_TEAM))

    company.manager = min((place for place, person in enumerate(people) if person.team), key=fitness)
    last = company.manager + people[company.manager].team
    hr = [place for place, person in enumerate(people) if person.department == HUMAN_RESOURCES]
    # The tree is in preorder, so a team is the range of indexes after its manager.
    team = [place for place in range(company.manager + 1, last + 1) if not people[place].team]
    company.at_99 = max((place for place in team if place not in hr), key=lambda place: _depth(people, place))
    company.hr = [place for place in hr if place not in (company.manager, company.at_99)][:2]


def _depth(people: list[Person], place: int) -> int:
    depth, above = 0, people[place].manager
    while above is not None:
        depth, above = depth + 1, people[above].manager
    return depth


def _give_histories(company: Company, rng: Random, calendar: Calendar, time_zone: str) -> None:
    """Set when people were hired; a few left, joined or moved to another team since the opening."""
    shown, people = company.shown, company.people
    leads = sorted({person.manager for person in people if person.manager is not None and not person.team})
    length = (calendar.today - calendar.opens_on).days
    for place, person in enumerate(people):
        hired_on = calendar.opens_on - timedelta(days=30 + int(rng.random() * DAYS_HIRED))
        fate, days, lead = rng.random(), 1 + int(rng.random() * length * 0.6), rng.choice(leads)
        if not person.team and place not in shown:
            if fate < LEFT_SHARE:
                person.left_at = start_of_day(calendar.opens_on + timedelta(days=days), time_zone)
            elif fate < LEFT_SHARE + JOINED_SHARE:
                hired_on = calendar.opens_on + timedelta(days=days)
            elif fate < LEFT_SHARE + JOINED_SHARE + MOVED_SHARE and lead != person.manager:
                person.earlier_manager, person.earlier_department = lead, people[lead].department
        person.hired_at = start_of_day(hired_on, time_zone)
