"""D3: five processes freeze one campaign at the same moment; the facts alone give the same bytes on an empty database.

It needs only the database. The campaign has other targets, exemptions, reviews, ends and moves. After the freeze come
more facts dated before the cut-off, which a repeated computation of the result must ignore.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from django.db import connection

from apps.campaigns.models import Campaign
from apps.contacts.imports import import_contacts
from apps.contacts.models import Contact
from apps.contacts.services.changes import end_contact
from apps.core.models import AuditEntry
from apps.localstack.processes import set_parent_death_signal
from apps.operations import tasks
from apps.results import freeze, store_result
from apps.results.models import FrozenResult
from apps.results.result_files import signature_file
from apps.standings.process_runs import sweep
from tests import people, plugin, reviewing
from tests.commands import run as command
from tests.faults.ground import TARGET, Ground, Tally, dice_of, instant
from tests.fixtures import Clock
from tests.oracle import oracle
from tests.results.deadline import verdicts
from tests.standings.rebuilding import exported, rebuilt

STAFF = 24
# The number of rebuilds of one freeze, and of freezes per campaign.
IN_A_ROW = 10
PATIENCE = 60.0
FORGET_K = """SET session_replication_role = 'replica';
UPDATE campaigns_campaign SET snapshot_at = '2999-01-01 00:00+00'"""


def one_result(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """A trial is one rebuild; after ten of them another campaign is frozen."""
    ground.stack.need()
    tally = Tally(eager=bool(broken))
    with _broken_here(broken):
        while tally.trials < trials and not tally.failures:
            dice = dice_of(seed, tally.trials)
            _fill(ground, dice)
            _five_at_once(ground, tally)
            with TemporaryDirectory(prefix="rebuilt-") as folder:
                first = exported(Path(folder, "first"), plugin.DATABASE)
                _come_late()
                for number in range(min(IN_A_ROW, trials - tally.trials)):
                    _again(tally, Path(folder, str(number)), first, broken)
                    tally.trials += 1
    return tally


# -- a campaign ----------------------------------------------------------------------------------------------------


def _fill(ground: Ground, dice: random.Random) -> None:
    """All employees have contacts, and most have an event that decides a verdict, or must not."""
    ground.fresh(
        staff=STAFF, at=instant(people.NOON), opens_on=date(2026, 11, 1), deadline=date(2026, 11, 30), target=TARGET
    )
    happenings = [_adjust, _exempt, _only_ask, _end, _ask_review, _be_answered, _move, lambda *nobody: None]
    for number in range(STAFF):
        ground.bring(f"E{number:04d}", range(dice.randrange(2 * TARGET)))
        dice.choice(happenings)(ground.campaign, f"E{number:04d}", dice)
    sweep()


def _adjust(campaign: Campaign, staff_no: str, dice: random.Random) -> None:
    people.adjust(campaign=campaign, employee=people.person(staff_no), target=dice.randrange(1, 2 * TARGET))


def _exempt(campaign: Campaign, staff_no: str, dice: random.Random) -> None:
    people.adjust(campaign=campaign, employee=people.person(staff_no), exempt=True)


def _only_ask(campaign: Campaign, staff_no: str, dice: random.Random) -> None:
    people.ask(campaign=campaign, employee=people.person(staff_no), target=1)


def _end(campaign: Campaign, staff_no: str, dice: random.Random) -> None:
    owner = people.person(staff_no)
    for contact in Contact.objects.of(owner).order_by("pk")[: dice.randrange(TARGET)]:
        end_contact(contact_id=contact.pk, employee=owner, by=people.TESTER)


def _ask_review(campaign: Campaign, staff_no: str, dice: random.Random) -> Any:
    return reviewing.ask(campaign, people.person(staff_no))


def _be_answered(campaign: Campaign, staff_no: str, dice: random.Random) -> None:
    reviewing.answer(_ask_review(campaign, staff_no, dice), people.person("H001"))


def _move(campaign: Campaign, staff_no: str, dice: random.Random) -> None:
    head = "staff_no,name,email,department,manager_staff_no,left_on\n"
    boss, left_on = dice.choice([("B001", ""), ("D001", ""), ("C001", "2026-11-27")])
    people.load(f"{head}{staff_no},Emil,e{int(staff_no[1:])}@corp.example.com,Sales,{boss},{left_on}\n")


def _come_late() -> None:
    """After the freeze a feed reports events before the cut-off: they are stored, and count for no employee."""
    late = [f"E{number:04d},Late,late-{number}-{n},{people.NOON}\n" for number in range(STAFF) for n in range(TARGET)]
    raw = BytesIO("".join(["staff_no,name,handle,recorded_at\n", *late]).encode())
    report = import_contacts(raw=raw, by=people.TESTER, trust_times=True).as_json()
    if report["created"] != len(late):
        raise RuntimeError(f"what came late was not stored: {report}")


# -- freezing ------------------------------------------------------------------------------------------------------


def _five_at_once(ground: Ground, tally: Tally) -> None:
    """Two operators run the command and three workers run beat's task, in five processes at the same moment."""
    campaign = ground.campaign
    Clock().set(campaign.rule.cutoff_at + timedelta(seconds=15), ticks=True)
    # Forked, so that they start at the same moment: each opens its own connection.
    connection.close()
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(5)
    clients: list[Callable[[], Any]] = [partial(command, "freeze_campaign", "--campaign", campaign.slug)] * 2
    clients += [tasks.freeze_due] * 3
    freezers = [context.Process(target=_freeze, args=(client, barrier, os.getpid()), daemon=True) for client in clients]
    for one in freezers:
        one.start()
    for one in freezers:
        one.join(PATIENCE)
    ended = [one.exitcode for one in freezers]
    tally.expect(ended == [0] * len(clients), f"five concurrent freezes ended with {ended}")
    again = [freeze.freeze(campaign=campaign, by=people.TESTER, wait=True) for _ in range(IN_A_ROW)]
    tally.expect(len({signature_file(one) for one in again if one}) == 1, "ten in a row gave more than one result")
    results = list(FrozenResult.objects.filter(campaign=campaign))
    tally.expect(len(results) == 1, f"{len(results)} results")
    for step in ("campaign.closing", "campaign.frozen"):
        told = AuditEntry.objects.filter(action=step).count()
        tally.expect(told == 1, f"{step} stands {told} times in the audit trail")
    tally.expect(sorted(verdicts(campaign)) == sorted(oracle(campaign)), "the result differs from the oracle")


def _freeze(client: Callable[[], Any], barrier: Any, parent: int) -> None:
    """Ends with 0 only without an error and without an error in the log."""
    set_parent_death_signal(signal.SIGKILL, parent)
    shouted: list[logging.LogRecord] = []
    listener = logging.Handler(logging.ERROR)
    vars(listener)["emit"] = shouted.append
    logging.getLogger("apps").addHandler(listener)
    connection.ensure_connection()
    barrier.wait(PATIENCE)
    client()
    sys.exit(len(shouted))


def _again(tally: Tally, folder: Path, first: tuple[bytes, bytes], broken: str) -> None:
    with rebuilt() as database:
        if broken == "forget_k":
            plugin.run_as_owner(FORGET_K, database=database)
        found = exported(folder, database, *["freeze_campaign --campaign november"] * IN_A_ROW)
    for name, one, two in zip(("CSV", "signature file"), found, first, strict=True):
        tally.expect(one == two, f"the rebuilt {name} has other bytes")


# -- mutants -------------------------------------------------------------------------------------------------------


@contextmanager
def _broken_here(name: str) -> Iterator[None]:
    """The mutants.

    `any_order`: lines are signed in the database's own order. `hold_nobody`: freezes neither wait for each other nor
    check which was first. `forget_k`, above: facts known only after the freeze count.
    """
    lines = store_result.canonical_lines

    def shuffled(*version: Any) -> Iterator[str]:
        found = list(lines(*version))
        random.SystemRandom().shuffle(found)
        yield from found

    @contextmanager
    def everybody(*named: Any, **options: Any) -> Iterator[bool]:
        yield True

    def only_try(campaign: Campaign, *arguments: Any) -> Any:
        return freeze._step(Campaign.objects.get(pk=campaign.pk), *arguments)

    with ExitStack() as stack:
        if name == "any_order":
            stack.enter_context(patch.object(store_result, "canonical_lines", shuffled))
        if name == "hold_nobody":
            stack.enter_context(patch.object(freeze, "advisory_lock", everybody))
            stack.enter_context(patch.object(freeze, "_try_step", only_try))
        yield
