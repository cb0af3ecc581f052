"""The negative binomial distribution by its shape and scale: mean = shape * scale, variance = mean * (1 + scale).

Independent variables of one scale add their shapes. The distribution grows stochastically in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import exp, floor, log, log1p, sqrt
from statistics import NormalDist

# Above these a normal approximation replaces the sum of single probabilities.
MAX_SUMMED = 5000
MAX_QUANTILE = 2000
MIN_LOG_PROBABILITY = -700
# The sum is kept below this: it grows from 1, and its logarithm is corrected.
MAX_FACTOR = 1e250
STANDARD = NormalDist()


def at_least(need: int, shape: float, scale: float) -> float:
    """The probability of `need` or more."""
    return tails((need,), shape, scale)[0]


def tails(needs: Iterable[int], shape: float, scale: float) -> list[float]:
    """`at_least` for each of the ascending `needs`, by one sum of at most MAX_SUMMED probabilities."""
    if shape <= 0 or scale <= 0:
        return [float(need <= 0) for need in needs]
    ratio, before = scale / (1 + scale), shape - 1
    log_unit = -shape * log1p(scale)
    term = total = 1.0
    done, probabilities = 1, []
    for need in needs:
        if need <= 0:
            probabilities.append(1.0)
            continue
        if need > MAX_SUMMED:
            mean = shape * scale
            probabilities.append(1 - STANDARD.cdf((need - 0.5 - mean) / sqrt(mean * (1 + scale))))
            continue
        for count in range(done, need):
            term *= ratio * (before + count) / count
            total += term
            if total > MAX_FACTOR:
                term, total, log_unit = term / MAX_FACTOR, total / MAX_FACTOR, log_unit + log(MAX_FACTOR)
        done = need
        probabilities.append(1 - exp(min(log(total) + log_unit, 0.0)))
    return probabilities


def quantiles(levels: Sequence[float], shape: float, scale: float) -> list[int]:
    """The smallest counts whose cumulative probability reaches each of the ascending `levels`."""
    if shape <= 0 or scale <= 0:
        return [0] * len(levels)
    mean, first = shape * scale, -shape * log1p(scale)
    deviation = sqrt(mean * (1 + scale))
    if mean + 3 * deviation > MAX_QUANTILE or first < MIN_LOG_PROBABILITY:
        return [max(floor(mean + STANDARD.inv_cdf(level) * deviation + 0.5), 0) for level in levels]
    ratio, before = scale / (1 + scale), shape - 1
    term = total = exp(first)
    count, counts = 0, []
    for level in levels:
        while total < level and count < MAX_QUANTILE:
            count += 1
            term *= ratio * (before + count) / count
            total += term
        counts.append(count)
    return counts
