"""Rejects caused by an unknown or rejected manager: one cause with its line and number of dependents. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from apps.roster.parser import Reject

UNKNOWN, BELOW = "unknown_manager", "manager_rejected"
Person = tuple[int, str, str]


def explained(rejects: Iterable[Reject], people: Iterable[Person]) -> list[Reject]:
    """Return the rejects of a load, each with its actual reason and the line that caused it.

    `people`: (line, number, name) of every row that is not loaded. A manager in one of these rows is not unknown: that
    row is the cause. Of several rows with the same unknown manager, the first is the cause.
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
    """The reject of a row whose manager is not loaded, with its reason, and the line that caused it."""
    manager = reject.about
    if manager in refused:
        line, name = refused[manager]
        about = f"{name} ({manager}, line {line})"
        return replace(reject, code=BELOW, reason=f"the manager {about} is not loaded", about=about), line
    line = first.setdefault(manager, reject.line)
    return replace(reject, reason=f"no employee has the number {manager}"), line


def _top(line: int, above: dict[int, int]) -> int:
    """Follow the causes to the first one; compress the path for later calls."""
    path = []
    while line in above:
        path.append(line)
        line = above[line]
    above |= dict.fromkeys(path, line)
    return line
