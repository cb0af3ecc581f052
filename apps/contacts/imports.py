"""Import contact files: first a submission, then batch after batch, each a transaction with its checkpoint.

After a crash, the next run continues after the last committed batch. No row is lost or recorded twice, and the report
equals that of one undisturbed run.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import IO, Any

from django.db import transaction
from django.db.models import F

from apps.contacts.batches import batches, with_rare_garbage_collection
from apps.contacts.drafts import Outcome, OutcomeCode
from apps.contacts.employee_resolver import EmployeeResolver
from apps.contacts.file_receipt import receive_file
from apps.contacts.import_queue import queue_locks
from apps.contacts.import_report import ImportResult, store_rejects
from apps.contacts.models import Source, Submission
from apps.contacts.reading import (
    AUTO,
    VCARD,
    ContactFile,
    Entry,
    is_vcards,
    open_contacts,
    refuse_undecoded_cards,
    roles_by_name,
)
from apps.contacts.services.submissions import notify_end, record_contacts, refuse_submission
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.files import open_file, read_file
from apps.core.identity_key import verify_identity_key
from apps.core.locks import advisory_lock, lock_facts
from apps.core.previews import record_turn
from apps.core.statistics import CONTACT_TABLES, refresh_statistics
from apps.employees.models import Employee
from apps.fileio.errors import UnreadableFile

logger = logging.getLogger(__name__)
# A file that ends its process this many times without progress is refused.
MAX_ATTEMPTS = 5
# The end of an import of at least so many rows is notified.
NOTIFIED_FROM_ROWS = 500
# Seconds after which the database has released the locks of a dead process. A lock held longer has a live owner.
LOCK_WAIT_SECONDS = 3.0


class ConcurrentImport(RuntimeError):
    """Another process is importing this file: its checkpoint has advanced."""


def import_contacts(
    *, raw: IO[bytes], by: Actor, employee: Employee | None = None, format: str = AUTO, encoding: str = "",
    columns: Mapping[str, str] | None = None, trust_times: bool = False, dry_run: bool = False, file_name: str = "",
    rejects: Callable[[bytes], object] | None = None, progress: Callable[[int], None] = lambda read: None,
) -> ImportResult:  # fmt: skip
    """Record the contacts in a seekable file, for `employee` or for the employee each row names.

    The same file continues at its checkpoint after an interrupted run. `columns`: column name to role, for columns
    whose names are not recognised. `trust_times`: the file is an operator's feed and has recorded_at, confirmed_at and
    ended_at. `rejects` receives the rejected rows as CSV, with line, code and reason. `progress(read)` is called after
    each batch. Raises UnreadableFile; then nothing was recorded.
    """
    verify_identity_key()
    # Before anything else is read: it identifies an interrupted run of the same file.
    raw.seek(0)
    sha256 = hashlib.file_digest(raw, "sha256").digest()  # type: ignore[arg-type] # IO has no readinto, files have
    raw.seek(0)
    if not encoding and (format == VCARD or (format == AUTO and is_vcards(raw))):
        refuse_undecoded_cards(raw)
    with ExitStack() as stack:
        roles = roles_by_name(raw, encoding, columns) if columns else None
        file = stack.enter_context(
            open_contacts(raw, format=format, encoding=encoding, roles=roles, trust_times=trust_times)
        )
        if employee is None and not file.names_employees:
            raise UnreadableFile("line 1: the file names no employees: add a column staff_no, or give --employee")
        # A dry run is a real run that is rolled back, so the two can never differ.
        if dry_run:
            stack.enter_context(transaction.atomic())
        source = Source.FEED if trust_times else Source.VCARD if file.format == VCARD else Source.CSV
        submission = _open_submission(file, stack, employee, by, source, file_name, sha256, dry_run=dry_run)
        result = _import_entries(submission, file, progress)
        result.unknown_columns = file.unknown
        if rejects and submission.rejects:
            for piece in read_file(submission.rejects):
                rejects(piece)
        if dry_run:
            transaction.set_rollback(True)
    return result


def _open_submission(
    file: ContactFile, stack: ExitStack, employee: Employee | None, by: Actor, source: str, file_name: str,
    sha256: bytes, *, dry_run: bool,
) -> Submission:  # fmt: skip
    """Return the unfinished submission of the file, else a new one. Its lock is held in `stack`."""
    layout = {"format": file.format, "encoding": file.encoding, "roles": file.roles}
    submission_id = uuid.uuid4()
    if not dry_run:
        if unfinished := _unfinished(sha256, employee, source, layout, stack):
            return unfinished
        # Take the lock before the row exists: the same command in parallel would otherwise treat it as abandoned.
        stack.enter_context(advisory_lock(f"submission:{submission_id}"))
    if source == Source.FEED:
        # A feed sets times and ends for anybody. No sums: they would tell its sender whose contact a person is.
        audit("feed.received", by=by, kind="submission", id=submission_id, detail={"sha256": sha256.hex()})
    return receive_file(
        employee=employee, by=by, source=source, file_name=file_name, sha256=sha256, id=submission_id, layout=layout,
    )  # fmt: skip


def _unfinished(
    sha256: bytes, employee: Employee | None, source: str, layout: dict[str, Any], stack: ExitStack
) -> Submission | None:
    """Return an unfinished submission of the same bytes, employee and layout, left by a command that died.

    Its lock is held in `stack`.
    """
    # file=None: a file submitted on a page belongs to the worker that will import it.
    unfinished = Submission.objects.filter(
        sha256=sha256, employee=employee, source=source, layout=layout, state=Submission.State.RECEIVED, file=None
    ).order_by("-received_at")
    for submission in unfinished:
        if stack.enter_context(advisory_lock(f"submission:{submission.pk}", wait=LOCK_WAIT_SECONDS)):
            # Read the row again under the lock: only now is its checkpoint final.
            submission.refresh_from_db()
            if submission.state == Submission.State.RECEIVED:
                return submission
    return None


def import_submission(submission_id: uuid.UUID, *, queued: bool = True) -> bool:
    """Record the rest of a submitted file. Returns False when another process works on it or it is done.

    A file that cannot be read, or that has killed its process too often, is refused; its report says so. `queued`: also
    return False while another file of the same employee is recorded. A large file also waits while another large one is
    recorded or previewed. The process that holds the queue requests the next file. A freeze has a deadline and does not
    queue.
    """
    verify_identity_key()
    with ExitStack() as locks:
        submissions = Submission.objects.select_related("employee", "file", "rejects")
        # Take the queue locks first. A process refused by a queue then never held the file's lock, so it cannot block
        # the process that requests this file next.
        names = [*(queue_locks(submissions.get(pk=submission_id)) if queued else []), f"submission:{submission_id}"]
        if not all(locks.enter_context(advisory_lock(name)) for name in names):
            return False
        # Read again: the state under the lock is the one that counts.
        submission = submissions.get(pk=submission_id)
        if submission.state != Submission.State.RECEIVED:
            return False
        last_progress = _begin_attempt(submission)
        if submission.file is None or submission.attempts > MAX_ATTEMPTS:
            refuse_submission(submission.pk, "lost" if submission.file is None else "gave_up")
            return True
        layout = submission.layout
        with open_file(submission.file) as raw, _not_counting_errors(submission, last_progress):
            try:
                with open_contacts(
                    raw, format=layout["format"], encoding=layout["encoding"],
                    roles=layout["roles"] if layout["format"] != VCARD else None,
                ) as file:  # fmt: skip
                    _import_entries(submission, file)
            except UnreadableFile as error:
                logger.warning("submission %s cannot be read: %s", submission_id, error)
                refuse_submission(submission.pk, "unreadable")
            except ConcurrentImport:
                return False
    return True


def _begin_attempt(submission: Submission) -> datetime | None:
    """Count the attempt before the work: a process that is killed cannot count it afterwards.

    Returns the instant of the last progress before.
    """
    last_progress = submission.advanced_at
    if submission.file:
        record_turn(submission.file)
    # The instant too: a closing campaign refuses a file without progress, and this one has just begun.
    submission.attempts, submission.advanced_at = submission.attempts + 1, db_now()
    submission.save(update_fields=["attempts", "advanced_at"])
    return last_progress


@contextmanager
def _not_counting_errors(submission: Submission, last_progress: datetime | None) -> Iterator[None]:
    """Take the attempt back when an error ends it, such as a slow lock: only attempts that kill the process count.

    It is no progress either: otherwise a file that always fails would keep its campaign from its snapshot for ever.
    """
    try:
        yield
    except Exception:
        # Not below zero: a batch that was committed in this attempt has reset the number.
        Submission.objects.filter(pk=submission.pk, attempts__gt=0).update(
            attempts=F("attempts") - 1, advanced_at=last_progress
        )
        raise


def _import_entries(
    submission: Submission, file: ContactFile, progress: Callable[[int], None] = lambda read: None
) -> ImportResult:
    """Record the entries after the checkpoint and close the submission. Raises ConcurrentImport, UnreadableFile."""
    result, resolver = ImportResult.of(submission), EmployeeResolver(submission.employee)
    # One transaction a batch: its contacts, rejects and checkpoint are committed together or not at all.
    for batch in with_rare_garbage_collection(batches(file.entries, skip=submission.done)):
        with transaction.atomic():
            _lock_checkpoint(submission)
            rejected = []
            for entry, outcome in _record_entries(batch, resolver, submission):
                if result.add(entry, outcome):
                    rejected.append((entry, outcome))
            result.rejects_not_kept += store_rejects(submission, file.header, rejected)
            submission.done, submission.report = result.read, result.as_report()
            # Progress resets the attempts: only a file that kills its process without progress is refused.
            submission.advanced_at, submission.attempts = db_now(), 0
            submission.save(update_fields=["done", "report", "rejects", "advanced_at", "attempts"])
        progress(result.read)
    with transaction.atomic():
        _lock_checkpoint(submission)
        submission.state, submission.done_at, submission.total = Submission.State.DONE, db_now(), result.read
        submission.report = result.as_report()
        submission.save(update_fields=["state", "done_at", "total", "report"])
        # A smaller file is recorded while its page is open.
        if result.read >= NOTIFIED_FROM_ROWS:
            notify_end(submission)
        # Every person in the file is now a contact or among the rejects, so the file is not read again.
        if submission.file is not None:
            submission.file.delete()
            submission.file = None
        # After a large import the planner would otherwise still believe that the tables are small (ADR 73).
        refresh_statistics(*CONTACT_TABLES, written=result.outcome_counts[OutcomeCode.CREATED])
    result.submission = submission
    return result


def _lock_checkpoint(submission: Submission) -> None:
    """Lock the submission and verify its checkpoint. Raises ConcurrentImport when another process advanced it."""
    # The facts lock first, as in every write: the opposite order could deadlock with a freeze.
    lock_facts()
    locked = Submission.objects.select_for_update(no_key=True, of=("self",)).only("state", "done").get(pk=submission.pk)
    if locked.state != Submission.State.RECEIVED or locked.done != submission.done:
        raise ConcurrentImport(f"submission {submission.pk} stands at {locked.done}, not at {submission.done}")


def _record_entries(
    batch: list[Entry], resolver: EmployeeResolver, submission: Submission
) -> list[tuple[Entry, Outcome]]:
    """Return the outcome of every entry of a batch, in order."""
    resolver.prefetch(batch)
    resolved = [(entry, resolver.of(entry)) for entry in batch]
    valid = [(employee_id, entry.draft) for entry, employee_id in resolved if isinstance(employee_id, int)]
    trusted = submission.source == Source.FEED
    # One outcome for each valid entry, in order; the others have theirs already.
    outcomes = iter(record_contacts(drafts=valid, submission=submission, trust_times=trusted))
    return [
        (entry, employee_id if isinstance(employee_id, Outcome) else next(outcomes)) for entry, employee_id in resolved
    ]
