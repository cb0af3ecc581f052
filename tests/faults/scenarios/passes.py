"""F1-ranges: a run over all employees on three workers, two of which are killed.

The run ends once, every range was done once, and all verdicts equal the oracle's; each changed verdict is logged once.
The killed workers are not restarted before the run ends.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from unittest.mock import patch

from apps.standings import marking
from apps.standings.models import MarkRun, Standing, StandingChange
from tests.faults.ground import CROSSERS, PATIENCE, TARGET, Ground, Tally, dice_of, within
from tests.faults.sampler import Sampler
from tests.standings.passes import begin, wrong_with

WORKERS = ("worker1", "worker2", "worker3")
STAFF = 120
RANGE = 5
ROUND = CROSSERS - 2


def two_of_three(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """A trial is one run, with two kills."""
    breaks = ",".join(filter(None, [broken, "slow_ranges", "count_ends"]))
    tally = Tally(eager=bool(broken))
    while tally.trials < trials and not tally.failures:
        ground.stack.need(web="", beat="", **dict.fromkeys(WORKERS, breaks))
        ground.fresh(staff=STAFF)
        with Sampler(ground, tally, seed, crossing=False) as sampler, patch.object(marking, "BATCH_SIZE", RANGE):
            for _ in range(min(ROUND, trials - tally.trials)):
                ground.stack.need(web="", beat="", **dict.fromkeys(WORKERS, breaks))
                _one_run(ground, tally, sampler, dice_of(seed, tally.trials))
                tally.trials += 1
        # Not like a supervisor: the killed ones need no restart here.
        tally.expect(within(PATIENCE, ground.at_rest) is not None, "marks: they never ended")
        ground.verdicts(tally, "after all runs")
    return tally


def _one_run(ground: Ground, tally: Tally, sampler: Sampler, dice: random.Random) -> None:
    for number in dice.sample(range(STAFF), 20):
        ground.bring(f"E{number:04d}", range(dice.randrange(2 * TARGET)))
    # The sampled employee records the last contact before the run, and enqueues the task for it.
    tally.expect(sampler.cross_one(), "an add was not answered")
    tally.expect(ground.rests() is not None, "marks: they never ended")
    last = StandingChange.objects.latest("pk").pk
    ground.stack.effects.write_text("", encoding="utf-8")
    run = begin(ground.campaign)
    parts = run.ranges.count()
    for name, part in zip(dice.sample(WORKERS, 2), sorted(dice.sample(range(parts * 3 // 4), 2)), strict=True):
        _kill_after(tally, run, ground.stack.pid_of(name), part)
    killed = time.monotonic()
    took = within(PATIENCE, lambda: not _waiting(run))
    if not tally.expect(took is not None, f"{_waiting(run)} ranges were never done"):
        return
    tally.recoveries.append(time.monotonic() - killed)
    # The last range and the end of the run are one transaction.
    run.refresh_from_db()
    tally.expect(run.finished_at is not None, "every range is done, and the run is not over")
    again = run.ranges.filter(attempts__gt=1).count()
    tally.count("ranges begun again", again)
    for wrong in wrong_with(run):
        tally.expect(False, wrong)
    ground.verdicts(tally, "after a run")
    ends = Counter(ground.stack.effects.read_text(encoding="utf-8").splitlines())
    twice = [end for end, times in ends.items() if times > 1 and end.startswith(("range ", "run "))]
    tally.expect(not twice, f"done more than once: {twice[:3]}")
    turned = Counter(StandingChange.objects.filter(pk__gt=last).values_list("employee_id", flat=True))
    green = Counter(
        Standing.objects.filter(counted__gte=1, red=False, exempt=False).values_list("employee_id", flat=True)
    )
    tally.expect(turned == green, f"{len(green)} changed, and {turned.total()} changes are logged")


def _kill_after(tally: Tally, run: MarkRun, pid: int, done: int) -> None:
    """Kill that worker's parent, and its children with it, when so many ranges are done."""
    within(PATIENCE, lambda: run.progress()[0] >= done)
    tally.count("kills after the run", not _waiting(run))
    os.kill(pid, signal.SIGKILL)


def _waiting(run: MarkRun) -> int:
    done, total = run.progress()
    return total - done
