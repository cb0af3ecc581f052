"""Import contact files: first a submission, then batch after batch, each a transaction with its checkpoint.

After a crash, the next run continues after the last committed batch. No row is lost or recorded twice, and the report
equals that of one undisturbed run.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import IO, Any

from django.db import transaction
from django.db.models import F, Q

from apps.contacts.batches import batches, without_collector
from apps.contacts.drafts import CREATED, Outcome
from apps.contacts.employee_resolver import EmployeeResolver
from apps.contacts.import_report import REJECTS_KEPT, ImportResult, keep_rejects
from apps.contacts.models import Source, Submission
from apps.contacts.reading import (
    AUTO,
    CSV,
    VCARD,
    ContactFile,
    Entry,
    is_vcards,
    open_contacts,
    refuse_undecoded_cards,
    roles_as_said,
    sha256_of,
)
from apps.contacts.services.submissions import ABANDONED_AFTER, record_checked, refuse_submission
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.files import keep_file, opened, read_file
from apps.core.identity import clean_text
from apps.core.identity_key import verify_identity_key
from apps.core.locks import advisory_lock, lock_facts
from apps.core.models import StoredFile
from apps.core.previews import LARGE_BYTES, LARGE_FILE
from apps.core.statistics import CONTACT_TABLES, refresh_statistics
from apps.employees.models import Employee
from apps.fileio.csv_reader import UnreadableFile

logger = logging.getLogger(__name__)
# A file that ends its process this many times without progress is refused.
ATTEMPTS = 5
# Seconds after which the database has released the locks of a dead process. A lock held longer has a live owner.
DEAD_AFTER = 3.0


class CheckpointMoved(RuntimeError):
    """Another process is importing this file: its checkpoint moved."""


class UploadExpired(LookupError):
    """The uploaded bytes have been deleted before they were submitted."""


def import_contacts(
    *,
    raw: IO[bytes],
    by: Actor,
    employee: Employee | None = None,
    format: str = AUTO,
    encoding: str = "",
    columns: Mapping[str, str] | None = None,
    trust_times: bool = False,
    dry_run: bool = False,
    file_name: str = "",
    rejects: Callable[[bytes], object] | None = None,
    progress: Callable[[int], None] = lambda read: None,
) -> ImportResult:
    """Record the contacts in a seekable file, for `employee` or for the employee each row names.

    The same file continues at its checkpoint after an interrupted run. `columns`: column name to role, for columns
    whose names are not recognised. `trust_times`: the file is an operator's feed and has recorded_at, confirmed_at and
    ended_at. `rejects` receives the rejected rows as CSV, with line, code and reason. `progress(read)` is called after
    each batch. Raises UnreadableFile; then nothing was recorded.
    """
    verify_identity_key()
    sha256 = sha256_of(raw)
    if not encoding and (format == VCARD or (format == AUTO and is_vcards(raw))):
        refuse_undecoded_cards(raw)
    with ExitStack() as stack:
        roles = roles_as_said(raw, encoding, columns) if columns else None
        file = stack.enter_context(
            open_contacts(raw, format=format, encoding=encoding, roles=roles, trust_times=trust_times)
        )
        if employee is None and not file.names_employees:
            raise UnreadableFile("line 1: the file names no employees: add a column staff_no, or give --employee")
        if dry_run:
            stack.enter_context(transaction.atomic())
        source = Source.FEED if trust_times else Source.VCARD if file.format == VCARD else Source.CSV
        layout = {"format": file.format, "encoding": file.encoding, "roles": file.roles}
        submission = None if dry_run else _unfinished(sha256, employee, source, layout, stack)
        if submission is None:
            # Take the lock before the row exists: the same command in parallel would otherwise treat it as abandoned.
            submission_id = uuid.uuid4()
            if not dry_run:
                stack.enter_context(advisory_lock(f"submission:{submission_id}"))
            submission = receive_file(
                employee=employee, by=by, source=source, file_name=file_name, sha256=sha256, id=submission_id,
                layout=layout,
            )  # fmt: skip
        result = _run(submission, file, progress)
        result.unknown_columns = file.unknown
        if rejects and submission.rejects:
            for piece in read_file(submission.rejects):
                rejects(piece)
        if dry_run:
            transaction.set_rollback(True)
    return result


def _unfinished(
    sha256: bytes, employee: Employee | None, source: str, layout: dict[str, Any], stack: ExitStack
) -> Submission | None:
    """Return an unfinished submission of the same bytes, employee and layout, left by a command that died.

    Its lock is held in `stack`.
    """
    waiting = Submission.objects.filter(
        sha256=sha256, employee=employee, source=source, layout=layout, state=Submission.State.RECEIVED, file=None
    ).order_by("-received_at")
    for found in waiting:
        if stack.enter_context(advisory_lock(f"submission:{found.pk}", wait=DEAD_AFTER)):
            # Read the row again under the lock: only now is its checkpoint final.
            found.refresh_from_db()
            if found.state == Submission.State.RECEIVED:
                return found
    return None


def receive_file(
    *, employee: Employee | None, by: Actor, source: str, file_name: str, sha256: bytes, layout: dict[str, Any],
    key: str | None = None, file: StoredFile | None = None, **fields: Any,
) -> Submission:  # fmt: skip
    """Commit the receipt of a file with its instant, from which its contacts count.

    The same key returns the same submission. `file`: its bytes, kept from now on as long as its rejects. Raises
    UploadExpired.
    """
    with transaction.atomic():
        lock_facts()
        now = db_now()
        if file is not None and not keep_file(file.pk, now + REJECTS_KEPT):
            # The file was submitted and recorded before, or it expired before it was submitted.
            before = Submission.objects.filter(employee=employee, key=key).first() if key else None
            if before is None:
                raise UploadExpired(str(file.pk))
            return before
        given = {
            "source": source, "received_at": now, "advanced_at": now, "actor_id": by.id, "actor_label": by.label,
            "file_name": clean_text(file_name), "sha256": sha256, "layout": layout, "file": file, **fields,
        }  # fmt: skip
        if key is None:
            return Submission.objects.create(employee=employee, **given)
        submission, _created = Submission.objects.get_or_create(employee=employee, key=key, defaults=given)
    return submission


def import_submission(submission_id: uuid.UUID, *, queued: bool = True) -> bool:
    """Record the rest of a submitted file. Returns False when another process works on it or it is done.

    A file that cannot be read, or that has killed its process too often, is refused; its report says so. `queued`: also
    return False while another file of the same employee is recorded. A large file also waits while another large one is
    recorded or previewed. The process that holds the queue requests the next file. A freeze has a deadline and does not
    queue.
    """
    verify_identity_key()
    with ExitStack() as held:
        waiting = Submission.objects.select_related("employee", "file", "rejects")
        # Take the queue locks first. A process refused by a queue then never held the file's lock, so it cannot block
        # the process that requests this file next.
        names = [*(_queues(waiting.get(pk=submission_id)) if queued else []), f"submission:{submission_id}"]
        if not all(held.enter_context(advisory_lock(name)) for name in names):
            return False
        submission = waiting.get(pk=submission_id)
        if submission.state != Submission.State.RECEIVED:
            return False
        submission.attempts += 1
        submission.save(update_fields=["attempts"])
        if submission.file is None or submission.attempts > ATTEMPTS:
            refuse_submission(submission.pk, "lost" if submission.file is None else "gave_up")
            return True
        layout = submission.layout
        with opened(submission.file) as raw, _counting_deaths_only(submission):
            try:
                with open_contacts(
                    raw, format=layout["format"], encoding=layout["encoding"],
                    roles=layout["roles"] if layout["format"] == CSV else None,
                ) as file:  # fmt: skip
                    _run(submission, file)
            except UnreadableFile as error:
                logger.warning("submission %s cannot be read: %s", submission_id, error)
                refuse_submission(submission.pk, "unreadable")
            except CheckpointMoved:
                return False
    return True


def _queues(submission: Submission) -> list[str]:
    """Return the locks that limit imports: one file per employee, and one large file.

    The limits keep one employee's files, or several large ones, from occupying every worker.
    """
    large = submission.file is not None and submission.file.size > LARGE_BYTES
    return [f"import:{submission.employee_id}", *([LARGE_FILE] if large else [])]


def next_files(after: uuid.UUID) -> list[uuid.UUID]:
    """Return the files that may have waited for this one, to enqueue now that its locks are free.

    A large file of another employee comes first, so that one employee's files do not take every turn.
    """
    waiting = Submission.objects.filter(state=Submission.State.RECEIVED, file__isnull=False).exclude(pk=after)
    own = Q(employee__in=Submission.objects.filter(pk=after).values("employee"))
    large = Q(file__size__gt=LARGE_BYTES)
    queues = (~own & large, own, large)
    found = (waiting.filter(queue).order_by("received_at").values_list("pk", flat=True).first() for queue in queues)
    return list(dict.fromkeys(pk for pk in found if pk))


def next_large_files() -> list[uuid.UUID]:
    """Return the large file that has waited longest, if any; to enqueue after the preview of a large one."""
    waiting = Submission.objects.filter(state=Submission.State.RECEIVED, file__size__gt=LARGE_BYTES)
    return list(waiting.order_by("received_at").values_list("pk", flat=True)[:1])


@contextmanager
def _counting_deaths_only(submission: Submission) -> Iterator[None]:
    """Count only attempts that kill the process.

    An error that Python can raise, such as a slow lock, does not count.
    """
    try:
        yield
    except Exception:
        Submission.objects.filter(pk=submission.pk, attempts__gt=0).update(attempts=F("attempts") - 1)
        raise


def waiting_files(now: datetime) -> list[uuid.UUID]:
    """Return submitted files whose checkpoint has not moved for ABANDONED_AFTER: no process works on them."""
    waiting = Submission.objects.filter(
        state=Submission.State.RECEIVED, advanced_at__lt=now - ABANDONED_AFTER, file__isnull=False
    )
    return list(waiting.order_by("received_at").values_list("pk", flat=True)[:100])


def _run(
    submission: Submission, file: ContactFile, progress: Callable[[int], None] = lambda read: None
) -> ImportResult:
    """Record the entries after the checkpoint and close the submission. Raises CheckpointMoved, UnreadableFile."""
    result, owners = ImportResult.of(submission), EmployeeResolver(submission.employee)
    for batch in without_collector(batches(file.entries, skip=submission.done)):
        with transaction.atomic():
            _hold(submission)
            rejected = []
            for entry, outcome in _record(batch, owners, submission):
                if result.take(entry, outcome):
                    rejected.append((entry, outcome))
            result.rejects_not_kept += keep_rejects(submission, file.header, rejected)
            submission.done, submission.report = result.read, result.as_report()
            # Progress resets the attempts: only a file that kills its process without progress is refused.
            submission.advanced_at, submission.attempts = db_now(), 0
            submission.save(update_fields=["done", "report", "rejects", "advanced_at", "attempts"])
        progress(result.read)
    with transaction.atomic():
        _hold(submission)
        submission.state, submission.done_at, submission.total = Submission.State.DONE, db_now(), result.read
        submission.report = result.as_report()
        submission.save(update_fields=["state", "done_at", "total", "report"])
        # Every person in the file is now a contact or among the rejects, so the file is not read again.
        if submission.file is not None:
            submission.file.delete()
            submission.file = None
        refresh_statistics(*CONTACT_TABLES, written=result.counts[CREATED])
    result.submission = submission
    return result


def _hold(submission: Submission) -> None:
    """Lock the submission and verify its checkpoint. Raises CheckpointMoved when another process moved it."""
    lock_facts()
    held = Submission.objects.select_for_update(no_key=True, of=("self",)).only("state", "done").get(pk=submission.pk)
    if held.state != Submission.State.RECEIVED or held.done != submission.done:
        raise CheckpointMoved(f"submission {submission.pk} stands at {held.done}, not at {submission.done}")


def _record(batch: list[Entry], owners: EmployeeResolver, submission: Submission) -> list[tuple[Entry, Outcome]]:
    """Return the outcome of every entry of a batch, in order."""
    owners.learn(batch)
    found = [(entry, owners.of(entry)) for entry in batch]
    good = [(owner, entry.checked) for entry, owner in found if isinstance(owner, int)]
    trusted = submission.source == Source.FEED
    outcomes = iter(record_checked(drafts=good, submission=submission, source=submission.source, trust_times=trusted))
    return [(entry, next(outcomes) if isinstance(owner, int) else owner) for entry, owner in found]
