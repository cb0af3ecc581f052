"""Rejects caused by an unknown or rejected manager: one cause with its line and number of dependents. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

from apps.roster.parser import Reject

UNKNOWN, BELOW = "unknown_manager", "manager_rejected"
Person = tuple[int, str, str]


def with_causes(rejects: Iterable[Reject], people: Iterable[Person]) -> list[Reject]:
    """Return the rejects of a load, each with its actual reason and the line that caused it.

    `people`: (line, number, name) of every row that is not loaded. A manager in one of these rows is not unknown: that
    row is the cause. Of several rows with the same unknown manager, the first is the cause.
    """
    rejects = sorted(rejects, key=lambda reject: reject.line)
    unloaded: dict[str, tuple[int, str]] = {}
    for line, staff_no, name in people:
        # The first row of a number is the cause, as for unknown managers.
        unloaded.setdefault(staff_no, (line, name))
    cause_of_line: dict[int, int] = {}
    first: dict[str, int] = {}
    rejects_with_causes: list[Reject] = []
    for reject in rejects:
        if reject.code == UNKNOWN:
            reject, cause = _reject_of_manager(reject, unloaded, first)
            if cause != reject.line:
                cause_of_line[reject.line] = cause
        rejects_with_causes.append(reject)
    causes = {line: _first_cause(line, cause_of_line) for line in list(cause_of_line)}
    dependents = Counter(causes.values())
    return [
        replace(reject, cause=causes.get(reject.line, 0), dependents=dependents[reject.line])
        for reject in rejects_with_causes
    ]


def _reject_of_manager(
    reject: Reject, unloaded: Mapping[str, tuple[int, str]], first: dict[str, int]
) -> tuple[Reject, int]:
    """The reject of a row whose manager is not loaded, with its reason, and the line that caused it."""
    manager = reject.about
    if manager in unloaded:
        line, name = unloaded[manager]
        about = f"{name} ({manager}, line {line})"
        return replace(reject, code=BELOW, reason=f"the manager {about} is not loaded", about=about), line
    line = first.setdefault(manager, reject.line)
    return replace(reject, reason=f"no employee has the number {manager}"), line


def _first_cause(line: int, cause_of_line: dict[int, int]) -> int:
    """Follow the causes to the first one; compress the path for later calls."""
    path = []
    while line in cause_of_line:
        path.append(line)
        line = cause_of_line[line]
    # Otherwise a chain of a hundred thousand rows would be walked once for each of them.
    cause_of_line |= dict.fromkeys(path, line)
    return line
