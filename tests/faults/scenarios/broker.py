"""F5: the broker is restarted or wiped in the middle of work; everything is done within two sweeps.

Meanwhile pages respond and submissions are recorded as quickly as ever.
"""

from __future__ import annotations

import random
import signal
import time
from functools import partial

from apps.contacts.imports import import_submission
from apps.contacts.models import Submission
from config.celery import app
from tests import people
from tests.contacts.submitting import own_file, stored_outcome, submit_file
from tests.faults.clients import Answer, NoAnswer, UserClient
from tests.faults.ground import CROSSERS, TARGET, Ground, Tally, dice_of
from tests.faults.sampler import Sampler
from tests.faults.waiting import let_files_look_old

OWNER = "A001"
ROUND = 5
# Two sweeps of the default interval, including the worker's reconnection to a restarted broker.
DONE_WITHIN = 30.0
# Here a sweep runs every second: work that a mutant has not done after this time is never done.
NEVER_DONE_AFTER = 10.0
QUICKLY = 5.0
ADDS = 3


def restarted(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """Kill the broker, let employees go on working, and start the broker again with its data on disk."""
    return _rounds(ground, trials, seed, broken, wiped=False)


def wiped(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """Everything the broker holds is gone while messages wait in it."""
    return _rounds(ground, trials, seed, broken, wiped=True)


def _rounds(ground: Ground, trials: int, seed: int, broken: str, *, wiped: bool) -> Tally:
    beat, worker = (broken, "") if broken == "beat_tries_once" else ("", broken)
    ground.stack.need(web="", worker=worker, beat=beat)
    ground.stack.let_queues_settle()
    tally = Tally(eager=bool(broken))
    while tally.trials < trials and not tally.failures:
        dice = dice_of(seed, tally.trials, wiped)
        number = min(ROUND, trials - tally.trials)
        ground.fresh(staff=ROUND)
        # No employee crosses on their own: their messages would replace the lost ones.
        with Sampler(ground, tally, seed, crossing=False) as sampler:
            for trial in range(number):
                (_wipe if wiped else _restart)(ground, tally, dice, sampler, trial)
                tally.trials += 1
        tally.expect(ground.rests() is not None, "marks: they never ended")
        files = [stored_outcome(one) for one in Submission.objects.filter(source="csv").order_by("employee__staff_no")]
        tally.expect(len(files) == number, f"{len(files)} files for {number} submissions")
        digest = ground.verdicts(tally, "after the broker failed")
        _undisturbed(ground, tally, dice_of(seed, tally.trials - number, wiped), number, digest)
    return tally


def _restart(ground: Ground, tally: Tally, dice: random.Random, sampler: Sampler, trial: int) -> None:
    broker = ground.stack.broker
    client = ground.client(f"E{trial:04d}")
    looked = _read(client, own_file(dice, 200))
    broker.kill()
    try:
        later = _people_go_on(tally, sampler, client, looked)
    finally:
        broker.start()
    _done_in_time(ground, tally, client, later)


def _wipe(ground: Ground, tally: Tally, dice: random.Random, sampler: Sampler, trial: int) -> None:
    client = ground.client(f"E{trial:04d}")
    looked = _read(client, own_file(dice, 200))
    # The messages wait, because no worker takes them.
    ground.stack.signal_group("worker", signal.SIGSTOP)
    try:
        later = _people_go_on(tally, sampler, client, looked)
        tally.count("messages wiped", ground.stack.broker.waiting(app.conf.task_default_queue))
        ground.stack.broker.wipe()
    finally:
        ground.stack.signal_group("worker", signal.SIGCONT)
    _done_in_time(ground, tally, client, later)


def _read(client: UserClient, text: str) -> Answer:
    """The response to an upload that a worker has read: it can be confirmed when no worker runs any more."""
    looked = client.upload(text)
    client.previewed(looked.redirected_to)
    return looked


def _people_go_on(tally: Tally, sampler: Sampler, client: UserClient, looked: Answer) -> Answer:
    """One employee crosses the target, another adds people, confirms a file and sends another; each response is quick.

    Returns the response to the other file, which waits for a worker.
    """

    def ask(what: str, work: partial[Answer], *wanted: int) -> Answer:
        began = time.monotonic()
        answer = work()
        took = time.monotonic() - began
        tally.expect(answer.status in wanted, f"{what} was answered {answer.status}")
        tally.expect(took <= QUICKLY, f"{what} was answered after {took:.1f} s")
        tally.count("answers meanwhile")
        return answer

    for number in range(ADDS):
        ask("an add", partial(client.add, name="Guest", handle=f"{client.staff_no}-{number}"), 201)
    ask("the first page", partial(client.page, "/"), 200)
    ask("a file", partial(client.confirm, looked), 302)
    later = ask("another file", partial(client.upload, "name,email\nG,guest@outside.example.org\n"), 302)
    tally.expect(sampler.cross_one(), "an add was not answered")
    return later


def _done_in_time(ground: Ground, tally: Tally, client: UserClient, later: Answer) -> None:
    # The sweep retries a file after half a minute without progress; the test does not wait for that.
    let_files_look_old()
    took = ground.rests(NEVER_DONE_AFTER if tally.eager else DONE_WITHIN)
    if tally.expect(took is not None, f"not everything was done within two sweeps, {DONE_WITHIN:.0f} s"):
        tally.recoveries.append(took or 0.0)
    if not tally.eager:
        # By now a mutant has failed.
        try:
            client.previewed(later.redirected_to)
        except NoAnswer as none:
            tally.expect(False, str(none))


def _undisturbed(ground: Ground, tally: Tally, dice: random.Random, number: int, digest: str) -> None:
    texts = [own_file(dice, 200) for _ in range(number)]
    ground.fresh(staff=ROUND)
    for trial, text in enumerate(texts):
        ground.bring(f"E{trial:04d}", range(ADDS))
        import_submission(submit_file(people.person(f"E{trial:04d}"), text).pk)
    for crosser in range(CROSSERS):
        ground.bring(f"R{crosser:03d}", [TARGET - 1])
    tally.expect(digest == ground.undisturbed(tally), "digest differs from that of an undisturbed run")
