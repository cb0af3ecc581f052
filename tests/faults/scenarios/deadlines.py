"""D1, D2, D4: the cut-off to the microsecond, writers of the last microsecond, attempts to change a frozen verdict.

These need only the database; their steps are in tests/results/deadline.py and moving.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import date, timedelta
from unittest.mock import patch

from django.conf import settings
from django.db import connection

from apps.campaigns import rules
from apps.results import close_submissions
from apps.results.freeze import freeze
from tests import people, plugin
from tests.crowd import no_lock
from tests.faults.ground import Ground, Tally, instant
from tests.fixtures import Clock
from tests.results import deadline
from tests.standings import moving

GUARDED = "results_frozenstanding"


def to_the_microsecond(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """D1. The mutant computes the cut-off in the server's zone."""
    real = rules.period
    elsewhere = patch.object(rules, "period", lambda opens, last, zone: real(opens, last, settings.TIME_ZONE))
    _alone(ground)
    with elsewhere if broken else nullcontext():
        return _tally(trials, deadline.to_the_microsecond(trials, seed, Clock()))


def late_writers(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """D2. The mutant lists the received submissions without the lock that separates earlier from later writers."""
    _alone(ground)
    with patch.object(close_submissions, "lock_facts", no_lock) if broken else nullcontext():
        return _tally(trials, deadline.late_writers(trials, seed, Clock()))


def attempts(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """D4. The mutant drops the table's triggers, and lets the application's role write."""
    _alone(ground)
    clock = Clock()
    campaign = ground.campaign
    ground.bring("A001", range(3))
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=15), ticks=True)
    freeze(campaign=campaign, by=people.TESTER, wait=True)
    with _without_guards() if broken else nullcontext():
        return _tally(trials, moving.attempts(trials, seed, campaign))


def _alone(ground: Ground) -> None:
    """Stop all processes of the stack, because the clock jumps."""
    ground.stack.need()
    ground.fresh(at=instant(people.NOON), opens_on=date(2026, 11, 1), deadline=date(2026, 11, 30))


def _tally(trials: int, wrong: list[str]) -> Tally:
    return Tally(trials=trials, failures=wrong)


@contextmanager
def _without_guards() -> Iterator[None]:
    plugin.run_as_owner(f"ALTER TABLE {GUARDED} DISABLE TRIGGER USER; GRANT UPDATE, DELETE ON {GUARDED} TO app")
    try:
        yield
    finally:
        connection.close()
        plugin.run_as_owner(f"ALTER TABLE {GUARDED} ENABLE TRIGGER USER; REVOKE UPDATE, DELETE ON {GUARDED} FROM app")
