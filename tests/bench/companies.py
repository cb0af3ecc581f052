"""The company of the page measurements: twelve levels deep, evaluated, with some employees signed in."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench import seeding
from tests.bench.running import Bench, say

DEPTH = 12


@dataclass(frozen=True)
class Readers:
    """Sessions: of employees without a team by staff number, of managers by team size, of one HR user."""

    people: dict[str, str]
    leaders: dict[int, tuple[str, str]]
    hr: str


def company(bench: Bench, *, people: int, contacts: int) -> None:
    """Ensure that this company is in the database; one that another family left unchanged is reused."""
    mark = f"{people} people, {contacts} contacts"
    if bench.database.one(f"SELECT obj_description('{seeding.MARKED}'::regclass)") == mark:
        return
    say(f"A company of {mark}")
    seeding.start_company(bench.database, employees=people, contacts=contacts, depth=DEPTH)
    bench.judge_company(people)
    with bench.database.as_owner() as cursor:
        cursor.execute(f"COMMENT ON TABLE {seeding.MARKED} IS '{mark}'")


def spoil(bench: Bench) -> None:
    """Record that the company is no longer in its original state."""
    with bench.database.as_owner() as cursor:
        cursor.execute(f"COMMENT ON TABLE {seeding.MARKED} IS NULL")


def readers(bench: Bench, people: int, *teams: int) -> Readers:
    """So many people and, for each size of team, a manager of at least that: signed in."""
    result = bench.process("readers", people, *teams)
    leaders = {int(size): (staff_no, session) for size, (staff_no, session) in result["leaders"].items()}
    return Readers(result["people"], leaders, result["hr"])
