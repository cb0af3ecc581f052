"""People of the former campaign who had about as many contacts after the same share of its time."""

from __future__ import annotations

from apps.forecasts.model.history import History

# By tenths of the target; who had reached it is not listed.
TENTHS = 10
# Fewer people say little, and a small group would describe its members.
MIN_ALIKE = 10


def outcomes(former: History, gone: int) -> list[list[int]]:
    """By tenth of the target counted after `gone` days: how many people, and how many reached the target later."""
    tenths = [[0, 0] for _tenth in range(TENTHS)]
    for person, days in former.days.items():
        target = former.targets[person]
        counted = sum(count for day, count in days.items() if day < gone)
        if counted < target:
            tenth = tenths[counted * TENTHS // target]
            tenth[0] += 1
            tenth[1] += sum(days.values()) >= target
    return tenths


def share_that_reached(tenths: list[list[int]], counted: int, target: int) -> float | None:
    """The part of the people alike who reached the target; None where too few were alike."""
    if counted >= target or not tenths:
        return None
    people, reached = tenths[counted * TENTHS // target]
    return reached / people if people >= MIN_ALIKE else None
