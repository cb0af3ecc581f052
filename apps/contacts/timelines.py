"""Derive contacts from all rows of a trusted feed for one employee. Pure functions of the set of rows.

The order of the rows, their files and their repetition have no effect, because the result is always computed from all
of them (ADR 71).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from apps.contacts.drafts import Key


class Sighting(NamedTuple):
    """One row of a feed, or a stored contact: a person with these identities, present at an instant.

    `ended_at`: present at least until then. When it is None, the end comes from another sighting of the same contact.
    """

    keys: frozenset[Key]
    at: datetime
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None

    def covers(self, sighting: Sighting) -> bool:
        """Return whether `sighting` adds nothing to this one."""
        return (
            self.at == sighting.at
            and self.keys >= sighting.keys
            and earliest(self.confirmed_at, sighting.confirmed_at) == self.confirmed_at
            and latest(self.ended_at, sighting.ended_at) == self.ended_at
        )


class DerivedContact(NamedTuple):
    """One contact: from its first sighting to its end, with every identity that a sighting named."""

    keys: frozenset[Key]
    start: datetime
    confirmed_at: datetime | None
    end: datetime | None
    sightings: tuple[Sighting, ...]

    def overlaps(self, other: DerivedContact) -> bool:
        """Return whether both contacts share an instant; a contact that ends at its start contains that instant."""
        return (other.end is None or self.start < other.end or self.start == other.start) and (
            self.end is None or other.start < self.end or self.start == other.start
        )

    @property
    def claims(self) -> dict[Key, datetime]:
        """Return from when each identity was named: the first sighting with it."""
        # Latest first: the dict keeps the last value written for a key, which is then the earliest instant.
        latest_first = sorted(self.sightings, key=attrgetter("at"), reverse=True)
        return {key: sighting.at for sighting in latest_first for key in sighting.keys}

    @property
    def is_plain(self) -> bool:
        """Return whether the contact alone contains everything that its sightings say."""
        return self.sightings == (Sighting(self.keys, self.start, self.confirmed_at, self.end),)


class SightingIndex:
    """Contacts by the instant and each identity of their sightings, and by identity.

    `contacts`: as `derive_contacts` returns them, by start, so that no two share a person's instant.
    """

    def __init__(self, contacts: Sequence[DerivedContact]):
        self._at: dict[tuple[datetime, Key], list[tuple[frozenset[Key], DerivedContact]]] = {}
        self._with_key: dict[Key, list[DerivedContact]] = {}
        for contact in contacts:
            for key in contact.keys:
                self._with_key.setdefault(key, []).append(contact)
            for sighting in contact.sightings:
                for key in sighting.keys:
                    self._at.setdefault((sighting.at, key), []).append((sighting.keys, contact))

    def contact_with(self, sighting: Sighting) -> DerivedContact:
        """Return the contact that contains this sighting."""
        # A superset, not an equal set: the sighting may have been dropped in favour of one that covers it.
        key = next(iter(sighting.keys))
        return next(contact for keys, contact in self._at[sighting.at, key] if keys >= sighting.keys)

    def overlaps(self, contact: DerivedContact) -> bool:
        """Return whether one of the contacts shares an identity and an instant with this one."""
        for key in contact.keys:
            same = self._with_key.get(key, [])
            # The last one that starts before it or with it, and the next one; those further away are apart in time.
            later = bisect_right(same, contact.start, key=attrgetter("start"))
            if any(match.overlaps(contact) for match in same[max(later - 1, 0) : later + 1]):
                return True
        return False


class KnownSightings:
    """Sightings by instant and identity: one that covers another has all its identities, so any of them finds it."""

    def __init__(self, sightings: Iterable[Sighting] = ()):
        self._known: dict[tuple[datetime, Key], list[Sighting]] = {}
        for sighting in sightings:
            self.add(sighting)

    def add(self, sighting: Sighting) -> None:
        for key in sighting.keys:
            self._known.setdefault((sighting.at, key), []).append(sighting)

    def cover(self, sighting: Sighting) -> bool:
        """Return whether one of them covers this sighting."""
        key = next(iter(sighting.keys))
        return any(known.covers(sighting) for known in self._known.get((sighting.at, key), ()))


def earliest(*times: datetime | None) -> datetime | None:
    """Return the earliest of the known times, None when there is none."""
    return min((time for time in times if time), default=None)


def latest(*times: datetime | None) -> datetime | None:
    """Return the latest of the known times, None when there is none."""
    return max((time for time in times if time), default=None)


def merge_sightings(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Merge sightings with the same identities at the same instant, and drop those that another sighting covers."""
    merged: dict[tuple[datetime, frozenset[Key]], Sighting] = {}
    for sighting in sightings:
        if same := merged.get((sighting.at, sighting.keys)):
            confirmed_at = earliest(same.confirmed_at, sighting.confirmed_at)
            sighting = sighting._replace(confirmed_at=confirmed_at, ended_at=latest(same.ended_at, sighting.ended_at))
        merged[sighting.at, sighting.keys] = sighting
    # A total order over the content: two files with the same rows must give the same result, whatever their order.
    ordered = sorted(merged.values(), key=lambda sighting: (sighting.at, len(sighting.keys), sorted(sighting.keys)))
    # Only a larger set of identities can cover a smaller one, and larger sets come later.
    uncovered, larger = list[Sighting](), KnownSightings()
    for sighting in reversed(ordered):
        if not larger.cover(sighting):
            uncovered.append(sighting)
            larger.add(sighting)
    return uncovered[::-1]


def split_at_gaps(sightings: Sequence[Sighting]) -> Iterator[list[Sighting]]:
    """Split one person's sightings, in order of time, at gaps: where a sighting is at or after the latest known end."""
    segment: list[Sighting] = []
    end: datetime | None = None
    # Simultaneous sightings stay together: their order is not an order of time.
    for at, simultaneous in groupby(sightings, key=attrgetter("at")):
        if end is not None and at >= end:
            yield segment
            segment, end = [], None
        group = list(simultaneous)
        segment += group
        end = latest(end, *(sighting.ended_at for sighting in group))
    if segment:
        yield segment


def derive_contacts(sightings: Iterable[Sighting]) -> list[DerivedContact]:
    """Return the contacts that these sightings describe, by start.

    Sightings belong to one person when they share an identity within one segment of that identity. A number that passed
    to another person in between therefore connects nothing.
    """
    people = _people(merge_sightings(sightings))
    contacts = [_derive_contact(segment) for person in people for segment in split_at_gaps(person)]
    return sorted(_merge_overlapping(contacts), key=lambda contact: (contact.start, sorted(contact.keys)))


def _people(sightings: Sequence[Sighting]) -> list[list[Sighting]]:
    """Group the sightings by person, each person's in order of time."""
    # Union-find: all sightings of one segment of an identity get the same root.
    root = list(range(len(sightings)))

    def find(n: int) -> int:
        while root[n] != n:
            # Path halving keeps the trees flat: one person may have thousands of sightings.
            root[n] = root[root[n]]
            n = root[n]
        return n

    with_key: dict[Key, list[Sighting]] = {}
    for sighting in sightings:
        for key in sighting.keys:
            with_key.setdefault(key, []).append(sighting)
    # By object: hashing a sighting hashes all its digests.
    position = {id(sighting): n for n, sighting in enumerate(sightings)}
    for same_key in with_key.values():
        for segment in split_at_gaps(same_key):
            first = find(position[id(segment[0])])
            for sighting in segment[1:]:
                root[find(position[id(sighting)])] = first
    people: dict[int, list[Sighting]] = {}
    for n, sighting in enumerate(sightings):
        people.setdefault(find(n), []).append(sighting)
    return list(people.values())


def _derive_contact(segment: Sequence[Sighting]) -> DerivedContact:
    keys = frozenset().union(*(sighting.keys for sighting in segment))
    confirmed_at = earliest(*(sighting.confirmed_at for sighting in segment))
    end = latest(*(sighting.ended_at for sighting in segment))
    return DerivedContact(keys, segment[0].at, confirmed_at, end, tuple(segment))


def _merge_overlapping(contacts: list[DerivedContact]) -> list[DerivedContact]:
    """Merge contacts that share an identity at one instant until none do: a person has one contact at a time."""
    merged: dict[int, DerivedContact] = {}
    # By start. Contacts with one identity share no instant, so only the newest can share one with a later contact.
    with_key: dict[Key, list[DerivedContact]] = {}
    for contact in sorted(contacts, key=attrgetter("start")):
        # With more identities and an earlier start, the merged contact may match another one.
        while match := next(
            (same[-1] for key in contact.keys if (same := with_key.get(key)) and same[-1].overlaps(contact)), None
        ):
            del merged[id(match)]
            for key in match.keys:
                same = with_key[key]
                if same[-1] is match:
                    same.pop()
                else:
                    same.remove(match)
            contact = _merge_pair(contact, match)
        merged[id(contact)] = contact
        for key in contact.keys:
            with_key.setdefault(key, []).append(contact)
    # Once for each contact: one that takes over a thousand others would otherwise sort its sightings each time.
    return [contact._replace(sightings=tuple(merge_sightings(contact.sightings))) for contact in merged.values()]


def _merge_pair(first: DerivedContact, second: DerivedContact) -> DerivedContact:
    return DerivedContact(
        first.keys | second.keys, min(first.start, second.start), earliest(first.confirmed_at, second.confirmed_at),
        # Unlike `latest`: None is no end here, so it is later than every instant.
        None if first.end is None or second.end is None else max(first.end, second.end),
        first.sightings + second.sightings,
    )  # fmt: skip
