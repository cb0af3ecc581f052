"""The deadline under attack, as scenarios: each runs `trials` rounds from a seed and returns errors as sentences.

The tests beside this file run a few rounds of each; the long proof runs many. Every scenario needs the people of
tests/people.py, a committing database and an open `campaign`; callers make the mutants.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from celery import current_app
from django.db import connections
from django.test import override_settings
from django.utils import timezone

from apps.campaigns.models import Campaign
from apps.contacts.services import submissions
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.results.freeze import freeze
from apps.results.models import FrozenResult, FrozenStanding
from apps.results.result_files import signature_file
from tests.crowd import Gate, at_once, blocked, meanwhile, until
from tests.fixtures import Clock
from tests.oracle import oracle
from tests.people import NOON, TESTER, company, november, record

TICK = timedelta(microseconds=1)
# (zone, the first instant of 21 October 2026 there, the first instant of 1 December), written by hand. New York leaves
# daylight saving time on 1 November, in between.
ZONES = [
    ("Asia/Shanghai", "2026-10-20T16:00:00+00:00", "2026-11-30T16:00:00+00:00"),
    ("UTC", "2026-10-21T00:00:00+00:00", "2026-12-01T00:00:00+00:00"),
    ("America/New_York", "2026-10-21T04:00:00+00:00", "2026-12-01T05:00:00+00:00"),
    ("Pacific/Kiritimati", "2026-10-20T10:00:00+00:00", "2026-11-30T10:00:00+00:00"),
    ("Etc/GMT+12", "2026-10-21T12:00:00+00:00", "2026-12-01T12:00:00+00:00"),
    ("Asia/Kathmandu", "2026-10-20T18:15:00+00:00", "2026-11-30T18:15:00+00:00"),
]
NAMES = [name for name, _, _ in ZONES]


def verdicts(campaign: Campaign, version: int = 1) -> list[tuple[Any, ...]]:
    """(staff_no, counted, target, exempt, red) of every employee in a frozen result."""
    rows = FrozenStanding.objects.filter(campaign=campaign, version=version).order_by("staff_no")
    return list(rows.values_list("staff_no", "counted", "target", "exempt", "red"))


def seal(campaign: Campaign) -> None:
    """An empty result for a campaign with its snapshot, so that it may become frozen."""
    at = db_now()
    FrozenResult.objects.create(
        campaign=campaign, version=1, rule_version=1, cutoff_at=at, snapshot_at=at, rows=0, red=0, digest="",
        signature="", public_key="", created_by_label="test",
    )  # fmt: skip


@contextmanager
def zones(system: str, django: str, database: str, celery: str) -> Iterator[None]:
    """The operating system, Django, the database session and Celery, each in another zone."""
    with ExitStack() as stack:
        stack.enter_context(patch.dict("os.environ", {"TZ": system}))
        time.tzset()
        stack.callback(time.tzset)
        stack.enter_context(override_settings(TIME_ZONE=django))
        stack.enter_context(timezone.override(django))
        stack.callback(current_app.conf.update, timezone=current_app.conf.timezone)
        current_app.conf.update(timezone=celery)
        stack.callback(_forget_zone)
        stack.enter_context(patch.dict(connections["default"].settings_dict, {"TIME_ZONE": database}))
        _forget_zone()
        yield
    time.tzset()


def _forget_zone() -> None:
    connections["default"].close()
    for name in ("timezone", "timezone_name"):
        vars(connections["default"]).pop(name, None)


# -- D1 ------------------------------------------------------------------------------------------------------------


def to_the_microsecond(trials: int, seed: int, clock: Clock) -> list[str]:
    """One contact on each side of the opening and of the cut-off: exactly the two inside count."""
    rng, wrong = random.Random(seed), []
    for trial in range(trials):
        zone, opening, ending = ZONES[trial % len(ZONES)]
        around = [rng.choice(NAMES) for _ in range(4)]
        name = f"d1-{seed}-{trial}"
        with zones(*around):
            opens_at, cutoff = (datetime.fromisoformat(text) for text in (opening, ending))
            clock.set(opens_at - timedelta(hours=1))
            # New people for each round: contacts of another round would count here too.
            people = company([(f"{name}-{n}", "") for n in range(4)])
            campaign = november(name=name, slug=name, opens_on=date(2026, 10, 21), time_zone=zone, target=1)
            for number, at in enumerate([opens_at - TICK, opens_at, cutoff - TICK, cutoff]):
                clock.set(at)
                record(people[f"{name}-{number}"])
            # Late enough for a mutant with another cut-off.
            clock.set(cutoff + timedelta(days=2), ticks=True)
            freeze(campaign=campaign, by=TESTER, wait=True)
        red = {row[0]: row[4] for row in verdicts(campaign)}
        if [red[f"{name}-{n}"] for n in range(4)] != [True, False, False, True]:
            wrong.append(f"{zone} among {around}: {[red[f'{name}-{n}'] for n in range(4)]}")
        if sorted(verdicts(campaign)) != sorted(oracle(campaign)):
            wrong.append(f"{zone} among {around}: not what the oracle says")
    return wrong


# -- D2 ------------------------------------------------------------------------------------------------------------


def late_writer(campaign: Campaign, employee: Employee, clock: Clock, *, barrier: bool = True) -> list[str]:
    """A submission received in the last microsecond, not committed when the closing lists submissions.

    With the lock the freeze waits for it; without, it must not be found.
    """
    gate, wrong = Gate(), []
    clock.set(campaign.rule.cutoff_at - TICK)
    with patch.object(submissions, "db_now", gate.after(submissions.db_now)), meanwhile(partial(record, employee)):
        gate.wait()
        clock.set(campaign.rule.cutoff_at + timedelta(seconds=15), ticks=True)
        with meanwhile(partial(freeze, campaign=campaign, by=TESTER, wait=True)) as freezing:
            until(lambda: freezing.done() or blocked() == 1)
            if barrier and freezing.done():
                wrong.append("the freeze did not wait for a writer of before the cut-off")
            gate.open()
    stored = {row[0]: row[1] for row in verdicts(campaign)}
    if stored[employee.staff_no] != 1:
        wrong.append(f"a contact received before the cut-off is missing: {stored}")
    return wrong


def late_writers(trials: int, seed: int, clock: Clock) -> list[str]:
    """A late writer to each of many campaigns, each with its own employee and time zone."""
    rng, wrong = random.Random(seed), []
    for trial in range(trials):
        name = f"d2-{seed}-{trial}"
        clock.set(NOON)
        writer = company([(name, "")])[name]
        campaign = november(name=name, slug=name, time_zone=rng.choice(NAMES), target=1)
        wrong += [f"{name}: {line}" for line in late_writer(campaign, writer, clock)]
    return wrong


# -- D3 ------------------------------------------------------------------------------------------------------------


def one_result(trials: int, seed: int, clock: Clock) -> list[str]:
    """Five at once and ten in a row, on a campaign for each trial."""
    wrong = []
    for trial in range(trials):
        name = f"d3-{seed}-{trial}"
        clock.set(NOON)
        record(company([(name, "")])[name], 2)
        campaign = november(name=name, slug=name, target=2)
        wrong += [f"{name}: {line}" for line in five_at_once(campaign, clock)]
    return wrong


def five_at_once(campaign: Campaign, clock: Clock) -> list[str]:
    """Five concurrent freezes, and ten more in sequence: one result, one signature file."""
    clock.set(campaign.rule.cutoff_at + timedelta(seconds=15), ticks=True)
    once: Callable[[], Any] = partial(freeze, campaign=campaign, by=TESTER, wait=True)
    found = at_once(*[once] * 5) + [once() for _ in range(10)]
    wrong = [f"{type(one).__name__}: {one}" for one in found if not isinstance(one, FrozenResult)]
    if not wrong and len({signature_file(one) for one in found}) != 1:
        wrong.append("more than one signature file")
    if FrozenResult.objects.filter(campaign=campaign).count() != 1:
        wrong.append("not one result")
    return wrong
