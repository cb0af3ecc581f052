"""Repair: fifty verdicts are off by one, and the nightly recount finds those and no others.

It reports them in the log and in /health/ready, corrects them from the facts, and logs each as a repair. Worker, web
and the beat that triggers sweeps are real processes; the database's clock advances a night at a time.
"""

from __future__ import annotations

import random
import re
import time
from datetime import datetime, timedelta
from datetime import time as clock_time
from typing import Any

from apps.core.models import AuditEntry
from apps.standings.models import MarkRun, Standing, StandingChange
from apps.standings.start_run import begin_nightly_recount
from tests import people
from tests.faults.ground import PATIENCE, TARGET, Ground, Tally, dice_of, within
from tests.faults.scenarios.beats import FIRST, ZONE
from tests.fixtures import Clock
from tests.standings.drifting import inject

STAFF = 80
DRIFTED = 50
ROUND = 10
Verdicts = dict[str, tuple[Any, ...]]


def repaired(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """A trial is one night with fifty drifts. After ten comes one without any, which ends the alarm."""
    ground.stack.need(web="", worker=broken, beat="")
    tally = Tally(eager=bool(broken))
    while tally.trials < trials and not tally.failures:
        nights = min(ROUND, trials - tally.trials)
        _fill(ground, tally, dice_of(seed, tally.trials, "company"))
        for number in range(1, nights + 1):
            _one_night(ground, tally, dice_of(seed, tally.trials), number)
            tally.trials += 1
        _until_morning(ground, tally, nights + 1)
        # /health/ready may repeat an answer for a second.
        ended = within(PATIENCE, lambda: _health(ground)[1] == "ok")
        tally.expect(ended is not None, "the alarm did not end with a night without drift")
    return tally


def _fill(ground: Ground, tally: Tally, dice: random.Random) -> None:
    """Most employees are near the target, some have another one, some are exempt."""
    noon = datetime.combine(FIRST, clock_time(12), ZONE)
    ground.fresh(staff=STAFF, at=noon, opens_on=FIRST - timedelta(days=1), deadline=FIRST + timedelta(days=300))
    near = [0, *range(TARGET - 2, TARGET + 3)]
    for number in range(STAFF):
        staff_no = f"E{number:04d}"
        ground.bring(staff_no, range(dice.choice(near)))
        if dice.random() < 0.2:
            terms: dict[str, Any] = dice.choice([{"exempt": True}, {"target": dice.choice(near[1:])}])
            people.adjust(campaign=ground.campaign, employee=people.person(staff_no), **terms)
    ground.undisturbed(tally)


def _one_night(ground: Ground, tally: Tally, dice: random.Random, number: int) -> None:
    before, last = _standings(), StandingChange.objects.order_by("pk").last()
    drifted = _drift(ground, dice, before)
    wrong = _standings()
    colours = {name for name in drifted if _red(wrong[name]) != _red(before[name])}
    log = ground.stack["worker"].log
    said = log.stat().st_size
    run = _until_morning(ground, tally, number)
    if run is None:
        return
    found = run.totals.get("differences")
    tally.expect(found == DRIFTED, f"{found} differences were found for {DRIFTED} drifts")

    def logged() -> list[str]:
        text = log.read_bytes()[said:].decode(errors="replace")
        return re.findall(rf"ERROR.*drift in {ground.campaign.slug}: (\d+) standings differed", text)

    # The log has the number, after the commit; the audit trail has the names.
    within(PATIENCE, lambda: bool(logged()))
    tally.expect(logged() == [str(DRIFTED)], f"the log says {logged()} for {DRIFTED} drifts")
    tally.expect(_health(ground) == ("degraded", "found"), f"/health/ready says {_health(ground)}")
    ground.verdicts(tally, f"after night {number}")
    # `since` is restored for employees whom an evaluation had turned; the others have no such record.
    turned = set(StandingChange.objects.filter(cause="mark").values_list("employee__staff_no", flat=True))
    after = _standings()
    differ = [name for name, was in before.items() if _kept(after[name], name in turned) != _kept(was, name in turned)]
    tally.expect(not differ, f"not as before the drift: {differ[:3]}")
    audited = AuditEntry.objects.filter(action="standing.repaired").order_by("-pk")[: found or 0]
    repaired = sorted(audited.values_list("subject_id", flat=True))
    tally.expect(repaired == sorted(drifted), f"{len(repaired)} repairs in the audit trail are not the drifts")
    changes = StandingChange.objects.filter(pk__gt=last.pk if last else 0)
    causes = sorted(changes.values_list("employee__staff_no", "cause"))
    tally.expect(causes == [(name, "repair") for name in sorted(colours)], f"what turned is told as {causes[:3]}")
    tally.count("drifts", DRIFTED)
    tally.count("drifts across the target", len(colours))


def _drift(ground: Ground, dice: random.Random, before: Verdicts) -> set[str]:
    """Change the counts of fifty standings by one."""
    chosen = set(dice.sample(sorted(before), DRIFTED))
    for name in sorted(chosen):
        inject(ground.campaign, people.person(name), dice.choice([-1, 1]) if before[name][0] else 1)
    return chosen


def _until_morning(ground: Ground, tally: Tally, number: int) -> MarkRun | None:
    """Let that night come, begin its recount as beat's task does, and wait for its end; None when it never came."""
    day = FIRST + timedelta(days=number)
    Clock().set(datetime.combine(day, clock_time(3), ZONE), ticks=True)
    began = time.monotonic()
    begin_nightly_recount(ground.campaign, day.isoformat())
    # The next sweep enqueues the ranges, and the worker processes them.
    took = ground.within(PATIENCE, lambda: not MarkRun.objects.filter(finished_at=None).exists() and ground.at_rest())
    if not tally.expect(took is not None, f"{day}: the night's recount did not end"):
        return None
    tally.recoveries.append(time.monotonic() - began)
    return MarkRun.objects.filter(work=MarkRun.Work.RECOUNT).latest("pk")


def _standings() -> Verdicts:
    """Every standing without its computation time: (counted, target, exempt, red, target_reached_at, since)."""
    told = Standing.objects.values_list(
        "employee__staff_no", "counted", "target", "exempt", "red", "target_reached_at", "status_since"
    )
    return {staff_no: tuple(rest) for staff_no, *rest in told}


def _kept(verdict: tuple[Any, ...], turned: bool) -> tuple[Any, ...]:
    return verdict if turned else verdict[:-1]


def _red(verdict: tuple[Any, ...]) -> bool:
    return bool(verdict[3])


def _health(ground: Ground) -> tuple[str, str]:
    told = ground.client("H001").page("/health/ready").json
    return told["status"], told["checks"]["drift"]
