"""C1: 64 requests record one person at the same moment, by page, API and files: one live contact, one counted, no
error.
"""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial

from django.db import connection

from apps.contacts.models import ContactIdentity
from apps.standings.models import Standing
from tests import plugin
from tests.faults.clients import Answer, UserClient
from tests.faults.ground import TARGET, Ground, Tally, dice_of

OWNER = "A001"
# The limit of unconfirmed files of one person.
ON_PAGES, IN_API, IN_FILES = 30, 29, 5
ROUND = 20
INDEX = "contacts_identity_once"


def one_person(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """C1. `without_index` removes the unique index too."""
    breaks = "lock_nobody" if broken else ""
    ground.stack.need(web=breaks, worker=breaks, beat="")
    tally = Tally(eager=bool(broken))
    while tally.trials < trials and not tally.failures:
        dice = dice_of(seed, tally.trials)
        ground.fresh()
        with _without_index() if broken == "without_index" else nullcontext():
            for _ in range(min(ROUND, trials - tally.trials)):
                _all_at_once(ground, tally, dice)
                tally.trials += 1
            ground.verdicts(tally, "after the crowd")
    return tally


@contextmanager
def _without_index() -> Iterator[None]:
    """The mutant: the database would take the same person twice."""
    [(definition,)] = plugin.run_as_owner(f"SELECT pg_get_indexdef('{INDEX}'::regclass)")
    plugin.run_as_owner(f"DROP INDEX {INDEX}")
    try:
        yield
    finally:
        connection.close()
        plugin.empty_database()
        plugin.run_as_owner(str(definition))


def _spellings(dice: random.Random) -> tuple[str, list[str]]:
    """A phone number, and ways to write it."""
    digits = f"138{dice.randrange(10**8):08d}"
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in digits)
    spaced = f"{digits[:3]} {digits[3:7]} {digits[7:]}"
    ways = [digits, f"+86 {spaced}", f"0086-{spaced.replace(' ', '-')}", wide, f"{digits[:3]}\u200b{digits[3:]}"]
    return f"+86{digits}", ways


def _all_at_once(ground: Ground, tally: Tally, dice: random.Random) -> None:
    number, ways = _spellings(dice)
    client = ground.client(OWNER)
    before = Standing.objects.get(employee__staff_no=OWNER, campaign=ground.campaign).counted
    works: list[Callable[[], Answer]] = [partial(_on_page, client, dice.choice(ways)) for _ in range(ON_PAGES)]
    works += [partial(client.add, name="W", phone=dice.choice(ways)) for _ in range(IN_API)]
    # A file needs a preview first; then all are confirmed at the same moment.
    previews = [client.upload(f"name,phone\nW,{dice.choice(ways)}\n") for _ in range(IN_FILES)]
    versions = [client.previewed(looked.redirected_to) for looked in previews]
    works += [
        partial(client.form, looked.redirected_to + "confirm/", seen=version)
        for looked, version in zip(previews, versions, strict=True)
    ]
    dice.shuffle(works)
    answers = _together(works)
    for answer in answers:
        tally.expect(answer.status in (200, 201, 302, 422), f"a request of the crowd got {answer.status}")
    tally.count("submissions at once", len(answers))
    tally.expect(ground.rests() is not None, "marks: they never ended")
    live = ContactIdentity.objects.filter(employee__staff_no=OWNER, value=number, live=True).count()
    tally.expect(live == 1, f"{live} live contacts of one person")
    after = Standing.objects.get(employee__staff_no=OWNER, campaign=ground.campaign).counted
    tally.expect(after == before + 1, f"{after - before} counted for one person (target {TARGET})")


def _on_page(client: UserClient, phone: str) -> Answer:
    return client.form("/contacts/add/", name="W", reach=phone, key=str(uuid.uuid4()))


def _together(works: list[Callable[[], Answer]]) -> list[Answer]:
    """Start every work at the same moment, each in its own thread."""
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], Answer]) -> Answer:
        barrier.wait(60)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))
