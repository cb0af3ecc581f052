"""Parameters that explain best how a campaign went on after an instant, drawn to what was expected before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, log1p

from apps.forecasts.model.history import History, take_snapshot
from apps.forecasts.model.model import Parameters, blend, scale_of
from apps.forecasts.model.negative_binomial import at_least

# More people make the fit slower and hardly better.
MAX_PEOPLE = 1000
MAX_STEPS = 90
FIRST_STEP = 0.3
TOLERANCE = 1e-3
# The growth to the target is sought so far from the fitted one, by its logarithm.
MAX_CORRECTION = 1.0
CORRECTION_STEPS = 10
# With so many people on the smaller side, half of the correction is believed.
FEW_EVENTS = 20


@dataclass(frozen=True)
class Spread:
    """How far the logarithms of the parameters, and the log-odds of the recency, usually lie from what is expected."""

    base: float
    each: float
    recency: float
    growth: float


def fit(history: History, gone: int, expected: Parameters, spread: Spread) -> Parameters:
    """The most probable parameters after the whole `history`, cut after `gone` days.

    The likelihood is that of what each person recorded later, up to the target: beyond it, only that it was reached.
    """
    history = history.sample(MAX_PEOPLE)
    snapshot = take_snapshot(history, gone)
    later = [sum(count for day, count in days.items() if day >= gone) for days in history.days.values()]
    targets = [history.targets[person] for person in history.days]
    people = [
        (counts.steady, counts.recent, count, target - counts.counted)
        for counts, count, target in zip(snapshot.people, later, targets, strict=True)
        if counts.counted < target
    ]
    start = _to_line(expected)
    deviations = (spread.base, spread.each, spread.recency, spread.growth)

    def loss(point: Sequence[float]) -> float:
        parameters = _from_line(point, expected)
        penalty = sum(((at - usual) / sd) ** 2 for at, usual, sd in zip(point, start, deviations, strict=True)) / 2
        return penalty - _log_likelihood(people, parameters, scale_of(snapshot, parameters))

    return _from_line(minimum(loss, start), expected)


def growth_to_the_target(history: History, gone: int, fitted: Parameters) -> float:
    """The growth with which the expected number of people to reach the target after `gone` days is that who did.

    It differs from the fitted one where people hurry or stop near the target. Where few did or did not reach it, it is
    drawn to the fitted one.
    """
    history = history.sample(MAX_PEOPLE)
    snapshot = take_snapshot(history, gone)
    scale = scale_of(snapshot, fitted)
    people, reached = [], 0
    for counts, (person, days) in zip(snapshot.people, history.days.items(), strict=True):
        need = history.targets[person] - counts.counted
        if need > 0:
            people.append((need, fitted.base + fitted.each * blend(counts.steady, counts.recent, fitted.recency)))
            reached += sum(days.values()) >= history.targets[person]
    low, high = -MAX_CORRECTION, MAX_CORRECTION
    for _step in range(CORRECTION_STEPS):
        middle = (low + high) / 2
        if sum(at_least(need, shape, scale * exp(middle)) for need, shape in people) < reached:
            low = middle
        else:
            high = middle
    events = min(reached, len(people) - reached)
    return fitted.growth * exp((low + high) / 2 * events / (events + FEW_EVENTS))


def _log_likelihood(people: list[tuple[int, float, int, int]], parameters: Parameters, scale: float) -> float:
    scale = max(scale, 1e-9)
    log_zero, log_more = -log1p(scale), log(scale / (1 + scale))
    total = 0.0
    for steady, recent, later, need in people:
        shape = parameters.base + parameters.each * blend(steady, recent, parameters.recency)
        if later < need:
            total += lgamma(shape + later) - lgamma(shape) - lgamma(later + 1) + shape * log_zero + later * log_more
        else:
            total += log(max(at_least(need, shape, scale), 1e-12))
    return total


def _to_line(parameters: Parameters) -> list[float]:
    odds = parameters.recency / (1 - parameters.recency)
    return [log(parameters.base), log(parameters.each), log(odds), log(parameters.growth)]


def _from_line(point: Sequence[float], expected: Parameters) -> Parameters:
    base, each, odds, growth = (exp(min(max(at, -12), 12)) for at in point)
    return Parameters(base, each, odds / (1 + odds), growth, expected.shared_sd)


def minimum(function: Callable[[Sequence[float]], float], start: Sequence[float]) -> list[float]:
    """The point of a low value, by the simplex method of Nelder and Mead: it needs no derivatives."""
    size = len(start)
    points = [list(start)] + [[at + FIRST_STEP * (i == j) for j, at in enumerate(start)] for i in range(size)]
    corners = sorted((function(point), point) for point in points)
    for _step in range(MAX_STEPS):
        if corners[-1][0] - corners[0][0] < TOLERANCE:
            break
        centre = [sum(point[j] for _value, point in corners[:-1]) / size for j in range(size)]
        corners = sorted(_moved(function, corners, centre))
    return corners[0][1]


def _moved(
    function: Callable[[Sequence[float]], float], corners: list[tuple[float, list[float]]], centre: list[float]
) -> list[tuple[float, list[float]]]:
    """The corners with the worst one reflected, stretched or drawn in; else all drawn to the best."""
    (best, lowest), (worst, highest) = corners[0], corners[-1]

    def at(factor: float) -> tuple[float, list[float]]:
        point = [middle + factor * (middle - high) for middle, high in zip(centre, highest, strict=True)]
        return function(point), point

    reflected = at(1)
    if reflected[0] < best:
        return [*corners[:-1], min(reflected, at(2))]
    if reflected[0] < corners[-2][0]:
        return [*corners[:-1], reflected]
    drawn = at(-0.5)
    if drawn[0] < worst:
        return [*corners[:-1], drawn]
    halves = ([(low + here) / 2 for low, here in zip(lowest, point, strict=True)] for _value, point in corners[1:])
    return [corners[0], *((function(point), point) for point in halves)]
