"""F6: two and three beats at once, a suspended and resumed beat, and none for six hours across the deadline.

Beats and worker are real processes; the database's clock advances a day at a time, and beat triggers several times a
second. Every job is done once per period, and in the end all verdicts equal those of one undisturbed pass.
"""

from __future__ import annotations

import random
import signal
import time
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from apps.core.models import Job, Setting
from apps.results.freeze import freeze
from apps.results.models import FrozenResult
from apps.standings.effective_dates import PROCESSED_UNTIL, process_effective_dates
from apps.standings.process_runs import sweep
from tests import people
from tests.faults.ground import Ground, Tally, dice_of, within
from tests.fixtures import Clock
from tests.oracle import oracle
from tests.results.deadline import verdicts

ZONE = ZoneInfo("Asia/Shanghai")
# Later than today, so that a job which finds the clock not yet set follows time to before it.
FIRST = date(2035, 11, 2)
ROUND = 25
STAFF = 30
BEATS = ("beat1", "beat2", "beat3")
# By then both beats have triggered everything a few times.
DWELL = 0.6
DONE_WITHIN = 20.0


def periods(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """A trial is one local day of two or three beats."""
    _need(ground, broken, BEATS)
    tally = Tally(eager=bool(broken))
    while tally.trials < trials and not tally.failures:
        dice = dice_of(seed, tally.trials)
        days = min(ROUND, trials - tally.trials)
        _fill(ground, dice)
        ground.stack.effects.write_text("")
        for number in range(days):
            _one_day(ground, tally, dice, FIRST + timedelta(days=number + 1))
            tally.trials += 1
        _compare(ground, tally, dice_of(seed, tally.trials - days), FIRST + timedelta(days=days))
    return tally


def dead_across_the_deadline(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """No beat from three hours before the cut-off until three hours after it, and no messages, while contacts
    arrive.
    """
    tally = Tally(eager=bool(broken))
    while tally.trials < trials and not tally.failures:
        trial = tally.trials
        _need(ground, broken, ())
        _past_the_deadline(ground, dice_of(seed, trial))
        began = time.monotonic()
        _need(ground, broken, BEATS[:2])
        results = FrozenResult.objects.filter(campaign=ground.campaign)
        if tally.expect(ground.within(DONE_WITHIN, results.exists) is not None, "the campaign is not frozen"):
            tally.recoveries.append(time.monotonic() - began)
        time.sleep(DWELL)
        found = verdicts(ground.campaign)
        tally.expect(results.count() == 1, f"{results.count()} results")
        tally.expect(sorted(found) == sorted(oracle(ground.campaign)), "the result is not what the oracle says")
        _need(ground, broken, ())
        _past_the_deadline(ground, dice_of(seed, trial))
        freeze(campaign=ground.campaign, by=people.TESTER, wait=True)
        tally.expect(found == verdicts(ground.campaign), "the result differs from that of an undisturbed freeze")
        tally.trials += 1
    return tally


def _past_the_deadline(ground: Ground, dice: random.Random) -> None:
    """Employees record contacts hours and seconds before the cut-off, at it and after it; then three hours pass."""
    last = FIRST + timedelta(days=20)
    _fill(ground, dice, deadline=last)
    cutoff = _at(last + timedelta(days=1), 0)
    for step, hours in enumerate((-2.5, -0.001, 0, 1)):
        Clock().set(cutoff + timedelta(hours=hours), ticks=True)
        ground.bring(f"E{dice.randrange(STAFF):04d}", range(100 + 5 * step, 103 + 5 * step))
    Clock().set(cutoff + timedelta(hours=3), ticks=True)


def _need(ground: Ground, broken: str, beats: tuple[str, ...]) -> None:
    ground.stack.need(web="", worker=broken, **dict.fromkeys(beats, "hurry"))


def _at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZONE)


def _fill(ground: Ground, dice: random.Random, deadline: date | None = None) -> None:
    """A month in which employees join, leave and are exempted on dates that were entered beforehand."""
    start = _at(FIRST, 12)
    ground.fresh(at=start, opens_on=FIRST - timedelta(days=1), deadline=deadline or FIRST + timedelta(days=60))
    lines = ["staff_no,name,email,department,manager_staff_no,started_on,left_on"]
    for number in range(STAFF):
        began = FIRST + timedelta(days=dice.randrange(0, 20))
        left = began + timedelta(days=dice.randrange(1, 20)) if dice.random() < 0.5 else ""
        lines.append(f"E{number:04d},Emil {number},e{number}@corp.example.com,Sales,C001,{began},{left}")
    people.load("\n".join(lines))
    for number in range(STAFF):
        ground.bring(f"E{number:04d}", range(dice.randrange(7)))
        begins = start + timedelta(days=dice.randrange(1, 20), hours=dice.randrange(24))
        people.adjust(
            campaign=ground.campaign, employee=people.person(f"E{number:04d}"), exempt=True, starts_at=begins,
            ends_at=begins + timedelta(days=3),
        )  # fmt: skip
    process_effective_dates()
    sweep()


def _one_day(ground: Ground, tally: Tally, dice: random.Random, day: date) -> None:
    # The recount of a night is due from two o'clock on.
    Clock().set(_at(day, 3), ticks=True)
    still = dice.choice(BEATS) if dice.random() < 0.3 else ""
    if still:
        ground.stack.signal_group(still, signal.SIGSTOP)
    period = {"job": f"recount:{ground.campaign.slug}", "period": day.isoformat()}
    took = within(DONE_WITHIN, Job.objects.filter(**period).exists)
    if tally.expect(took is not None, f"{day}: the night's recount was not made"):
        tally.recoveries.append(took or 0.0)
    if still:
        tally.count("beats that stood still")
        ground.stack.signal_group(still, signal.SIGCONT)
    time.sleep(DWELL)
    made = [line.split()[:2] for line in ground.stack.effects.read_text(encoding="utf-8").splitlines()]
    times = made.count(list(period.values()))
    tally.expect(times == 1, f"{day}: {times} recounts in one night")
    tally.expect(Job.objects.filter(**period).count() <= 1, f"{day}: two jobs of one period")


def _followed_until(at: datetime) -> bool:
    followed = Setting.objects.filter(name=PROCESSED_UNTIL).first()
    return followed is not None and datetime.fromisoformat(followed.value) >= at


def _compare(ground: Ground, tally: Tally, dice: random.Random, last: date) -> None:
    """Compare with a single undisturbed pass over the effective dates."""
    # The nightly recount records that it has begun. The change of the day queues the employees whom time alone changed.
    tally.expect(within(DONE_WITHIN, lambda: _followed_until(_at(last, 3))) is not None, "time was not followed")
    tally.expect(ground.rests() is not None, "marks: they never ended")
    digest = ground.verdicts(tally, "after many days")
    for beat in BEATS:
        ground.stack.signal_group(beat, signal.SIGSTOP)
    try:
        _fill(ground, dice)
        Clock().set(_at(last, 3), ticks=True)
        process_effective_dates()
        tally.expect(digest == ground.undisturbed(tally), "digest differs from that of one pass")
    finally:
        for beat in BEATS:
            ground.stack.signal_group(beat, signal.SIGCONT)
