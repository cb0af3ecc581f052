"""F1: a Celery child, or the worker's parent, is killed at random points of an import and of an evaluation.

Nothing is lost or done twice, the report is that of one run, and work resumes within the promised time: a child's
message is delivered again at once; the sweep finds a parent's work.
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from functools import partial
from typing import Any

from django.db import connection

from apps.contacts.imports import import_submission
from apps.contacts.models import Submission
from tests import people
from tests.contacts.submitting import contacts, own_file, records_done, stored_outcome, submit_file
from tests.faults.ground import CROSSERS, TARGET, Ground, Tally, dice_of, send, within
from tests.faults.moments import BATCH
from tests.faults.sampler import Sampler
from tests.faults.stack import children_of
from tests.faults.waiting import SECONDS, let_files_look_old

CHILD_BACK = 10.0  # seconds: the promise after the death of a child
PARENT_BACK = 20.0  # after that of a parent, whose supervisor starts it again; the sweep finds its work
HALF = 10  # the most kills in an import, and in evaluations
STAFF = 250
OWNER = "A001"


def child(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """The process that does the work is killed; the worker's parent lives."""
    return _rounds(ground, trials, seed, broken, parent=False)


def parent(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """The worker's parent is killed, and its children with it; then it is started again."""
    return _rounds(ground, trials, seed, broken, parent=True)


def _rounds(ground: Ground, trials: int, seed: int, broken: str, *, parent: bool) -> Tally:
    ground.stack.need(web="", worker=broken, beat="")
    tally, round_ = Tally(eager=bool(broken)), 0
    while tally.trials < trials:
        dice = dice_of(seed, round_)
        number = min(HALF, -(-trials // 2), trials - tally.trials)
        (_import_round if round_ % 2 == 0 else _mark_round)(ground, tally, dice, number, seed, parent=parent)
        round_ += 1
        if tally.failures:
            break
    return tally


# -- killing -------------------------------------------------------------------------------------------------------


def _kill(ground: Ground, tally: Tally, dice: random.Random, *, parent: bool) -> float:
    """Kill it where it is; the instant."""
    # Their parent notices that both were killed, and starts new ones within five seconds.
    within(CHILD_BACK, lambda: children_of(ground.stack["worker"]))
    children = children_of(ground.stack["worker"])
    working = [pid for pid in _in_a_transaction() if pid in children]
    tally.count("kills inside a transaction", bool(working))
    with suppress(ProcessLookupError):
        os.kill(ground.stack.pid_of("worker") if parent else dice.choice(working or children), signal.SIGKILL)
    killed = time.monotonic()
    tally.trials += 1
    if parent:
        ground.stack.start_again("worker")
    return killed


def _in_a_transaction() -> list[int]:
    """The worker's children that are in a transaction now (tests.faults.moments.name_connections)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
            " AND xact_start IS NOT NULL AND application_name LIKE 'child-%'"
        )
        return [int(name.removeprefix("child-")) for (name,) in cursor.fetchall()]


def _recovered(tally: Tally, killed: float, took: float | None, promise: float, what: str) -> None:
    back = time.monotonic() - killed
    if tally.expect(took is not None and back <= promise, f"{what}: not back at work within {promise:.0f} s"):
        tally.recoveries.append(back)


# -- an import -----------------------------------------------------------------------------------------------------


def _undisturbed(ground: Ground, tally: Tally, text: str) -> Any:
    ground.fresh()
    submission = submit_file(people.person(OWNER), text)
    import_submission(submission.pk)
    for number in range(CROSSERS):
        ground.bring(f"R{number:03d}", [TARGET - 1])
    return stored_outcome(submission), _own_contacts(), ground.undisturbed(tally)


def _own_contacts() -> list[tuple[Any, ...]]:
    return [row for row in contacts() if row[0] == OWNER]


def _import_round(ground: Ground, tally: Tally, dice: random.Random, kills: int, seed: int, *, parent: bool) -> None:
    # Enough batches for every kill to fall between the first and the last.
    text = own_file(dice, (10 + 6 * kills) * BATCH)
    undisturbed = _undisturbed(ground, tally, text)
    ground.fresh()
    with Sampler(ground, tally, seed):
        send(partial(ground.client(OWNER).hand_in, text))
        for kill in range(kills):
            before = records_done()
            moved = within(30, lambda: records_done() > before or ground.at_rest())  # noqa: B023  (called at once)
            if not tally.expect(moved is not None, f"import {kill}: it never went on") or ground.at_rest():
                break
            time.sleep(dice.random() * 0.04)
            killed, stood = _kill(ground, tally, dice, parent=parent), records_done()
            promise = CHILD_BACK
            if parent:
                promise = PARENT_BACK + _wait_less(dice)
            took = within(promise + 5, lambda: records_done() > stood or ground.at_rest())  # noqa: B023  (called at once)
            _recovered(tally, killed, took, promise, f"import {kill}")
        tally.expect(ground.rests() is not None, "import: it never ended")
    tally.expect(ground.rests() is not None, "marks: they never ended")
    submission = Submission.objects.get(employee__staff_no=OWNER)
    after = stored_outcome(submission), _own_contacts(), ground.verdicts(tally, "after an import")
    for name, found, wanted in zip(("report", "contacts", "digest"), after, undisturbed, strict=True):
        tally.expect(found == wanted, f"{name} differs from that of an undisturbed run")


def _wait_less(dice: random.Random) -> float:
    """Nine times out of ten make the file look old enough for the sweep instead of waiting; otherwise wait, and
    longer.
    """
    if dice.random() < 0.1:
        return SECONDS
    let_files_look_old()
    return 0.0


# -- marks ---------------------------------------------------------------------------------------------------------


def _mark_round(ground: Ground, tally: Tally, dice: random.Random, kills: int, seed: int, *, parent: bool) -> None:
    plan = [[f"E{dice.randrange(STAFF):04d}" for _ in range(5)] for _ in range(kills)]
    ground.fresh(staff=STAFF)
    for step, names in enumerate(plan):
        _change(ground, step, names)
    for number in range(CROSSERS):
        ground.bring(f"R{number:03d}", [TARGET - 1])
    undisturbed = ground.undisturbed(tally)
    ground.fresh(staff=STAFF)
    with Sampler(ground, tally, seed):
        for step, names in enumerate(plan):
            _change(ground, step, names)
            client = ground.client(names[0])
            ground.note_everybody()
            send(partial(client.add, key=f"publish-{step}", name="Guest", handle=f"{names[0]}-{10 * step}"))
            time.sleep(dice.random() * 0.15)
            killed = _kill(ground, tally, dice, parent=parent)
            promise = PARENT_BACK if parent else CHILD_BACK
            _recovered(tally, killed, ground.rests(promise + 5), promise, f"mark {step}")
    tally.expect(ground.rests() is not None, "marks: they never ended")
    tally.expect(ground.verdicts(tally, "after marks") == undisturbed, "digest differs from that of an undisturbed run")


def _change(ground: Ground, step: int, names: list[str]) -> None:
    for name in names:
        ground.bring(name, range(10 * step, 10 * step + 3))
