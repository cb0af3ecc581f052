"""C4: eight overlapping imports, evaluations and edits on 1,000 employees: no deadlock reaches a user, no batch is
lost.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import BytesIO
from typing import Any

from django.db import connection
from django.db.models import Max

from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact, rename_contact
from apps.core.errors import Refused
from apps.standings.process_runs import mark_all
from tests import people
from tests.crowd import at_once
from tests.faults import breaks, moments
from tests.faults.ground import Ground, Tally, dice_of

IMPORTS = 8
STAFF = 1_000
ROWS = 250
PERSONS = 60
ROUND = 5


def eight_imports(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """C4. A trial is eight files at once, each over a connection of its own."""
    ground.stack.need(web="", worker=broken, beat="")
    moments.small_batches()
    tally = Tally(eager=bool(broken))
    with _broken_here(broken):
        while tally.trials < trials and not tally.failures:
            ground.fresh(staff=STAFF)
            dice = dice_of(seed, tally.trials)
            for _ in range(min(ROUND, trials - tally.trials)):
                _round(ground, tally, dice)
                tally.trials += 1
    return tally


@contextmanager
def _broken_here(name: str) -> Iterator[None]:
    """Break this process too, which does the imports; mended at the end."""
    before = {module: vars(module)["lock_employees"] for module in breaks.lockers()}
    if name:
        breaks.BREAKS[name]()
    try:
        yield
    finally:
        for module, lock in before.items():
            vars(module)["lock_employees"] = lock


def _round(ground: Ground, tally: Tally, dice: random.Random) -> None:
    # Few employees and few people: files meet at most of their rows.
    files = [
        [(f"E{dice.randrange(STAFF // 10):04d}", dice.randrange(PERSONS)) for _ in range(ROWS)] for _ in range(IMPORTS)
    ]
    pairs = {pair for file in files for pair in file}
    before = Contact.objects.count()
    editor = _Editor(dice.randrange(10**6))
    with _meanwhile(tally, partial(mark_all, ground.campaign)), _meanwhile(tally, editor.edit):
        reports = at_once(*(partial(_import, file, tally.trials) for file in files))
    broke = [repr(report) for report in reports if isinstance(report, Exception)]
    if tally.expect(not broke, f"imports ended with {broke[:2]}"):
        tally.expect([report["read"] for report in reports] == [ROWS] * len(files), "lines were not read")
        created = sum(report["created"] for report in reports)
        tally.expect(created == len(pairs), f"{created} were recorded of {len(pairs)}")
        tally.expect(Contact.objects.count() - before == len(pairs), "what was reported is not what is stored")
    tally.expect(ground.rests() is not None, "marks: they never ended")
    ground.verdicts(tally, "after eight imports")


def _import(rows: list[tuple[str, int]], round_: int) -> dict[str, Any]:
    lines = "".join(f"{staff_no},Guest,p{round_}-{person}\n" for staff_no, person in rows)
    raw = BytesIO(f"staff_no,name,handle\n{lines}".encode())
    return import_contacts(raw=raw, by=people.TESTER).as_json()


@contextmanager
def _meanwhile(tally: Tally, work: Callable[[], object]) -> Iterator[None]:
    """Repeat the work in another thread; any exception is a failure."""
    over = threading.Event()

    def run() -> None:
        try:
            while not over.is_set():
                work()
                tally.count("marks and edits meanwhile")
        except Exception as error:
            tally.expect(False, f"meanwhile a client got {error!r}")
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


class _Editor:
    """Renames the existing contacts, and ends those of an earlier round."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.earlier = Contact.objects.aggregate(last=Max("pk"))["last"] or 0

    def edit(self) -> None:
        found = Contact.objects.filter(employee__staff_no__startswith="E").order_by("-pk")[:1_000]
        contacts = list(found.values_list("pk", "employee__staff_no"))
        if not contacts:
            return
        number, staff_no = self.dice.choice(contacts)
        named: dict[str, Any] = {"contact_id": number, "employee": people.person(staff_no), "by": people.TESTER}
        with suppress(Refused):
            if number <= self.earlier and self.dice.random() < 0.5:
                end_contact(**named)
            else:
                rename_contact(**named, name="Renamed")
