"""The receipt of a contact file: a committed submission, whose instant its contacts count from."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from apps.contacts.import_queue import refuse_many_unfinished
from apps.contacts.import_report import REJECTS_RETENTION
from apps.contacts.models import Submission
from apps.contacts.services.submissions import create_submission
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.files import extend_file
from apps.core.locks import lock_facts
from apps.core.models import StoredFile
from apps.core.text import clean_text
from apps.employees.models import Employee


class UploadExpired(LookupError):
    """The uploaded bytes have been deleted before they were submitted."""


def receive_file(
    *, employee: Employee | None, by: Actor, source: str, file_name: str, sha256: bytes, layout: dict[str, Any],
    key: str | None = None, file: StoredFile | None = None, **fields: Any,
) -> Submission:  # fmt: skip
    """Commit the receipt of a file with its instant, from which its contacts count.

    The same key returns the same submission. `file`: its bytes, kept from now on as long as its rejects. Raises
    UploadExpired, and Refused while MAX_UNFINISHED_FILES of the employee wait.
    """
    with transaction.atomic():
        # Under the lock, so that a freeze that follows sees this submission and waits for it.
        lock_facts()
        now = db_now()
        if file is not None and not extend_file(file.pk, now + REJECTS_RETENTION):
            # The file was submitted and recorded before, or it expired before it was submitted.
            before = Submission.objects.filter(employee=employee, key=key).first() if key else None
            if before is None:
                raise UploadExpired(str(file.pk))
            return before
        if file is not None:
            refuse_many_unfinished(employee)
        return create_submission(
            employee=employee, by=by, source=source, received_at=now, key=key, advanced_at=now,
            file_name=clean_text(file_name), sha256=sha256, layout=layout, file=file, **fields,
        )  # fmt: skip
