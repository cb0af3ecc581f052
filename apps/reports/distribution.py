"""People who stand alike, counted together: from how many there are of each, what is said of them all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

from apps.campaigns import rules


class StandingBucket(NamedTuple):
    """So many people have this counted, target and exemption."""

    counted: int
    target: int
    exempt: bool
    people: int

    @property
    def red(self) -> bool:
        return rules.is_red(self.counted, self.target, self.exempt)

    @property
    def missing(self) -> int:
        """Contacts that one of them has to go; of the exempt none is asked."""
        return 0 if self.exempt else rules.remaining(self.counted, self.target)


def number(found: Iterable[StandingBucket]) -> int:
    """How many people they are."""
    return sum(one.people for one in found)


def counted(found: Iterable[StandingBucket]) -> int:
    return sum(one.people * one.counted for one in found)


def to_go(found: Iterable[StandingBucket]) -> int:
    return sum(one.people * one.missing for one in found)


def quantile(found: Sequence[StandingBucket], share: float) -> int:
    """The least counted that at least this share of them does not exceed, as percentile_disc has it; of nobody 0."""
    wanted, seen = max(ceil(share * number(found)), 1), 0
    for one in sorted(found):
        seen += one.people
        if seen >= wanted:
            return one.counted
    return 0
