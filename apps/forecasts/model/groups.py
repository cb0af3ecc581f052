"""The expected number of people at the target, and intervals that cover what all of them share."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from math import erfc, sqrt
from statistics import NormalDist
from typing import NamedTuple

from apps.forecasts.model.history import Counts
from apps.forecasts.model.model import NODES, Model

# Up to this many people with an open result the distribution of their number is calculated exactly: its time grows
# with their square. Above, the normal distribution of each node is near enough.
MAX_EXACT = 20
# Nearer to 0 or 1 a person's result is as good as known.
OPEN = 0.02
INTERVAL = 0.8
WEIGHTS = [weight for _node, weight in NODES]
# Values of the shared factor for a large group, and the probabilities of the cells around them.
OUTER = NODES[-1][0]
STEP = 0.6
GRID = [(STEP * i, NormalDist().cdf(STEP * (i + 0.5)) - NormalDist().cdf(STEP * (i - 0.5))) for i in range(-5, 6)]


class Expected(NamedTuple):
    """How many people end at the target: the expected number, and the ends of the 80 % interval."""

    number: float
    low: int
    high: int


def is_open(nodes: tuple[float, ...]) -> bool:
    """Whether the result of a person with these chances by node can be either."""
    return OPEN < sum(weight * chance for weight, chance in zip(WEIGHTS, nodes, strict=True)) < 1 - OPEN


class Crowd:
    """People in an order, by their chances for each node of the shared factor; any range of them is a group.

    Sums up to each person make the groups of a large company cheap, however many overlap.
    """

    def __init__(self, chances: Sequence[tuple[float, ...]]):
        self._chances = chances
        self._open = list(accumulate((nodes[0] < 1 for nodes in chances), initial=0))
        self._means, self._variances = [], []
        for i in range(len(NODES)):
            column = [nodes[i] if nodes[0] < 1 else 0.0 for nodes in chances]
            self._means.append(list(accumulate(column, initial=0.0)))
            self._variances.append(list(accumulate((chance * (1 - chance) for chance in column), initial=0.0)))

    def expected(self, begin: int, end: int) -> Expected:
        """The people at the positions from `begin` to just before `end`."""
        number = sum(weight * (means[end] - means[begin]) for weight, means in zip(WEIGHTS, self._means, strict=True))
        certain = end - begin - self._still_open(begin, end)
        low, high = _interval(self._cumulative(begin, end), end - begin - certain)
        return Expected(certain + number, certain + low, certain + high)

    def _still_open(self, begin: int, end: int) -> int:
        return self._open[end] - self._open[begin]

    def _cumulative(self, begin: int, end: int) -> Callable[[int], float]:
        """The probability that at most so many of the open people reach the target."""
        if self._still_open(begin, end) <= MAX_EXACT:
            still_open = [nodes for nodes in self._chances[begin:end] if nodes[0] < 1]
            return _exact(still_open).__getitem__
        means = [sums[end] - sums[begin] for sums in self._means]
        return _normal(means, [sums[end] - sums[begin] for sums in self._variances])


def expected_number(model: Model, people: Iterable[tuple[Counts, int]]) -> Expected:
    """`people`: the counts and target of each person of the group."""
    chances = [model.chances_by_node(counts, target) for counts, target in people]
    return Crowd(chances).expected(0, len(chances))


def quantiles(people: Mapping[tuple[float, ...], int], levels: Sequence[float]) -> tuple[int, ...]:
    """The number of people at the target at ascending `levels`. `people`: how many have which chances."""
    certain = sum(number for nodes, number in people.items() if nodes[0] >= 1)
    still_open = {nodes: number for nodes, number in people.items() if nodes[0] < 1}
    most = sum(still_open.values())
    cumulative: Callable[[int], float]
    if most <= MAX_EXACT:
        cumulative = _exact([nodes for nodes, number in still_open.items() for _person in range(number)]).__getitem__
    else:
        means = [sum(number * nodes[i] for nodes, number in still_open.items()) for i in range(len(NODES))]
        variances = [
            sum(number * nodes[i] * (1 - nodes[i]) for nodes, number in still_open.items()) for i in range(len(NODES))
        ]
        cumulative = _normal(means, variances)
    return tuple(certain + _first(cumulative, level, most) for level in levels)


def _normal(means: Sequence[float], variances: Sequence[float]) -> Callable[[int], float]:
    """The probability that at most so many reach the target; mean and variance are those of each node.

    In a large group what all share decides nearly alone: between the nodes both are interpolated, or the quantiles
    would lie at the nodes.
    """
    normals = []
    for at, weight in GRID:
        # The straight line of this half, also beyond its node.
        end, part = (0, -at / OUTER) if at < 0 else (2, at / OUTER)
        slope = (means[2] - means[1] if end else means[1] - means[0]) / OUTER
        mean = means[1] + part * (means[end] - means[1])
        variance = max(variances[1] + part * (variances[end] - variances[1]), 0.0)
        normals.append((weight / 2, mean, sqrt(2 * (variance + (slope * STEP) ** 2 / 12) + 1e-18)))
    return lambda number: sum([weight * erfc((mean - number - 0.5) / spread) for weight, mean, spread in normals])


def _exact(chances: list[tuple[float, ...]]) -> list[float]:
    """The probabilities that at most 0, 1, 2 ... of these people reach the target."""
    together = [0.0] * (len(chances) + 1)
    for i, weight in enumerate(WEIGHTS):
        probabilities = [1.0]
        for nodes in chances:
            yes, no = nodes[i], 1 - nodes[i]
            inner = [yes * up + no * same for up, same in pairwise(probabilities)]
            probabilities = [no * probabilities[0], *inner, yes * probabilities[-1]]
        for number, total in enumerate(accumulate(probabilities)):
            together[number] += weight * total
    return together


def _first(cumulative: Callable[[int], float], level: float, most: int) -> int:
    """The smallest number whose cumulative probability reaches the level."""
    return bisect_left(range(most), level, key=cumulative)


def _interval(cumulative: Callable[[int], float], most: int) -> tuple[int, int]:
    """The central interval whose probability is nearest to 80 %: numbers are whole, so it is seldom exact."""
    tail = (1 - INTERVAL) / 2
    low, high = _first(cumulative, tail, most), _first(cumulative, 1 - tail, most)
    candidates = [(a, b) for a in (low, low + 1) for b in (high - 1, high) if 0 <= a <= b]

    def distance(ends: tuple[int, int]) -> float:
        below = cumulative(ends[0] - 1) if ends[0] else 0.0
        return abs(cumulative(ends[1]) - below - INTERVAL)

    return min(candidates or [(low, high)], key=distance)
