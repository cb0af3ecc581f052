"""Employees with equal standing, counted together, and what follows for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

from apps.campaigns import rules


class StandingBucket(NamedTuple):
    counted: int
    target: int
    exempt: bool
    people: int

    @property
    def red(self) -> bool:
        return rules.is_red(self.counted, self.target, self.exempt)

    @property
    def at_target(self) -> bool:
        return self.counted >= self.target

    @property
    def remaining(self) -> int:
        """Contacts that each of them has left to the target; 0 for the exempt."""
        return 0 if self.exempt else rules.remaining(self.counted, self.target)


def headcount(buckets: Iterable[StandingBucket]) -> int:
    return sum(bucket.people for bucket in buckets)


def contacts_counted(buckets: Iterable[StandingBucket]) -> int:
    return sum(bucket.people * bucket.counted for bucket in buckets)


def contacts_wanted(buckets: Iterable[StandingBucket]) -> int:
    """The sum of the targets, without those of the exempt."""
    return sum(bucket.people * bucket.target for bucket in buckets if not bucket.exempt)


def contacts_remaining(buckets: Iterable[StandingBucket]) -> int:
    return sum(bucket.people * bucket.remaining for bucket in buckets)


def quantile(buckets: Sequence[StandingBucket], share: float) -> int:
    """The smallest counted that at least this share of the people does not exceed, as percentile_disc; 0 without
    people.
    """
    wanted, seen = max(ceil(share * headcount(buckets)), 1), 0
    for bucket in sorted(buckets):
        seen += bucket.people
        if seen >= wanted:
            return bucket.counted
    return 0
