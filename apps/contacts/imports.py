"""Files of contacts into contacts: a submission first, then batch after batch, each a transaction with its checkpoint.

Whatever kills an import, the next one goes on where the last committed batch ended: nothing is lost, nothing doubles,
and the report is that of one undisturbed run.
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
# So often a file may end the process that reads it without getting on, before it is refused.
ATTEMPTS = 5
# Seconds after which the database has surely let go of what a dead process held; whoever holds it then is alive.
DEAD_AFTER = 3.0


class CheckpointMoved(RuntimeError):
    """Another process has taken this file on: its checkpoint moved."""


class UploadExpired(LookupError):
    """The bytes that were to be handed in have been deleted."""


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
    """Record what stands in a seekable file, for `employee` or for the one each row names.

    The same file again, after a run that was cut off, goes on at its checkpoint. `columns` says what columns mean whose
    names do not, as name to role. `trust_times`: the file is an operator's feed and brings recorded_at, confirmed_at
    and ended_at. `rejects` is given the rejected rows as CSV, with line, code and reason; `progress(read)` is told
    after each batch. Raises UnreadableFile; then nothing was recorded.
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
            # Held before it is there: the same command started beside this one would take it for one that was left.
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
    """The same bytes for the same people, read alike by a command that died before its end; held in `stack`."""
    waiting = Submission.objects.filter(
        sha256=sha256, employee=employee, source=source, layout=layout, state=Submission.State.RECEIVED, file=None
    ).order_by("-received_at")
    for found in waiting:
        if stack.enter_context(advisory_lock(f"submission:{found.pk}", wait=DEAD_AFTER)):
            # Only now, when nobody else moves it, is what stands there where it ended.
            found.refresh_from_db()
            if found.state == Submission.State.RECEIVED:
                return found
    return None


def receive_file(
    *, employee: Employee | None, by: Actor, source: str, file_name: str, sha256: bytes, layout: dict[str, Any],
    key: str | None = None, file: StoredFile | None = None, **fields: Any,
) -> Submission:  # fmt: skip
    """Commit that a file was handed in, with its instant: its contacts count from it. The same key is the same file.

    `file`: its bytes, kept from now on as long as its rejects are. Raises FileGone.
    """
    with transaction.atomic():
        lock_facts()
        now = db_now()
        if file is not None and not keep_file(file.pk, now + REJECTS_KEPT):
            # Gone because it was handed in before, and recorded; or nobody did in time.
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
    """Record what is left of a file that was handed in with its bytes. False: another process is at it, or it is done.

    One that cannot be read, or has killed whoever tried it too often, is refused; its report says so. `queued`: also
    False while another file of the same person is recorded, or, for a large one, while another large one is recorded or
    previewed; who does that asks for the next. A freeze, which has a deadline, does not queue.
    """
    verify_identity_key()
    with ExitStack() as held:
        waiting = Submission.objects.select_related("employee", "file", "rejects")
        # The queues first: who is sent away by one never stood in the way of the one that asks for this file next.
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
    """What is held while a file is recorded, so that no one person's files and no large ones take every worker."""
    large = submission.file is not None and submission.file.size > LARGE_BYTES
    return [f"import:{submission.employee_id}", *([LARGE_FILE] if large else [])]


def next_files(after: uuid.UUID) -> list[uuid.UUID]:
    """What may have waited for this file, to be asked for now that nothing is held for it.

    A large file of another employee comes before all others: one employee's files do not take every turn.
    """
    waiting = Submission.objects.filter(state=Submission.State.RECEIVED, file__isnull=False).exclude(pk=after)
    own = Q(employee__in=Submission.objects.filter(pk=after).values("employee"))
    large = Q(file__size__gt=LARGE_BYTES)
    queues = (~own & large, own, large)
    found = (waiting.filter(queue).order_by("received_at").values_list("pk", flat=True).first() for queue in queues)
    return list(dict.fromkeys(pk for pk in found if pk))


def next_large_files() -> list[uuid.UUID]:
    """The large file that has waited longest to be recorded, if any; asked for when a large one is previewed."""
    waiting = Submission.objects.filter(state=Submission.State.RECEIVED, file__size__gt=LARGE_BYTES)
    return list(waiting.order_by("received_at").values_list("pk", flat=True)[:1])


@contextmanager
def _counting_deaths_only(submission: Submission) -> Iterator[None]:
    """A start that ends in an error which can be told was no death: a lock that was long in coming refuses no file."""
    try:
        yield
    except Exception:
        Submission.objects.filter(pk=submission.pk, attempts__gt=0).update(attempts=F("attempts") - 1)
        raise


def waiting_files(now: datetime) -> list[uuid.UUID]:
    """Files that were handed in with their bytes and whose checkpoint has not moved for a while: nobody is at them."""
    waiting = Submission.objects.filter(
        state=Submission.State.RECEIVED, advanced_at__lt=now - ABANDONED_AFTER, file__isnull=False
    )
    return list(waiting.order_by("received_at").values_list("pk", flat=True)[:100])


def _run(
    submission: Submission, file: ContactFile, progress: Callable[[int], None] = lambda read: None
) -> ImportResult:
    """Record the entries behind the checkpoint and close the submission. Raises Overtaken, UnreadableFile."""
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
            submission.advanced_at, submission.attempts = db_now(), 0
            submission.save(update_fields=["done", "report", "rejects", "advanced_at", "attempts"])
        progress(result.read)
    with transaction.atomic():
        _hold(submission)
        submission.state, submission.done_at, submission.total = Submission.State.DONE, db_now(), result.read
        submission.report = result.as_report()
        submission.save(update_fields=["state", "done_at", "total", "report"])
        # Whoever was in it is a contact now, or stands among the rejects: nothing reads the file again.
        if submission.file is not None:
            submission.file.delete()
            submission.file = None
        refresh_statistics(*CONTACT_TABLES, written=result.counts[CREATED])
    result.submission = submission
    return result


def _hold(submission: Submission) -> None:
    """Lock the submission and see that its checkpoint is where this process left it. Raises Overtaken."""
    lock_facts()
    held = Submission.objects.select_for_update(no_key=True, of=("self",)).only("state", "done").get(pk=submission.pk)
    if held.state != Submission.State.RECEIVED or held.done != submission.done:
        raise CheckpointMoved(f"submission {submission.pk} stands at {held.done}, not at {submission.done}")


def _record(batch: list[Entry], owners: EmployeeResolver, submission: Submission) -> list[tuple[Entry, Outcome]]:
    """The outcome of every entry of a batch, in order."""
    owners.learn(batch)
    found = [(entry, owners.of(entry)) for entry in batch]
    good = [(owner, entry.checked) for entry, owner in found if isinstance(owner, int)]
    trusted = submission.source == Source.FEED
    outcomes = iter(record_checked(drafts=good, submission=submission, source=submission.source, trust_times=trusted))
    return [(entry, next(outcomes) if isinstance(owner, int) else owner) for entry, owner in found]
