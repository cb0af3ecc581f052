"""An export from request to file: first a row, then the bytes and their manifest in one transaction, once.

The web process makes a small CSV while the page waits. A worker makes every other file; the sweep restarts it if the
worker died. One file of a person is made at a time, over all processes. Bytes and completion are committed together, so
no partial file exists.
"""

from __future__ import annotations

import gzip
import logging
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from functools import partial
from typing import IO

from django.db import connections, transaction
from django.utils.translation import gettext as _

from apps.accounts.access_log import log_single_result
from apps.accounts.models import Account
from apps.core import progress as shown
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_export
from apps.core.events import record_event
from apps.core.files import store_file
from apps.core.locks import advisory_lock, disable_statement_timeout, is_database_unavailable, wait_for_writers
from apps.core.models import Progress
from apps.core.read_replica import replica_allowed, with_fallback
from apps.core.signing_key import has_key
from apps.employees.models import Employee
from apps.exports.csv_columns import Table
from apps.exports.kinds import KINDS, filtered_people_sql, table_of
from apps.exports.models import Export
from apps.exports.schedule_rights import end_schedule, lost_right
from apps.exports.workbook import write_workbook
from apps.results.result_files import sign_handover

ProgressCallback = Callable[[int], None]
logger = logging.getLogger(__name__)
FILE_RETENTION = timedelta(days=30)
MAX_BYTES_IN_MEMORY = 4 * 1024 * 1024
# The largest company whose file is made while a page waits: about a second.
SYNC_LIMIT_EMPLOYEES = 5_000
# How long to wait for a writer of earlier facts, and, in a worker, for a replica that is behind.
WAIT_SECONDS = 5.0
# How many workers may die on a file before an administrator has to act.
MAX_ATTEMPTS = 3
CONTENT_TYPES: dict[str, str] = {
    Export.Format.CSV: "text/csv; charset=utf-8",
    Export.Format.GZIP: "application/gzip",
    Export.Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def fits_in_request(export: Export) -> bool:
    """Whether a file is made while a page waits: a CSV of at most one line for each employee of a small company.

    A web process without the key leaves a signed file to a worker.
    """
    kind = KINDS[export.kind]
    if export.format != Export.Format.CSV or not kind.line_per_employee or (kind.frozen and not has_key()):
        return False
    # One look-up behind the limit; a count would read every employee.
    return not Employee.objects.order_by("pk")[SYNC_LIMIT_EMPLOYEES : SYNC_LIMIT_EMPLOYEES + 1].exists()


def make_export(export_id: uuid.UUID, *, show_progress: bool = True) -> Export | None:
    """Make the file of an export unless it is made; return the export, and enqueue the person's next file.

    None when it stays waiting: another process makes a file of this person, or a writer of earlier facts has not
    committed. `show_progress`: store how far it is, and wait for a replica; both only in a worker.
    """
    export = Export.objects.select_related("campaign", "root", "schedule__campaign").get(pk=export_id)
    with advisory_lock(f"exports:{export.asked_by_id}") as locked:
        made = _make_waiting(export, show_progress=show_progress) if locked else None
    # After the lock is released: a worker that found it held has left its file waiting.
    waiting = Export.objects.waiting().filter(asked_by_id=export.asked_by_id).first()
    if made and waiting:
        enqueue_export(waiting.pk)
    return made


def _make_waiting(export: Export, *, show_progress: bool) -> Export | None:
    # Another process may have made it before this one got the lock.
    export.refresh_from_db(fields=["state", "attempts"])
    if export.state != Export.State.WAITING:
        return export
    if export.attempts >= MAX_ATTEMPTS:
        return _fail(export, _("Creating the file was interrupted several times."))
    # A scheduled file may have waited, and no sign-in of its owner has ended with the right.
    if export.schedule and (reason := lost_right(export.schedule)):
        with transaction.atomic():
            end_schedule(export.schedule, reason)
            return _fail(export, _("The owner no longer has access to this file."))
    # A contact recorded before `as_of` may not be committed yet, and would be missing.
    if not wait_for_writers(WAIT_SECONDS):
        return None
    # Before the work: a worker that is killed counts nothing any more.
    Export.objects.filter(pk=export.pk).update(attempts=export.attempts + 1)
    try:
        with _progress(export) if show_progress else nullcontext(lambda done: None) as progress:
            return _make(export, progress, WAIT_SECONDS if show_progress else None)
    except Exception as error:
        if is_database_unavailable(error):
            raise
        logger.exception("export %s could not be created", export.pk)
        # Only the type: a message may quote a row, and the page shows this.
        return _fail(export, type(error).__name__)


def _fail(export: Export, why: str) -> Export:
    Export.objects.filter(pk=export.pk, state=Export.State.WAITING).update(
        state=Export.State.FAILED, error=why, made_at=db_now()
    )
    export.refresh_from_db()
    return export


def _make(export: Export, progress: ProgressCallback, wait_seconds: float | None) -> Export:
    """Write the whole file to disk, then store it: an error half-way stores nothing."""
    table, people_sql = table_of(export), filtered_people_sql(export)
    with tempfile.SpooledTemporaryFile(max_size=MAX_BYTES_IN_MEMORY) as lines:
        with replica_allowed(wait_seconds):
            rows, first_ids = with_fallback(partial(_write_lines, table, people_sql, lines, progress))
        signature = _signature(export, lines)
        with _in_format(export, table, lines) as file:
            return _store(export, file, rows, first_ids, signature)


def _write_lines(
    table: Table, people_sql: str, lines: IO[bytes], progress: ProgressCallback, using: str
) -> tuple[int, list[int]]:
    """Write the CSV; return its rows, and the ids of the first two people that match the filters of a filtered export.

    Two ids tell whether the export is of a single person, which is logged.
    """
    # No cell contains a line break, and the header is no row.
    count, first_ids = -1, []
    # After a replica failed half-way, the primary writes the file from its beginning.
    lines.seek(0)
    lines.truncate()

    def write(piece: bytes) -> None:
        nonlocal count
        lines.write(piece)
        count += piece.count(b"\n")
        progress(max(count, 0))

    with transaction.atomic(using=using):
        disable_statement_timeout(using)
        if people_sql:
            with connections[using].cursor() as cursor:
                cursor.execute(f"{people_sql} LIMIT 2")
                first_ids = [employee_id for (employee_id,) in cursor.fetchall()]
        table.write(write, using)
    lines.seek(0)
    return count, first_ids


def _signature(export: Export, lines: IO[bytes]) -> bytes | None:
    """The signature file of a hand-over; None for a file that is not signed. Raises CannotSign."""
    if export.kind != Export.Kind.HANDOVER:
        return None
    result = export.campaign.results.select_related("campaign").get(version=export.result_version or 0)
    return sign_handover(result, export.as_of, lines)


@contextmanager
def _in_format(export: Export, table: Table, lines: IO[bytes]) -> Iterator[IO[bytes]]:
    """The file in the requested format, rewound. The same lines give the same bytes."""
    if export.format == Export.Format.CSV:
        yield lines
        return
    with tempfile.SpooledTemporaryFile(max_size=MAX_BYTES_IN_MEMORY) as file:
        if export.format == Export.Format.XLSX:
            title = export.kind.replace("_", " ")
            write_workbook(lines, table, file, title=title, created_at=export.as_of)
        else:
            # Without name and time the same lines give the same bytes.
            with gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as packed:
                shutil.copyfileobj(lines, packed, 1 << 20)
        file.seek(0)
        yield file


def _store(export: Export, file: IO[bytes], rows: int, first_ids: list[int], signature: bytes | None) -> Export:
    # The file, its manifest and the audit entry exist together or not at all.
    with transaction.atomic():
        now = db_now()
        signed = signature and store_file(
            name=f"{export.name}.sig", content=[signature], content_type="application/json",
            expires_at=now + FILE_RETENTION, owner_id=export.asked_by_id,
        )  # fmt: skip
        stored = store_file(
            name=export.name, content=iter(lambda: file.read(1 << 20), b""), content_type=CONTENT_TYPES[export.format],
            expires_at=now + FILE_RETENTION, owner_id=export.asked_by_id,
        )  # fmt: skip
        Export.objects.filter(pk=export.pk).update(
            state=Export.State.DONE, made_at=now, rows=rows, size=stored.size, sha256=stored.sha256, file=stored,
            signature=signed,
        )  # fmt: skip
        by = Actor(export.asked_by_id, export.asked_by_label)
        detail = {"rows": rows, "sha256": stored.sha256.hex()}
        audit("export.made", by=by, kind="export", id=export.pk, label=export.name, detail=detail)
        _notify_requester(export)
        # An export of one person opens that person's standing and is audited as such, like the same search on a page.
        log_single_result(Account.objects.get(pk=export.asked_by_id), first_ids, "standing")
    export.refresh_from_db()
    return export


def _notify_requester(export: Export) -> None:
    if export.schedule:
        # The mail names the campaign.
        campaign_id, account_id = export.campaign_id, export.asked_by_id
        record_event("scheduled_export_ready", subject=export.pk, campaign_id=campaign_id, account_id=account_id)
    else:
        record_event("export_ready", subject=export.pk, account_id=export.asked_by_id)


def latest_progress(export: Export) -> Progress | None:
    """The newest attempt at making it, for the progress display."""
    return Progress.objects.filter(kind=f"export:{export.pk}").order_by("-started_at").first()


@contextmanager
def _progress(export: Export) -> Iterator[ProgressCallback]:
    # A file of days has many lines for each employee, so its length is not known before.
    total = Employee.objects.count() if KINDS[export.kind].filtered and export.kind != Export.Kind.DAYS else None
    with shown.track_progress(f"export:{export.pk}", total=total) as progress:
        yield progress
