"""Derive contacts from all rows of a trusted feed for one employee. Pure functions of the set of rows.

The order of the rows, their files and their repetition have no effect, because the result is always computed from all
of them (ADR 71).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

Key = tuple[str, bytes]


class Sighting(NamedTuple):
    """One row of a feed, or a stored contact: a person with these identities, present at an instant.

    `ended_at`: present at least until then. When it is None, the end comes from another sighting of the same stay.
    """

    keys: frozenset[Key]
    at: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None

    def covers(self, row: Sighting) -> bool:
        """Return whether `row` adds nothing to this sighting."""
        return (
            self.at == row.at
            and self.keys >= row.keys
            and earliest(self.confirmed_at, row.confirmed_at) == self.confirmed_at
            and latest(self.ended_at, row.ended_at) == self.ended_at
        )


class Stay(NamedTuple):
    """One contact: from its first sighting to its end, with every identity it was seen with."""

    keys: frozenset[Key]
    start: datetime
    confirmed_at: datetime | None
    end: datetime | None
    sightings: tuple[Sighting, ...]

    def overlaps(self, other: Stay) -> bool:
        """Return whether both stays share an instant; an empty stay contains its start."""
        return (other.end is None or self.start < other.end or self.start == other.start) and (
            self.end is None or other.start < self.end or self.start == other.start
        )

    @property
    def is_plain(self) -> bool:
        """Return whether the stay itself contains everything its sightings say."""
        return self.sightings == (Sighting(self.keys, self.start, self.confirmed_at, self.end),)


class Places:
    """Index from sightings to the stays they belong to."""

    def __init__(self, stays: Iterable[Stay]):
        self._at: dict[datetime, list[tuple[frozenset[Key], Stay]]] = {}
        for stay in stays:
            for one in stay.sightings:
                self._at.setdefault(one.at, []).append((one.keys, stay))

    def of(self, row: Sighting) -> Stay:
        """Return the stay that contains this sighting."""
        return next(stay for keys, stay in self._at[row.at] if keys >= row.keys)


def earliest(*times: datetime | None) -> datetime | None:
    """Return the earliest of the known times, None when there is none."""
    return min((time for time in times if time), default=None)


def latest(*times: datetime | None) -> datetime | None:
    """Return the latest of the known times, None when there is none."""
    return max((time for time in times if time), default=None)


def united(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Merge sightings with the same identities at the same instant, and drop those that another sighting covers."""
    by_what: dict[tuple[datetime, frozenset[Key]], Sighting] = {}
    for one in sightings:
        if known := by_what.get((one.at, one.keys)):
            confirmed_at = earliest(known.confirmed_at, one.confirmed_at)
            one = one._replace(confirmed_at=confirmed_at, ended_at=latest(known.ended_at, one.ended_at))
        by_what[one.at, one.keys] = one
    found = sorted(by_what.values(), key=lambda one: (one.at, len(one.keys), sorted(one.keys)))
    kept: list[Sighting] = []
    for _at, together in groupby(found, key=attrgetter("at")):
        group = list(together)
        kept += [one for n, one in enumerate(group) if not any(other.covers(one) for other in group[n + 1 :])]
    return kept


def runs(sightings: Sequence[Sighting]) -> Iterator[list[Sighting]]:
    """Split one person's sightings, in order of time, at gaps: where a sighting is at or after the latest known end."""
    run: list[Sighting] = []
    end: datetime | None = None
    for at, together in groupby(sightings, key=attrgetter("at")):
        if end is not None and at >= end:
            yield run
            run, end = [], None
        group = list(together)
        run += group
        end = latest(end, *(one.ended_at for one in group))
    if run:
        yield run


def stays_of(sightings: Iterable[Sighting]) -> list[Stay]:
    """Return the contacts that these sightings describe, by start.

    Sightings belong to one person when they share an identity during one run of that identity. A number that passed to
    another person in between therefore connects nothing.
    """
    rows = united(sightings)
    people = _people(rows)
    stays = [_stay(run) for person in people for run in runs(person)]
    return sorted(_joined(stays), key=lambda stay: (stay.start, sorted(stay.keys)))


def _people(rows: Sequence[Sighting]) -> list[list[Sighting]]:
    """Group the rows by person, each person's rows in order of time."""
    # Union-find: all rows of one run of an identity get the same root.
    root = list(range(len(rows)))

    def find(n: int) -> int:
        while root[n] != n:
            root[n] = root[root[n]]
            n = root[n]
        return n

    place = {id(row): n for n, row in enumerate(rows)}
    with_key: dict[Key, list[Sighting]] = {}
    for row in rows:
        for key in row.keys:
            with_key.setdefault(key, []).append(row)
    for held in with_key.values():
        for run in runs(held):
            first = find(place[id(run[0])])
            for row in run[1:]:
                root[find(place[id(row)])] = first
    people: dict[int, list[Sighting]] = {}
    for n, row in enumerate(rows):
        people.setdefault(find(n), []).append(row)
    return list(people.values())


def _stay(run: Sequence[Sighting]) -> Stay:
    keys = frozenset().union(*(one.keys for one in run))
    confirmed_at, end = earliest(*(one.confirmed_at for one in run)), latest(*(one.ended_at for one in run))
    return Stay(keys, run[0].at, confirmed_at, end, tuple(run))


def _joined(stays: list[Stay]) -> list[Stay]:
    """Merge stays that share an identity at one instant until none do: a person has at most one contact at a time."""
    open_now: list[Stay] = []
    over: list[Stay] = []
    for stay in sorted(stays, key=attrgetter("start")):
        over += [one for one in open_now if not one.overlaps(stay)]
        open_now = [one for one in open_now if one.overlaps(stay)]
        while meets := next((one for one in open_now if one.keys & stay.keys and one.overlaps(stay)), None):
            open_now.remove(meets)
            stay = _both(stay, meets)
            # With more identities and an earlier start, the merged stay may match one that was already over.
            open_now, over = open_now + over, []
        open_now.append(stay)
    return over + open_now


def _both(one: Stay, other: Stay) -> Stay:
    return Stay(
        one.keys | other.keys, min(one.start, other.start), earliest(one.confirmed_at, other.confirmed_at),
        None if one.end is None or other.end is None else max(one.end, other.end),
        tuple(united((*one.sightings, *other.sightings))),
    )  # fmt: skip
