"""The demo company: departments, an org tree, and employees with names, addresses and histories.

Everything follows from (size, seed, calendar); nothing here uses a database.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import ceil
from random import Random

from apps.demo.calendar import Calendar
from apps.demo.names import DEPARTMENTS, EXECUTIVE, HUMAN_RESOURCES, OFFICES, REGIONS, SALES, draw_name

MIN_EMPLOYEES = 10
# One employee in so many is a manager.
TEAM = 6
# The team of the demo's manager: a suitable size, with enough sub-teams to compare.
SHOWN_TEAM, SHOWN_MIN, SHOWN_MAX, SHOWN_SUB_TEAMS = 60, 30, 150, 4
MAX_DAYS_HIRED = 4_000
# One employee in so many joined since the opening, as many left, and as many moved.
ONE_IN = 50


@dataclass(slots=True)
class Person:
    """One employee of the demo. `manager` and `earlier_manager` are indexes in Company.people.

    `team` counts the people below. An employee who moved was below `earlier_manager` until Company.moved_on; `left_on`
    is a leaver's last day.
    """

    department: str
    manager: int | None
    office: str
    team: int = 0
    staff_no: str = ""
    name: str = ""
    email: str = ""
    phone: str = ""
    hired_on: date = date.min
    left_on: date | None = None
    earlier_manager: int | None = None


@dataclass
class Company:
    """The employees, managers before their reports, and the indexes in `people` of the demo's users."""

    people: list[Person]
    moved_on: date
    manager: int = 0
    at_99: int = 0
    hr: list[int] = field(default_factory=list)

    @property
    def others(self) -> list[int]:
        """The indexes of the employees without a team who are no users of the demo."""
        users = {self.at_99, *self.hr}
        return [index for index, person in enumerate(self.people) if not person.team and index not in users]


def plan_company(size: int, seed: int, calendar: Calendar, domain: str) -> Company:
    """A company of `size` employees (MIN_EMPLOYEES or more) with addresses at `domain`."""
    rng = Random(f"company {seed}")  # noqa: S311 # nosec B311 # invented people, no secrets
    company = Company(_tree(size, rng), calendar.opens_on + timedelta(days=int(calendar.days_gone * 0.4)))
    _name_employees(company.people, rng, domain)
    _choose_users(company)
    _give_histories(company, rng, calendar)
    return company


def _tree(size: int, rng: Random) -> list[Person]:
    sizes = {name: int(share * (size - 1)) for name, share in DEPARTMENTS.items()}
    # A small company lacks the small departments, but two of its employees are the demo's HR users.
    sizes = {name: members for name, members in sizes.items() if members >= 2} | {
        HUMAN_RESOURCES: max(2, sizes[HUMAN_RESOURCES])
    }
    sizes[SALES] += size - 1 - sum(sizes.values())
    people = [Person(EXECUTIVE, None, "shanghai")]
    for department, members in sizes.items():
        head, leads = len(people), max(1, members // TEAM)
        # Sales is deeper than the others: a deep tree shows what a flat one does not.
        span = max(2 if department == SALES else 5, round(leads**0.25))
        people.append(Person(department, 0, "shanghai"))
        for number in range(1, members):
            # The leads are a tree in which each has `span` leads below; every other employee reports to one of them.
            manager = head + ((number - 1) // span if number < leads else rng.randrange(leads))
            region = REGIONS[number % len(REGIONS)] if department == SALES and number <= span < leads else None
            place = region or (people[manager].department, people[manager].office)
            people.append(Person(place[0], manager, place[1]))
    for person in reversed(people):
        if person.manager is not None:
            people[person.manager].team += person.team + 1
    return people


def _name_employees(people: list[Person], rng: Random, domain: str) -> None:
    """Give names, unique addresses, staff numbers independent of departments, and phones to two in three."""
    numbers = list(range(2, len(people) + 1))
    rng.shuffle(numbers)
    digits, holders = max(5, len(str(len(people)))), Counter[str]()
    for person, number in zip(people, [1, *numbers], strict=True):
        chinese_share, _, prefix, free_digits = OFFICES[person.office]
        person.name, given, family = draw_name(rng, chinese_share)
        local = f"{given}.{family}"
        holders[local] += 1
        person.staff_no = f"E{number:0{digits}}"
        person.email = f"{local}{holders[local] if holders[local] > 1 else ''}@{domain}"
        if rng.random() < 0.66:
            # A factor without a common divisor with 10 gives each number another phone, in no visible order.
            person.phone = f"{prefix}{number * 7_368_787 % 10**free_digits:0{free_digits}}"


def _choose_users(company: Company) -> None:
    """Choose a manager of a suitable team with sub-teams, an employee deep in that team, and two HR users."""
    people = company.people
    sub_teams = Counter(person.manager for person in people if person.team)

    def misfit(index: int) -> tuple[bool, int, int]:
        team = people[index].team
        return not SHOWN_MIN <= team <= SHOWN_MAX, -min(sub_teams[index], SHOWN_SUB_TEAMS), abs(team - SHOWN_TEAM)

    hr = [index for index, person in enumerate(people) if person.department == HUMAN_RESOURCES]
    company.hr = hr[:2]
    company.manager = min((index for index, person in enumerate(people) if person.team and index not in hr), key=misfit)
    company.at_99 = company.manager
    while people[company.at_99].team:
        reports = (index for index, person in enumerate(people) if person.manager == company.at_99)
        company.at_99 = max(reports, key=lambda index: people[index].team)


def _give_histories(company: Company, rng: Random, calendar: Calendar) -> None:
    """Set when people were hired; a few joined, left or moved to another team since the opening."""
    people, others = company.people, company.others
    for person in people:
        person.hired_on = calendar.opens_on - timedelta(days=30 + rng.randrange(MAX_DAYS_HIRED))
    leads = [index for index, person in enumerate(people) if person.team]
    few, gone = ceil(len(people) / ONE_IN), calendar.days_gone
    rng.shuffle(others)
    for number, index in enumerate(others[: 3 * few]):
        person, day = people[index], calendar.opens_on + timedelta(days=rng.randint(gone // 3, gone - 2))
        if number % 3 == 0:
            person.hired_on = day
        elif number % 3 == 1:
            person.left_on = day
        elif (lead := rng.choice(leads)) != person.manager:
            person.earlier_manager = lead
