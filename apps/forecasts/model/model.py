"""The forecast of one person and of everybody: from counts to the distribution of the final count.

What a person still records is negative binomial. Its shape is a base that all share plus a part for each contact so
far; its scale is the same for everybody, and makes the mean that of the running campaign. docs/forecast.md says more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import exp, sqrt
from typing import NamedTuple

from apps.forecasts.model.history import Counts, Snapshot
from apps.forecasts.model.negative_binomial import at_least, quantiles, tails

# The fan on a curve: the median, and the ends of the central 50 % and 80 %.
LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
# While there is time nothing is certain: a file may arrive, and contacts may end.
UNCERTAIN = 0.0005
# Equal steps of the pace share one calculation: with 50,000 employees most steps occur many times.
STEPS_PER_CONTACT = 4
# Three values of the shared factor and their weights have the mean and variance of its distribution.
NODES = ((-sqrt(3), 1 / 6), (0.0, 2 / 3), (sqrt(3), 1 / 6))


@dataclass(frozen=True)
class Parameters:
    """`base`: the shape at no contact; `each`: the shape that a contact adds. Their ratio decides how far a person's
    pace is drawn to the mean, their size how much the rest of the time varies. `recency`: the weight of the recent
    pace. `growth`: the pace of the rest of the time, in parts of that so far. `shared_sd`: the standard deviation of
    the logarithm of what all people still share, such as a rush.
    """

    base: float
    each: float
    recency: float
    growth: float
    shared_sd: float


class Outlook(NamedTuple):
    """The chance to reach the target, and the final count at each of LEVELS."""

    chance: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Model:
    """The parameters in a running campaign. Calculations are kept for equal states; they do not change its results."""

    parameters: Parameters
    scale: float
    time_remains: bool
    _chances: dict[tuple[int, int], float] = field(default_factory=dict, compare=False, repr=False)
    _nodes: dict[tuple[int, int], tuple[float, ...]] = field(default_factory=dict, compare=False, repr=False)
    _later: dict[int, list[int]] = field(default_factory=dict, compare=False, repr=False)

    def outlook(self, counts: Counts, target: int) -> Outlook:
        return Outlook(self.chance(counts, target), self.final_counts(counts))

    def final_counts(self, counts: Counts) -> tuple[int, ...]:
        """The final count at each of LEVELS."""
        if not self.time_remains:
            return (counts.counted,) * len(LEVELS)
        pace = self._pace(counts)
        if pace not in self._later:
            self._later[pace] = quantiles(LEVELS, *self._widened(pace))
        return tuple(counts.counted + count for count in self._later[pace])

    def chance(self, counts: Counts, target: int) -> float:
        """The chance of one person; 0 or 1 only when no time remains."""
        if not self.time_remains:
            return float(counts.counted >= target)
        need, pace = state = self.state(counts, target)
        if state not in self._chances:
            self._chances[state] = _uncertain(at_least(need, *self._widened(pace)))
        return self._chances[state]

    def chances_by_node(self, counts: Counts, target: int) -> tuple[float, ...]:
        """The chance for each of NODES, the values of the shared factor: for sums over people."""
        if not self.time_remains or counts.counted >= target:
            return (float(counts.counted >= target),) * len(NODES)
        need, pace = state = self.state(counts, target)
        if state not in self._nodes:
            shape = self._shape(pace)
            self._nodes[state] = tuple(at_least(need, shape, self.scale * factor) for factor in self._factors())
        return self._nodes[state]

    def within(self, fraction: float) -> Model:
        """The model of a first part of the remaining time: what a person records in it has the same shape."""
        return Model(self.parameters, self.scale * fraction, self.time_remains)

    def chance_at(self, counts: Counts, target: int, later: float, pace: float) -> float:
        """The chance of one person who records `later` contacts on average, as variable as those of that `pace`.

        It never falls where both grow in proportion.
        """
        shape = self.parameters.base + self.parameters.each * pace
        return _uncertain(at_least(target - counts.counted, shape, later / shape))

    def chances_of_all(self, people: Mapping[tuple[int, int], int], fraction: float) -> dict[tuple[float, ...], int]:
        """How many people have which chances by node, to be at the target after a `fraction` of the remaining time.

        `people`: how many are in each `state`. Paces are rounded to whole contacts, which makes it four times as fast.
        """
        by_pace: dict[int, Counter[int]] = {}
        for (need, exact), number in people.items():
            pace = round(exact / STEPS_PER_CONTACT) * STEPS_PER_CONTACT
            by_pace.setdefault(pace, Counter())[need] += number
        scales = [self.scale * fraction * factor for factor in self._factors()]
        chances: dict[tuple[float, ...], int] = {}
        for pace, missing in by_pace.items():
            needs, shape = sorted(missing), self._shape(pace)
            by_node = [tails(needs, shape, scale) for scale in scales]
            for need, *nodes in zip(needs, *by_node, strict=True):
                chances[tuple(nodes)] = chances.get(tuple(nodes), 0) + missing[need]
        return chances

    def state(self, counts: Counts, target: int) -> tuple[int, int]:
        """What is missing, and the pace: people of one state have equal chances."""
        return max(target - counts.counted, 0), self._pace(counts)

    def _factors(self) -> list[float]:
        """The shared factor at each of NODES."""
        sd = self.parameters.shared_sd
        # The square keeps the mean: that of exp(sd * node) alone lies above 1.
        return [exp(sd * node - sd * sd / 2) for node, _weight in NODES]

    def _pace(self, counts: Counts) -> int:
        return round(blend(counts.steady, counts.recent, self.parameters.recency) * STEPS_PER_CONTACT)

    def _shape(self, pace: int) -> float:
        return self.parameters.base + self.parameters.each * pace / STEPS_PER_CONTACT

    def _widened(self, pace: int) -> tuple[float, float]:
        """Shape and scale for one person, who also shares what is uncertain for all. Both grow with the pace."""
        shape = self._shape(pace)
        widened = 1 / (1 / shape + self.parameters.shared_sd**2)
        return widened, shape * self.scale / widened


def _uncertain(chance: float) -> float:
    """While time remains nothing is certain."""
    return min(max(chance, UNCERTAIN), 1 - UNCERTAIN)


def blend(counted: float, recent: float, recency: float) -> float:
    """The pace of all the time, and the recent one by its weight."""
    return (1 - recency) * counted + recency * recent


def scale_of(snapshot: Snapshot, parameters: Parameters) -> float:
    """The scale at which the mean of all people is the running campaign's pace, continued with the growth."""
    number = max(len(snapshot.people), 1)
    level = blend(snapshot.counted, snapshot.recent, parameters.recency) / number
    steady = sum(blend(counts.steady, counts.recent, parameters.recency) for counts in snapshot.people) / number
    return parameters.growth * snapshot.horizon * level / (parameters.base + parameters.each * steady)


def model_of(snapshot: Snapshot, parameters: Parameters) -> Model:
    return Model(parameters, scale_of(snapshot, parameters), snapshot.remaining > 0)


def outlooks(snapshot: Snapshot, parameters: Parameters, targets: Iterable[int]) -> list[Outlook]:
    """The forecast of everybody, in the order of the snapshot."""
    model = model_of(snapshot, parameters)
    return [model.outlook(counts, target) for counts, target in zip(snapshot.people, targets, strict=True)]
