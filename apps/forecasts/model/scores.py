"""How right probabilities and intervals were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

BINS = 10
# With fewer people on one side, skill and calibration are chance.
MIN_EVENTS = 10


class Bin(NamedTuple):
    """A line of the reliability table: forecasts of about one probability, their mean, and how many came true."""

    people: int
    forecast: float
    observed: float


def brier_score(chances: Sequence[float], reached: Sequence[bool]) -> float:
    """The mean square of the difference: 0 is perfect."""
    return sum((chance - result) ** 2 for chance, result in zip(chances, reached, strict=True)) / max(len(chances), 1)


def skill(score: float, reference: float) -> float | None:
    """The part of the reference's Brier score that is avoided: 0 is as good as the reference, 1 perfect."""
    return 1 - score / reference if reference else None


def reliability(chances: Sequence[float], reached: Sequence[bool]) -> list[Bin]:
    """The bins of equal width that have people, in ascending order."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for chance, result in zip(chances, reached, strict=True):
        bins.setdefault(min(int(chance * BINS), BINS - 1), []).append((chance, result))
    return [
        Bin(len(pairs), sum(c for c, _ in pairs) / len(pairs), sum(r for _, r in pairs) / len(pairs))
        for _number, pairs in sorted(bins.items())
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """The expected calibration error: the mean distance of forecast and observed share, by people."""
    people = sum(each.people for each in bins)
    return sum(each.people * abs(each.forecast - each.observed) for each in bins) / max(people, 1)
