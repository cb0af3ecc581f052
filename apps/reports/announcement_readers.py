"""How many employees have read an announcement, by department, for HR: never who has or has not (ADR 82)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apps.campaigns.models import Announcement, CampaignRule
from apps.core.sql import fetch_all, statement
from apps.reports.small_groups import MIN_GROUP_SIZE, suppressed_groups

READERS_BY_DEPARTMENT = statement("reports", "announcement_readers", "readers_by_department")


@dataclass(frozen=True)
class Readers:
    """A group of `people`, of whom at least `at_least` have read the text. `department` is None for all others."""

    department: str | None
    people: int
    at_least: int


@dataclass(frozen=True)
class ReaderFigures:
    total: Readers
    groups: list[Readers]


def reader_figures(announcement: Announcement, rule: CampaignRule) -> ReaderFigures | None:
    """The figures of today's employees in the campaign; None for fewer than MIN_GROUP_SIZE people."""
    parameters = {"announcement": announcement.pk, "scope": rule.scope}
    rows = fetch_all(READERS_BY_DEPARTMENT, parameters)
    return figures_of({department: (people, read) for department, people, read in rows})


def figures_of(departments: Mapping[str, tuple[int, int]]) -> ReaderFigures | None:
    """The figures from (people, how many of them have read) by department: small departments in one group."""
    total = (sum(people for people, _read in departments.values()), sum(read for _people, read in departments.values()))
    if total[0] < MIN_GROUP_SIZE:
        return None
    suppressed = suppressed_groups({department: people for department, (people, _read) in departments.items()})
    groups = [
        Readers(department, people, at_least(read, people))
        for department, (people, read) in departments.items()
        if department not in suppressed
    ]
    if suppressed:
        people = sum(departments[department][0] for department in suppressed)
        read = sum(departments[department][1] for department in suppressed)
        groups.append(Readers(None, people, at_least(read, people)))
    return ReaderFigures(Readers(None, total[0], at_least(total[1], total[0])), groups)


def at_least(read: int, people: int) -> int:
    """A number that at least have read, in steps of MIN_GROUP_SIZE and never all of them.

    An exact number would name people: that of a group of whom all or none have read, the difference of two groups, or
    the change while one person reads.
    """
    return min(read, people - 1) // MIN_GROUP_SIZE * MIN_GROUP_SIZE
