"""Rows that are refused with their manager: the cause is named once, at its line, with how many depend on it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from apps.roster.parser import Reject

UNKNOWN, BELOW = "unknown_manager", "manager_rejected"
Person = tuple[int, str, str]


def explained(rejects: Iterable[Reject], people: Iterable[Person]) -> list[Reject]:
    """The rejects of a load, each with its true reason and the row that caused it.

    `people`: (line, number, name) of every row that is not loaded. A manager who stands in one of them is not unknown:
    that row is the cause. Of several rows with one manager whom nobody knows, the first is the cause.
    """
    rejects = sorted(rejects, key=lambda reject: reject.line)
    refused: dict[str, tuple[int, str]] = {}
    for line, staff_no, name in people:
        refused.setdefault(staff_no, (line, name))
    above: dict[int, int] = {}
    first: dict[str, int] = {}
    told: list[Reject] = []
    for reject in rejects:
        if reject.code == UNKNOWN:
            reject, cause = _of_manager(reject, refused, first)
            if cause != reject.line:
                above[reject.line] = cause
        told.append(reject)
    causes = {line: _top(line, above) for line in list(above)}
    dependents = Counter(causes.values())
    return [replace(one, cause=causes.get(one.line, 0), dependents=dependents[one.line]) for one in told]


def _of_manager(reject: Reject, refused: Mapping[str, tuple[int, str]], first: dict[str, int]) -> tuple[Reject, int]:
    """What is to be said of a row whose manager is not loaded, and the line that is to be named for it."""
    manager = reject.about
    if manager in refused:
        line, name = refused[manager]
        about = f"{name} ({manager}, line {line})"
        return replace(reject, code=BELOW, reason=f"the manager {about} is not loaded", about=about), line
    line = first.setdefault(manager, reject.line)
    return replace(reject, reason=f"no employee has the number {manager}"), line


def _top(line: int, above: dict[int, int]) -> int:
    """The row at the top of those that are refused for one another; the way there is shorter for the next one."""
    path = []
    while line in above:
        path.append(line)
        line = above[line]
    above |= dict.fromkeys(path, line)
    return line
