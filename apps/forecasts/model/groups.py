"""The expected number of people at the target, and an interval that covers what all of them share."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

from apps.forecasts.model.history import Counts
from apps.forecasts.model.model import NODES, Model

# Up to this many people with an open result the distribution of their number is calculated exactly.
MAX_EXACT = 150
INTERVAL = 0.8


class Expected(NamedTuple):
    """How many people end at the target: the expected number, and the ends of the 80 % interval."""

    number: float
    low: int
    high: int


def expected_number(model: Model, people: Iterable[tuple[Counts, int]]) -> Expected:
    """`people`: the counts and target of each person of the group."""
    chances = [model.chances_by_node(counts, target) for counts, target in people]
    certain = sum(nodes[0] >= 1 for nodes in chances)
    still_open = [nodes for nodes in chances if nodes[0] < 1]
    number = sum(weight * sum(nodes[i] for nodes in still_open) for i, (_node, weight) in enumerate(NODES))
    cumulative = [0.0] * (len(still_open) + 1)
    for i, (_node, weight) in enumerate(NODES):
        for reached, probability in enumerate(_cumulative([nodes[i] for nodes in still_open])):
            cumulative[reached] += weight * probability
    low, high = _interval(cumulative)
    return Expected(certain + number, certain + low, certain + high)


def _cumulative(chances: list[float]) -> list[float]:
    """The probabilities that at most 0, 1, 2 ... of independent events happen."""
    if len(chances) > MAX_EXACT:
        mean = sum(chances)
        deviation = sqrt(sum(chance * (1 - chance) for chance in chances)) or 1e-9
        normal = NormalDist(mean, deviation)
        return [normal.cdf(number + 0.5) for number in range(len(chances))] + [1.0]
    probabilities = [1.0]
    for chance in chances:
        more = [0.0, *(chance * probability for probability in probabilities)]
        fewer = [*((1 - chance) * probability for probability in probabilities), 0.0]
        probabilities = [up + same for up, same in zip(more, fewer, strict=True)]
    total, cumulative = 0.0, []
    for probability in probabilities:
        total += probability
        cumulative.append(total)
    return cumulative


def _interval(cumulative: list[float]) -> tuple[int, int]:
    """The central interval whose probability is nearest to 80 %: numbers are whole, so it is seldom exact."""
    tail = (1 - INTERVAL) / 2

    def first(level: float) -> int:
        return next((number for number, total in enumerate(cumulative) if total >= level), len(cumulative) - 1)

    low, high = first(tail), first(1 - tail)
    candidates = [(a, b) for a in (low, low + 1) for b in (high - 1, high) if 0 <= a <= b]

    def distance(ends: tuple[int, int]) -> float:
        below = cumulative[ends[0] - 1] if ends[0] else 0.0
        return abs(cumulative[ends[1]] - below - INTERVAL)

    return min(candidates or [(low, high)], key=distance)
