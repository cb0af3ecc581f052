"""F2, F4: processes restart, and PostgreSQL stops immediately, while contacts are added and a file is recorded.

Everything acknowledged is stored once; a client without a response sends again and finds one effect; a failing page
returns 503 with Retry-After. In the end all verdicts equal those of an undisturbed run.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

from django.db import connection

from apps.contacts.imports import import_submission
from apps.contacts.models import Submission
from apps.localstack.processes import stop_children
from tests import people, plugin
from tests.contacts.submitting import contacts, own_file, stored_outcome, submit_file
from tests.faults.clients import NoAnswer
from tests.faults.ground import CROSSERS, PATIENCE, TARGET, Ground, Tally, dice_of, patiently, send, within
from tests.faults.load import WRITERS, Load
from tests.faults.moments import BATCH
from tests.faults.sampler import Sampler
from tests.faults.stack import STEPS
from tests.faults.waiting import let_files_look_old

OWNER = "A001"
LINES = 40 * BATCH
ROUND = 5
BACK = 30.0  # seconds from a fault until an add is acknowledged again, the process's or server's own start included
Fault = Callable[[Ground, Tally, random.Random], None]


def restarts(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """F2: SIGTERM to web, worker or beat, and a start again, as an update does it."""
    ground.stack.need(web=broken, worker="", beat="")
    return _rounds(ground, trials, seed, broken, _restart)


def stops(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """F4: PostgreSQL is stopped in its mode `immediate`, which writes nothing more, and started again."""
    # A commit that waits also writes all earlier ones of both.
    ground.stack.need(web=broken, worker=broken, beat="")
    with _lazy_writer() if broken else nullcontext():
        return _rounds(ground, trials, seed, broken, _stop_database)


@contextmanager
def _lazy_writer() -> Iterator[None]:
    """For the mutant: commits that do not wait are written late, so that a stop loses some of them."""
    plugin.run_as_owner("ALTER SYSTEM SET wal_writer_delay = '10s'")
    plugin.run_as_owner("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        connection.close()
        patiently(partial(plugin.run_as_owner, "ALTER SYSTEM RESET wal_writer_delay"))
        patiently(partial(plugin.run_as_owner, "SELECT pg_reload_conf()"))


def _rounds(ground: Ground, trials: int, seed: int, broken: str, fault: Fault) -> Tally:
    tally = Tally(eager=bool(broken))
    while tally.trials < trials and not tally.failures:
        dice = dice_of(seed, tally.trials)
        text = own_file(dice, LINES)
        ground.fresh(staff=WRITERS)
        with Sampler(ground, tally, seed), Load(ground, tally, seed) as load:
            tally.expect(send(partial(ground.client(OWNER).hand_in, text)).status == 302, "the file was not taken")
            for _ in range(min(ROUND, trials - tally.trials)):
                time.sleep(dice.random() * 0.3)
                fault(ground, tally, dice)
                tally.trials += 1
            let_files_look_old()
            # While contacts are added there is always an outbox row.
            tally.expect(ground.within(PATIENCE, _file_is_done) is not None, "the file was never done")
        tally.expect(ground.rests() is not None, "marks: they never ended")
        load.compare()
        _compare(ground, tally, load, text)
    return tally


def _compare(ground: Ground, tally: Tally, load: Load, text: str) -> None:
    """With the same facts on fresh ground."""
    disturbed = stored_outcome(Submission.objects.get(employee__staff_no=OWNER, source="csv")), _own_contacts()
    digest = ground.verdicts(tally, "after the faults")
    ground.fresh(staff=WRITERS)
    submission = submit_file(people.person(OWNER), text)
    import_submission(submission.pk)
    load.replay()
    for number in range(CROSSERS):
        ground.bring(f"R{number:03d}", [TARGET - 1])
    tally.expect(disturbed == (stored_outcome(submission), _own_contacts()), "the file's report or contacts differ")
    tally.expect(digest == ground.undisturbed(tally), "digest differs from that of an undisturbed run")


def _file_is_done() -> bool:
    return not Submission.objects.filter(source="csv", state=Submission.State.RECEIVED).exists()


def _own_contacts() -> list[tuple[object, ...]]:
    return [row for row in contacts() if row[0] == OWNER]


def _restart(ground: Ground, tally: Tally, dice: random.Random) -> None:
    name = dice.choice(["web", "web", "worker", "worker", "beat"])
    tally.count(f"restarts of {name}")
    began = time.monotonic()
    stop_children([ground.stack[name]], STEPS)
    ground.stack.start_again(name)
    _answers_again(ground, tally, began)


def _stop_database(ground: Ground, tally: Tally, dice: random.Random) -> None:
    postmaster = int((plugin.PATHS.cluster / "postmaster.pid").read_text().partition("\n")[0])
    connection.close()
    os.kill(postmaster, signal.SIGQUIT)
    began = time.monotonic()
    gone = within(10, lambda: not _lives(postmaster))
    tally.expect(gone is not None, "PostgreSQL did not stop")
    # Its supervisor starts it again; after several deaths in a row that is up to its users, like `make run`.
    patiently(_ensure)
    _answers_again(ground, tally, began)
    if dice.random() < 0.5:
        let_files_look_old()


def _ensure() -> None:
    if not plugin.server.is_supervised():
        plugin.server.ensure()
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _answers_again(ground: Ground, tally: Tally, began: float) -> None:
    """Until the own standing is answered again."""

    def answered() -> bool:
        try:
            return ground.client(OWNER).api("GET", "me/standing/").status == 200
        except NoAnswer:
            return False

    took = within(BACK, answered)
    if tally.expect(took is not None, f"no page within {BACK:.0f} s of the fault"):
        tally.recoveries.append(time.monotonic() - began)
