"""The parameters of a running campaign: priors, then what the former campaign and the campaign's own past show."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from enum import Enum
from math import exp, hypot, log
from statistics import fmean

from apps.forecasts.model.fitting import Spread, fit, growth_to_the_target
from apps.forecasts.model.history import History, Snapshot, take_snapshot
from apps.forecasts.model.model import Parameters

# Before any experience. docs/forecast.md states them.
PRIOR = Parameters(base=0.35, each=0.25, recency=0.3, growth=1.05, shared_sd=0.6)
PRIOR_SPREAD = Spread(base=0.7, each=0.7, recency=1.0, growth=0.3)
# How far the running campaign may leave what the former one showed.
OWN_SPREAD = Spread(base=0.4, each=0.4, recency=0.6, growth=0.3)
# Less is too early to say.
MIN_DAYS = 5
MIN_CONTACTS = 30
# The campaign's own past is used from this many days before its cut.
MIN_OWN_DAYS = 14
# The uncertainty of the level that all share, with a former campaign, and how much of its growth adds to it. Another
# length or target adds its whole difference, up to a limit.
FORMER_SD = 0.3
GROWTH_SD = 0.2
MAX_PLAN_SD = 0.5
# The former growth is used in this range only, and as far as both campaigns developed alike until now.
MAX_GROWTH = 4.0
ALIKE = 0.25
# How much of the growth that the campaign itself showed goes on.
OWN_GROWTH = 0.3
MAX_OWN_GROWTH = 2.0


class Basis(Enum):
    """What the parameters rest on. With PRIOR or CAMPAIGN the forecast is a rough estimate."""

    PRIOR = "prior"
    CAMPAIGN = "campaign"
    FORMER = "former"


@dataclass(frozen=True)
class Learned:
    parameters: Parameters
    basis: Basis


def learn(history: History, gone: int, snapshot: Snapshot, former: History | None = None) -> Learned | None:
    """The parameters after `gone` days, or None: it is too early to say. `snapshot` is that of the history then.

    The former campaign, and then the campaign's own elapsed time, are cut at the same share of time as this one.
    """
    if snapshot.elapsed < MIN_DAYS or snapshot.counted < MIN_CONTACTS:
        return None
    share = gone / history.length
    parameters, basis, alike = PRIOR, Basis.PRIOR, 0.0
    if former is not None and has_enough(former, round(former.length * share)):
        parameters, alike = _from_former(former, share, history, snapshot)
        basis = Basis.FORMER
    cut = round(gone * share)
    own = History(gone, _until(history, gone), history.targets)
    if cut < MIN_OWN_DAYS or not has_enough(own, cut):
        return Learned(parameters, basis)
    spread = PRIOR_SPREAD if basis is Basis.PRIOR else OWN_SPREAD
    fitted = fit(own, cut, replace(parameters, growth=1.0), spread)
    goes_on = _limited(fitted.growth ** (OWN_GROWTH * (1 - alike)), MAX_OWN_GROWTH)
    shared_sd = parameters.shared_sd
    if basis is Basis.PRIOR:
        basis, shared_sd = Basis.CAMPAIGN, hypot(shared_sd, GROWTH_SD * log(fitted.growth))
    return Learned(replace(fitted, growth=parameters.growth * goes_on, shared_sd=shared_sd), basis)


def _from_former(former: History, share: float, history: History, snapshot: Snapshot) -> tuple[Parameters, float]:
    """The former campaign's parameters, and from 0 to 1 how alike both developed so far.

    A level comes from the running campaign alone. The growth after this share of time may be special to the former one:
    it counts as far as the contacts of both lie alike in the elapsed time.
    """
    cut = round(former.length * share)
    fitted = fit(former, cut, replace(PRIOR, growth=1.0), PRIOR_SPREAD)
    growth = growth_to_the_target(former, cut, fitted)
    difference = log(_exponent(snapshot) / _exponent(take_snapshot(former, cut)))
    alike = exp(-(difference**2) / (ALIKE**2 + 1 / snapshot.elapsed))
    shown = replace(
        fitted,
        growth=_limited(growth, MAX_GROWTH),
        shared_sd=hypot(FORMER_SD, GROWTH_SD * log(growth), _plan_sd(history, former)),
    )
    return _between(PRIOR, shown, alike), alike


def _plan_sd(history: History, former: History) -> float:
    """How far the logarithms of length and mean target lie apart."""
    targets = fmean(history.targets.values()) / fmean(former.targets.values())
    return min(abs(log(history.length / former.length)) + abs(log(targets)), MAX_PLAN_SD)


def _between(prior: Parameters, shown: Parameters, weight: float) -> Parameters:
    """The geometric mean of each parameter; `weight` is that of `shown`."""
    pairs = zip(astuple(prior), astuple(shown), strict=True)
    return Parameters(*(usual ** (1 - weight) * value**weight for usual, value in pairs))


def _exponent(snapshot: Snapshot) -> float:
    """By which power of the time the sum has grown; 1 for a constant pace."""
    centre = min(max(snapshot.centre, 0.05), 0.95)
    return centre / (1 - centre)


def _limited(factor: float, most: float) -> float:
    return min(max(factor, 1 / most), most)


def has_enough(history: History, gone: int) -> bool:
    """Whether the days before `gone` have enough contacts to learn from."""
    total = sum(count for days in history.days.values() for day, count in days.items() if day < gone)
    return gone >= MIN_DAYS and total >= MIN_CONTACTS


def _until(history: History, gone: int) -> dict:
    return {person: {day: count for day, count in days.items() if day < gone} for person, days in history.days.items()}
