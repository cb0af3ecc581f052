"""What a campaign has counted by person and day, and the counts of an instant that a forecast needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

# A silence of the whole company of this many days is an outage or a closure, where so many contacts a day are usual.
SILENT_DAYS = 3
USUAL_PER_DAY = 3
# The recent pace is that of the last quarter of the time, in whole weeks, because weekdays differ.
RECENT_PART = 0.25
# More than this many times what a person records on an active day is a file: a single event, not a pace.
FILE_FACTOR = 3


@dataclass(frozen=True)
class History:
    """Counted contacts by person and day, from day 0 on; every person is listed, also without contacts.

    `length`: the days of the period as planned at that time.
    """

    length: int
    # The key of a person is a number or a text.
    days: Mapping[Any, Mapping[int, int]]
    targets: Mapping[Any, int]

    def sample(self, size: int) -> History:
        """About `size` people, the same ones at each call."""
        step = -(-len(self.days) // size)
        return replace(self, days=dict(list(self.days.items())[::step])) if step > 1 else self


class Counts(NamedTuple):
    """One person's counts: all; with files cut to a large day; and the recent pace of these, over the elapsed time."""

    counted: int
    steady: int
    recent: float


@dataclass(frozen=True)
class Snapshot:
    """The counts of all people after some days, in the order of the history.

    `elapsed`: the days gone without outages. `counted` and `recent`: the company's sums with files, so far and at the
    recent pace. `centre`: where in the elapsed time the contacts lie, 0.5 for a constant pace.
    """

    people: list[Counts]
    elapsed: int
    remaining: int
    counted: int
    recent: float
    centre: float

    @property
    def horizon(self) -> float:
        """The time that remains, in parts of the time that has gone."""
        return self.remaining / self.elapsed


@dataclass(frozen=True)
class Frame:
    """What one person's counts need to know of all, after `gone` days.

    `elapsed`: the days gone without outages. `begins`: the first day of the recent pace. `recent_factor` brings that
    pace to the elapsed time. `file_size`: more than this on a day is a file.
    """

    gone: int
    elapsed: int
    begins: int
    recent_factor: float
    file_size: int

    def counts(self, days: Iterable[tuple[int, int]]) -> Counts:
        """One person's counts, from the days that had gone."""
        counted = steady = recent = 0
        for day, count in days:
            if day < self.gone:
                counted += count
                usual = count if count < self.file_size else self.file_size
                steady += usual
                if day >= self.begins:
                    recent += usual
        return Counts(counted, steady, recent * self.recent_factor)

    def snapshot(self, totals: list[int], people: list[Counts], length: int) -> Snapshot:
        """`totals`: the sums by day that have gone. `length`: the days of the period."""
        counted, working = sum(totals), _working_days(totals)
        place = sum(totals[day] * (index + 0.5) for index, day in enumerate(working))
        return Snapshot(
            people,
            self.elapsed,
            max(length - self.gone, 0),
            counted,
            sum(totals[self.begins :]) * self.recent_factor,
            place / counted / self.elapsed if counted else 0.5,
        )


def frame_of(totals: list[int], person_days: int) -> Frame:
    """`totals`: all contacts by day that has gone. `person_days`: on how many days of persons these were recorded."""
    working = _working_days(totals)
    elapsed = max(len(working), 1)
    window = min(max(round(elapsed * RECENT_PART / 7), 1) * 7, elapsed)
    return Frame(
        gone=len(totals),
        elapsed=elapsed,
        begins=working[-window] if working else 0,
        recent_factor=elapsed / window,
        file_size=max(FILE_FACTOR * sum(totals) // max(person_days, 1), FILE_FACTOR),
    )


def take_snapshot(history: History, gone: int) -> Snapshot:
    """The state after `gone` days, from what was counted until then."""
    totals, person_days = [0] * gone, 0
    for days in history.days.values():
        for day, count in days.items():
            if day < gone:
                totals[day] += count
                person_days += 1
    frame = frame_of(totals, person_days)
    people = [frame.counts(days.items()) for days in history.days.values()]
    return frame.snapshot(totals, people, history.length)


def _working_days(totals: list[int]) -> list[int]:
    """The days without those before a late start, and without outages.

    A silence that has not ended yet is kept: nothing shows that it will end.
    """
    active = [total for total in totals if total]
    if not active or sum(totals) < USUAL_PER_DAY * len(active):
        return list(range(len(totals)))
    working: list[int] = []
    silence: list[int] = []
    for day, total in enumerate(totals):
        if not total:
            silence.append(day)
            continue
        if working and len(silence) < SILENT_DAYS:
            working += silence
        silence = []
        working.append(day)
    return working + silence
