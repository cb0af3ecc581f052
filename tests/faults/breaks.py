"""The mutants' changes to the program: one function each, named like those of tests.faults.moments.

tests.faults.starter applies them in a process of the stack, or in this one. Imports are inside the functions: a web
process must not load a worker's modules.
"""

import random
import time
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from tests.contacts.starter import forget_checkpoints
from tests.faults import moments


def take_notes_first() -> None:
    """The mutant: outbox rows are deleted before the evaluation."""
    from django.db import transaction

    from apps.core.outbox import OutboxBatch
    from apps.standings import marking

    real, drain, taken = marking.mark_outbox, marking.pop_outbox, list[OutboxBatch]()

    def mark_outbox() -> int:
        with transaction.atomic():
            taken[:] = [drain(marking.BATCH_SIZE)]
        return real()

    def known(limit: int) -> OutboxBatch:
        # As on a slow machine: a concurrent read, evaluation or kill meets this state more than once in thirty times.
        time.sleep(0.05)
        return taken[0]

    marking.pop_outbox = known
    marking.mark_outbox = mark_outbox
    marking.mark_outbox = mark_outbox


def acknowledge_early() -> None:
    """The mutant: a message is acknowledged as soon as a worker receives it."""
    from config.celery import app

    app.conf.task_acks_late = False
    app.conf.task_reject_on_worker_lost = False


def sweep_nothing() -> None:
    """The mutant: no sweep finds work whose message was lost."""
    import apps.operations.tasks  # noqa: F401  (tasks are known only then)
    from config.celery import app

    app.tasks["apps.operations.tasks.sweep"].run = lambda: None


def freeze_nothing() -> None:
    """The mutant: nothing catches up on the hours without a beat to freeze campaigns."""
    import apps.operations.tasks  # noqa: F401  (tasks are known only then)
    from config.celery import app

    app.tasks["apps.operations.tasks.freeze_due"].run = lambda: None


def trust_stale_standings() -> None:
    """The mutant: pages show cached standings even while an evaluation is pending."""
    from apps.standings import base_query

    nobody = "SELECT NULL::bigint AS employee_id, NULL::timestamptz AS queued_at WHERE false"
    vars(base_query)["pending_sql"] = lambda *asked: nobody


def lock_nobody() -> None:
    """The mutant: no statement waits for a row lock, and all transactions read before any of them writes."""
    from apps.contacts import recording

    for module in lockers():
        vars(module)["lock_employees"] = lambda ids: None
    real = recording.insert_contacts

    def store(*arguments: Any) -> None:
        time.sleep(0.3)
        real(*arguments)

    vars(recording)["insert_contacts"] = store


def lock_in_any_order() -> None:
    """The mutant: the same rows are locked one after another in any order."""
    from django.db import connection

    def lock_employees(ids: Iterable[int]) -> None:
        found = sorted(set(ids))
        random.SystemRandom().shuffle(found)
        with connection.cursor() as cursor:
            for one in found:
                cursor.execute("SELECT FROM employees_employee WHERE id = %s FOR NO KEY UPDATE", [one])

    for module in lockers():
        vars(module)["lock_employees"] = lock_employees


def lockers() -> list[ModuleType]:
    """Every module that locks employees."""
    from apps.contacts.services import changes, submissions
    from apps.standings import marking

    return [changes, submissions, marking]


def beat_tries_once() -> None:
    """The mutant: beat's message is lost with its connection, and no other connection is opened."""
    from config.celery import app

    for entry in app.conf.beat_schedule.values():
        entry["options"]["retry"] = False


def claim_always() -> None:
    """The mutant: no record shows that the job of a period is done."""
    for module in moments.claimers():
        real = vars(module)["claim_job"]
        vars(module)["claim_job"] = lambda *claimed, real=real: real(*claimed) or True


def end_ranges_first() -> None:
    """The mutant: a range appears as done before its effect is visible."""
    from django.db import transaction

    from apps.core.locks import lock_facts
    from apps.standings import process_runs

    real = process_runs.mark_range

    def mark_range(*judged: Any) -> Any:
        point = transaction.savepoint()
        found = real(*judged)
        transaction.savepoint_rollback(point)
        transaction.on_commit(lambda: mark_later(*judged))
        return found

    def mark_later(*judged: Any) -> None:
        time.sleep(0.3)
        with transaction.atomic():
            lock_facts()
            real(*judged)

    vars(process_runs)["mark_range"] = mark_range


def close_unlocked() -> None:
    """The mutant: the end of a range checks whether it was the last without waiting for concurrent ends."""
    from apps.standings import process_runs

    real = process_runs.finish_if_done

    def finish_if_done(run: Any) -> bool:
        over = not run.ranges.exclude(state="done").exists() and real(run)
        time.sleep(0.3)
        return over

    vars(process_runs)["finish_if_done"] = finish_if_done


def recount_colours() -> None:
    """The mutant: the recount detects only wrong colours, not other wrong values."""
    from dataclasses import replace

    from apps.standings import recount

    real = recount._compare

    def is_red(verdict: dict[str, Any] | None) -> bool:
        return bool(verdict and verdict["counted"] < verdict["target"] and not verdict["exempt"])

    def compare(*asked: Any) -> Any:
        found = real(*asked)
        turned = [one for one in found.differences if is_red(one.stored) != is_red(one.recounted)]
        return replace(found, differences=turned)

    recount._compare = compare


def repair_as_marks() -> None:
    """The mutant: a repair is reported as a change by the employee's own contacts."""
    from apps.standings import recount

    real = recount.mark_standings
    vars(recount)["mark_standings"] = lambda **given: real(**{**given, "cause": "mark"})


def keep_no_alarm() -> None:
    """The mutant: drift that the nightly recount repaired raises no alarm in the morning."""
    from apps.standings import process_runs

    vars(process_runs)["record_drift"] = lambda *found: None


def forget_keys() -> None:
    """The mutant: a repeated request is treated as a new one."""
    from apps.contacts.services import submissions

    real = submissions.receive

    def receive(**given: Any) -> Any:
        return real(**{**given, "key": None})

    submissions.receive = receive


def commit_without_waiting() -> None:
    """The mutant: the database confirms a commit before it is on disk."""
    from django.db.backends.signals import connection_created

    def ask(connection: Any, **told: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")

    connection_created.connect(ask, weak=False)


def repeat_everything() -> None:
    """The mutant: a reminder whose worker died is sent again, although it may have left."""
    from apps.notifications import delivery
    from apps.notifications.kinds import KINDS

    vars(delivery)["AT_LEAST_ONCE_KINDS"] = list(KINDS)


def forget_the_lost() -> None:
    """The mutant: what a dead worker was sending is never looked for."""
    from apps.notifications import delivery

    vars(delivery)["RELEASE_LOST"] = "SELECT %(now)s, %(at_least_once)s::text[], %(most)s"


def new_message_each_time() -> None:
    """The mutant: a repeated mail is another message."""
    import uuid

    from apps.notifications.texts import rendering

    vars(rendering)["message_id"] = lambda facts: f"<notification-{facts.id}-{uuid.uuid4().hex}@hundred>"


def read_in_requests() -> None:
    """The mutant: a page reads an uploaded file itself, without a limit on size or concurrency."""
    from apps.core import enqueue, previews
    from apps.fileio import csv_reader, encodings, xlsx_parts, xlsx_reader
    from apps.fileio.vcards import reader as cards
    from apps.operations import file_previews

    for module, limits in (
        (encodings, ["MAX_LINES"]), (cards, ["MAX_LINES"]), (csv_reader, ["MAX_LINES_ABOVE_HEADER"]),
        (xlsx_parts, ["MAX_ROWS", "MAX_SMALL_PART_ELEMENTS"]), (xlsx_reader, ["MAX_ELEMENTS", "MAX_COMPRESSION_RATIO"]),
        (previews, ["LARGE_BYTES", "LARGE_UNPACKED_BYTES"]),
    ):  # fmt: skip
        vars(module).update(dict.fromkeys(limits, 10**12))
    vars(enqueue)["enqueue_preview"] = file_previews.make_preview


_ALL = [take_notes_first, acknowledge_early, sweep_nothing, trust_stale_standings, lock_nobody, lock_in_any_order]
_ALL += [forget_checkpoints, claim_always, forget_keys, commit_without_waiting, freeze_nothing, beat_tries_once]
_ALL += [end_ranges_first, close_unlocked, recount_colours, repair_as_marks, keep_no_alarm, *moments.ALL]
_ALL += [read_in_requests, repeat_everything, forget_the_lost, new_message_each_time]
BREAKS: dict[str, Callable[[], None]] = {one.__name__: one for one in _ALL}
