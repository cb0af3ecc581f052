"""The queues of submitted files: which locks limit an import, and which files wait."""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.contacts.models import Submission
from apps.contacts.services.submissions import ABANDONED_AFTER
from apps.core.errors import Refused
from apps.core.locks import advisory_lock
from apps.core.models import FilePreview, StoredFile
from apps.core.previews import LARGE_FILE_LOCK, earlier_large_files, is_large, large_files, owner_lock
from apps.employees.models import Employee

# A closing campaign has to record all of them before its snapshot.
MAX_UNFINISHED_FILES = 10


def queue_locks(submission: Submission) -> list[str]:
    """Return the locks that limit imports: one file per account, previews included, and one large file.

    The limits keep one employee's files, or several large ones, from occupying every worker.
    """
    # The order of the list is the order in which the locks are taken. They are never waited for, so no deadlock.
    locks = [f"import:{submission.employee_id}"]
    if submission.file:
        locks.append(owner_lock(submission.file.owner_id))
        locks += [LARGE_FILE_LOCK] if is_large(submission.file) else []
    return locks


def refuse_many_unfinished(employee: Employee | None) -> None:
    """Raise Refused while MAX_UNFINISHED_FILES of the employee wait to be recorded."""
    unfinished = Submission.objects.filter(employee=employee, file__isnull=False, state=Submission.State.RECEIVED)
    if unfinished.count() >= MAX_UNFINISHED_FILES:
        message = _(
            "At most %(most)s of your files can be recorded at a time. Confirm this file when another one is finished."
        )
        raise Refused("busy", message % {"most": MAX_UNFINISHED_FILES}, conflict=True)


def next_files(after: uuid.UUID) -> list[uuid.UUID]:
    """Return the files that may have waited for this one, to enqueue now that its locks are free.

    A large file of another employee comes first, so that one employee's files do not take every turn.
    """
    queued = Submission.objects.filter(state=Submission.State.RECEIVED, file__isnull=False).exclude(pk=after)
    own = Q(employee__in=Submission.objects.filter(pk=after).values("employee"))
    large = large_files()
    # One of each: the freed locks allow one file of this employee and one large file of any employee.
    queues = (~own & large, own, large)
    files = (queued.filter(queue).order_by("received_at").values_list("pk", flat=True).first() for queue in queues)
    return list(dict.fromkeys(pk for pk in files if pk))


def next_large_files() -> list[uuid.UUID]:
    """Return the large file that has waited longest, if any; to enqueue after the preview of a large one."""
    queued = Submission.objects.filter(large_files(), state=Submission.State.RECEIVED)
    return list(queued.order_by("received_at").values_list("pk", flat=True)[:1])


def earlier_large_import(file_id: uuid.UUID) -> uuid.UUID | None:
    """Return the submitted large file whose turn is before that of this large file.

    Without it, one employee's repeated previews would keep a colleague's contacts from being recorded. None for a small
    file, for an owner's first large file, and when the locks of all these submissions are taken.
    """
    stored = StoredFile.objects.filter(large_files(""), pk=file_id).first()
    if stored is None or stored.owner_id is None:
        return None
    waiting = Submission.objects.filter(state=Submission.State.RECEIVED)
    for submission in earlier_large_files(waiting, stored.owner_id, "received_at"):
        with ExitStack() as locks:
            own = (name for name in queue_locks(submission) if name != LARGE_FILE_LOCK)
            if all(locks.enter_context(advisory_lock(name)) for name in own):
                return submission.pk
    return None


def next_own_preview(after: uuid.UUID) -> list[uuid.UUID]:
    """Return the file whose preview its owner has requested first, if any; to enqueue after an import of that owner."""
    owner = Account.objects.filter(employee__in=Submission.objects.filter(pk=after).values("employee"))
    waiting = FilePreview.objects.filter(state=FilePreview.State.WAITING, file__owner_id__in=owner.values("pk"))
    return list(waiting.order_by("asked_at").values_list("pk", flat=True)[:1])


def next_own_file(after: uuid.UUID | str) -> list[uuid.UUID]:
    """Return the submitted file that has waited longest for this preview of its owner, if any."""
    owner = StoredFile.objects.filter(pk=after).values("owner_id")
    waiting = Submission.objects.filter(state=Submission.State.RECEIVED, file__owner_id__in=owner)
    return list(waiting.order_by("received_at").values_list("pk", flat=True)[:1])


def stalled_files(now: datetime) -> list[uuid.UUID]:
    """Return submitted files whose checkpoint has not advanced for ABANDONED_AFTER: no process works on them."""
    stalled = Submission.objects.filter(
        state=Submission.State.RECEIVED, advanced_at__lt=now - ABANDONED_AFTER, file__isnull=False
    )
    # Oldest first, and only so many: the next sweep enqueues the others.
    return list(stalled.order_by("received_at").values_list("pk", flat=True)[:100])
