"""F3 and R1: the message to the workers is not sent, or no worker receives it.

F3: a web worker is killed between the commit and the message; its change is evaluated within two sweeps. R1: no worker
runs at all; an employee with enough contacts is never red.
"""

from __future__ import annotations

import signal
import time
from functools import partial

from apps.contacts.models import ContactIdentity
from tests.faults.clients import NoAnswer
from tests.faults.ground import CROSSERS, TARGET, Ground, Tally, dice_of, send, within
from tests.faults.sampler import Sampler
from tests.faults.stack import SWEEP, children_of

# Two sweeps, and the extra time of a slow machine.
MARKED_WITHIN = 2 * SWEEP + 3.0
ROUND = CROSSERS - 2


def killed_before_the_message(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """F3. Each trial is an employee's last contact to the target."""
    ground.stack.need(web="", worker=broken, beat="")
    tally = Tally(eager=bool(broken))
    while tally.trials < trials and not tally.failures:
        ground.fresh()
        dice = dice_of(seed, tally.trials)
        with Sampler(ground, tally, seed, crossing=False) as sampler:
            for _ in range(min(ROUND, trials - tally.trials)):
                _kill_one(ground, tally, sampler)
                time.sleep(dice.random() * SWEEP)
        tally.expect(ground.rests() is not None, "marks: they never ended")
        ground.verdicts(tally, "after killed web workers")
    return tally


def _kill_one(ground: Ground, tally: Tally, sampler: Sampler) -> None:
    client = sampler.next_to_cross()
    handle = f"{client.staff_no}-{TARGET - 1}"
    before = set(children_of(ground.stack["web"]))
    ground.stack.armed.touch()
    try:
        answer = client.add(key=f"cross-{client.staff_no}", name="One more", handle=handle)
        tally.expect(False, f"{client.staff_no} got {answer.status}: the web worker was not killed")
    except NoAnswer:
        tally.trials += 1
    finally:
        ground.stack.armed.unlink()
    committed = time.monotonic()
    killed = within(5, lambda: set(children_of(ground.stack["web"])) != before)
    tally.expect(killed is not None, "no web worker was killed")
    tally.expect(ContactIdentity.objects.filter(value=handle.lower()).count() == 1, f"{handle} is not stored once")
    sampler.has_crossed(client)
    took = within(MARKED_WITHIN, ground.at_rest)
    if tally.expect(took is not None, f"{client.staff_no} is not evaluated within two sweeps"):
        tally.recoveries.append(time.monotonic() - committed)
    # The program sends again with its key and learns that it was recorded.
    again = send(partial(client.add, key=f"cross-{client.staff_no}", name="One more", handle=handle))
    tally.expect(again.status == 201, f"on the second request {client.staff_no} got {again.status}")


def nobody_works(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """R1. Each trial is one employee who crosses the target while the worker is suspended."""
    ground.stack.need(web=broken, worker="", beat="")
    tally = Tally(eager=bool(broken))
    while tally.trials < trials and not tally.failures:
        ground.fresh()
        with Sampler(ground, tally, seed, crossing=False) as sampler:
            for _ in range(min(ROUND, trials - tally.trials)):
                _stand_still(ground, signal.SIGSTOP)
                try:
                    sampler.cross_one()
                    tally.trials += 1
                    looked = sampler.rounds
                    within(30, lambda: sampler.rounds >= looked + 5)  # noqa: B023  (called at once)
                    tally.count("standings that stayed stale", not ground.at_rest())
                finally:
                    _stand_still(ground, signal.SIGCONT)
                took = ground.rests()
                if tally.expect(took is not None, "marks: they never ended"):
                    tally.recoveries.append(took or 0.0)
        tally.expect(ground.rests() is not None, "marks: they never ended")
        ground.verdicts(tally, "after a worker that stood still")
    return tally


def _stand_still(ground: Ground, number: signal.Signals) -> None:
    """Suspend or resume the worker's parent and its children, all of one group."""
    ground.stack.signal_group("worker", number)
