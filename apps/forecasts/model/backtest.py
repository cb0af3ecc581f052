"""The forecast of a finished campaign at several shares of its time, beside two simple ones, and how right each was.

Plain pace: reached or not, at the count so far divided by the share of time gone. Straight line: a Poisson distribution
at that pace.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, sqrt
from typing import Any

from apps.forecasts.model import scores
from apps.forecasts.model.groups import expected_number
from apps.forecasts.model.history import Counts, History, Snapshot, take_snapshot
from apps.forecasts.model.learning import Learned, learn
from apps.forecasts.model.model import model_of
from apps.forecasts.model.negative_binomial import STANDARD

SHARES = (0.2, 0.33, 0.5, 0.66, 0.8, 0.9)
MIN_TEAM = 5
# Without known teams, groups of this many people in the order of the list stand for them.
GROUP = 20
# Above this mean the normal approximation of the Poisson distribution is used.
MAX_POISSON = 700


@dataclass(frozen=True)
class Look:
    """What was known after `gone` days. `plan_changed`: whether another target or deadline was set later."""

    history: History
    gone: int
    plan_changed: bool = False


@dataclass(frozen=True)
class Trial:
    """A finished campaign: `look` gives what was known at a share of its time, `reached` the final results."""

    name: str
    look: Callable[[float], Look]
    reached: Mapping[Any, bool]
    teams: Mapping[Any, Any] = field(default_factory=dict)
    former: History | None = None


@dataclass(frozen=True)
class Result:
    """One share of time, for people not yet at the target. The scores are None when it was too early to say.

    `teams` and `covered`: groups of five and more, and how many ended inside their 80 % interval.
    """

    share: float
    people: int
    at_target_later: int
    basis: str | None = None
    brier: float | None = None
    straight_line: float | None = None
    plain_pace: float | None = None
    bins: tuple[scores.Bin, ...] = ()
    teams: int = 0
    covered: int = 0
    plan_changed: bool = False

    @property
    def skill(self) -> float | None:
        """Against the straight line."""
        return None if self.brier is None else scores.skill(self.brier, self.straight_line or 0)

    @property
    def pace_skill(self) -> float | None:
        """Against the plain pace."""
        return None if self.brier is None else scores.skill(self.brier, self.plain_pace or 0)

    @property
    def calibration_error(self) -> float | None:
        return scores.calibration_error(self.bins) if self.bins else None

    @property
    def is_conclusive(self) -> bool:
        """Whether enough people did and did not reach the target for a score to mean something."""
        return scores.MIN_EVENTS <= self.at_target_later <= self.people - scores.MIN_EVENTS


def backtest(trial: Trial) -> list[Result]:
    return [_result(trial, share, trial.look(share)) for share in SHARES]


def _result(trial: Trial, share: float, look: Look) -> Result:
    history, gone = look.history, look.gone
    snapshot = take_snapshot(history, gone)
    known = dict(zip(history.days, snapshot.people, strict=True))
    waiting = [
        person
        for person, counts in known.items()
        if person in trial.reached and counts.counted < history.targets[person]
    ]
    reached = [trial.reached[person] for person in waiting]
    learned = learn(history, gone, snapshot, trial.former)
    if learned is None or not waiting:
        return Result(share, len(waiting), sum(reached), plan_changed=look.plan_changed)
    model = model_of(snapshot, learned.parameters)
    people = [(known[person], history.targets[person]) for person in waiting]
    chances = [model.chance(counts, target) for counts, target in people]
    factor = snapshot.remaining / max(gone, 1)
    lines = [straight_line(counts.counted, target, factor) for counts, target in people]
    paces = [float(counts.counted * (1 + factor) >= target) for counts, target in people]
    teams, covered = _coverage(trial, history, snapshot, learned)
    return Result(
        share, len(waiting), sum(reached), learned.basis.value,
        scores.brier_score(chances, reached), scores.brier_score(lines, reached), scores.brier_score(paces, reached),
        tuple(scores.reliability(chances, reached)), teams, covered, look.plan_changed,
    )  # fmt: skip


def _coverage(trial: Trial, history: History, snapshot: Snapshot, learned: Learned) -> tuple[int, int]:
    """How many teams there are, and how many ended with a number inside their interval."""
    model = model_of(snapshot, learned.parameters)
    teams: dict[Any, list[tuple[Counts, int, bool]]] = {}
    for index, (person, counts) in enumerate(zip(history.days, snapshot.people, strict=True)):
        if person in trial.reached:
            team = trial.teams.get(person) if trial.teams else index // GROUP
            if team is not None:
                teams.setdefault(team, []).append((counts, history.targets[person], trial.reached[person]))
    judged = [members for members in teams.values() if len(members) >= MIN_TEAM]
    covered = 0
    for members in judged:
        expected = expected_number(model, ((counts, target) for counts, target, _reached in members))
        covered += expected.low <= sum(reached for _counts, _target, reached in members) <= expected.high
    return len(judged), covered


@lru_cache(maxsize=10_000)
def straight_line(counted: int, target: int, factor: float) -> float:
    """The chance by a Poisson distribution at the pace so far; `factor`: the time that remains by the time gone."""
    need, mean = target - counted, counted * factor
    if need <= 0 or mean <= 0:
        return float(need <= 0)
    if mean > MAX_POISSON:
        return 1 - STANDARD.cdf((need - 0.5 - mean) / sqrt(mean))
    term = total = exp(-mean)
    # Far above the mean nothing is added.
    for count in range(1, min(need, 2 * MAX_POISSON)):
        term *= mean / count
        total += term
    return max(1 - total, 0.0)


def trial_of(name: str, history: History, former: History | None = None) -> Trial:
    """The trial of a campaign whose plan never changed."""
    reached = {person: sum(days.values()) >= history.targets[person] for person, days in history.days.items()}
    return Trial(name, lambda share: Look(history, int(history.length * share)), reached, former=former)
