"""An export from request to file: first a row, then the bytes and their manifest in one transaction, once.

The web process makes a small file while the page waits. A worker makes a large one; the sweep restarts it if the worker
died. Bytes and completion are committed together, so no partial file exists.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import IO, Any

from django.db import connections, transaction
from django.utils.translation import gettext as _

from apps.accounts.access_log import note_found
from apps.accounts.models import Account
from apps.campaigns.models import Campaign
from apps.core import progress as shown
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_export
from apps.core.files import store_file
from apps.core.locks import advisory_lock, database_is_away, disable_statement_timeout, wait_for_writers
from apps.core.models import Progress
from apps.core.read_replica import replica_allowed, with_fallback
from apps.core.signing_key import can_be_signed, has_key, missing
from apps.employees.models import Employee
from apps.exports.csv_columns import Table
from apps.exports.kinds import KINDS, narrowed_sql, table_of
from apps.exports.models import Export
from apps.exports.workbook import write_workbook
from apps.results.handover import sign_handover

ProgressCallback = Callable[[int], None]
logger = logging.getLogger(__name__)
FILE_RETENTION = timedelta(days=30)
MEMORY_BYTES = 4 * 1024 * 1024
# The largest company whose file is made while a page waits: about a second.
SYNC_LIMIT_EMPLOYEES = 5_000
# How long to wait for a writer of earlier facts, and, in a worker, for a replica that is behind.
WAIT_SECONDS = 5.0
# How many workers may die on a file before an administrator has to act.
MAX_ATTEMPTS = 3
SEARCHED = "…"
CONTENT_TYPES: dict[str, str] = {
    Export.Format.CSV: "text/csv; charset=utf-8",
    Export.Format.GZIP: "application/gzip",
    Export.Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class ExportRefused(ValueError):
    """A request for a file that cannot be made, with a message and the field."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message, self.field = message, field


@dataclass(frozen=True)
class ExportRequest:
    """The requested file. `as_of`: a past instant, or None for now; `since`: for the kinds that list changes."""

    kind: str
    form: str = Export.Format.CSV
    root: Employee | None = None
    alone: bool = False
    filters: dict[str, str] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    as_of: datetime | None = None
    since: datetime | None = None
    result_version: int | None = None


def ask_export(
    *, campaign: Campaign, wish: ExportRequest, key: uuid.UUID, by: Actor, rerun_of: Export | None = None
) -> Export:
    """Request a file: store the row, write the audit entry and enqueue the export. The same key returns the same
    export.

    Raises ExportRefused. The caller checks before that `by` may see these people.
    """
    kind = KINDS[wish.kind]
    with transaction.atomic():
        now = db_now()
        as_of = wish.as_of or now
        if as_of > now:
            raise ExportRefused(_("This moment has not come yet."), "day")
        since = wish.since if kind.since else None
        if since and since >= as_of:
            raise ExportRefused(_("It has to begin before it ends."), "since")
        version = _result_version(campaign, as_of, wish.result_version)
        if kind.frozen and version is None:
            raise ExportRefused(_("There is no final result yet: it is handed over after the freeze."))
        if kind.frozen and not can_be_signed():
            raise ExportRefused(missing())
        export, new = Export.objects.get_or_create(
            asked_by_id=_account(by), key=key,
            defaults={
                "campaign": campaign, "kind": wish.kind, "form": wish.form, "root": wish.root, "alone": wish.alone,
                "filters": {name: text for name, text in wish.filters.items() if text} if kind.filtered else {},
                "columns": wish.columns, "as_of": as_of, "since": since, "result_version": version,
                "rule_version": campaign.rule_at(as_of).version, "asked_at": now, "asked_by_label": by.label,
                "rerun_of": rerun_of,
            },
        )  # fmt: skip
        if new:
            audit("export.asked", by=by, kind="export", id=export.pk, label=export.name, detail=_audit_detail(export))
            enqueue_export(export.pk)
    return export


def _account(by: Actor) -> int:
    """Only accounts of people request files. Raises ValueError for the system and for commands."""
    if by.id is None:
        raise ValueError("an export belongs to an account")
    return by.id


def _result_version(campaign: Campaign, as_of: datetime, requested: int | None) -> int | None:
    newest = campaign.newest_result
    if newest is None or as_of < campaign.rule.cutoff_at:
        return None
    return requested or newest.version


def _audit_detail(export: Export) -> dict[str, Any]:
    # A search text may name any person: the audit trail only records that there was a search.
    filters = {name: SEARCHED if name == "q" and text else text for name, text in export.filters.items()}
    return {
        "kind": export.kind, "form": export.form, "campaign": export.campaign.slug,
        "team_of": export.root.staff_no if export.root else None, "filters": filters,
        "as_of": export.as_of.isoformat(),
    }  # fmt: skip


def rerun_export(*, export: Export, key: uuid.UUID, by: Actor) -> Export:
    """Request the same file as of the same instant: the same bytes, unless the past was corrected since."""
    wish = ExportRequest(
        kind=export.kind, form=export.form, root=export.root, alone=export.alone, filters=export.filters,
        columns=export.columns, as_of=export.as_of, since=export.since, result_version=export.result_version,
    )  # fmt: skip
    return ask_export(campaign=export.campaign, wish=wish, key=key, by=by, rerun_of=export)


def can_sign(export: Export) -> bool:
    """Whether this process can sign a file, or need not; otherwise a worker makes it."""
    return has_key() or not KINDS[export.kind].frozen


def fits_in_request() -> bool:
    """Whether a file of all employees is made while a page waits."""
    return not Employee.objects.order_by("pk")[SYNC_LIMIT_EMPLOYEES : SYNC_LIMIT_EMPLOYEES + 1].exists()


def make_export(export_id: uuid.UUID, *, tell: bool = True) -> Export | None:
    """Make the file of an export unless it is made; returns it. None: another process is making it, or a writer of
    earlier facts has not committed yet, so it stays waiting. `tell`: update its progress meanwhile.
    """
    with advisory_lock(f"export:{export_id}") as locked:
        if not locked:
            return None
        export = Export.objects.select_related("campaign", "root").get(pk=export_id)
        if export.state != Export.State.WAITING:
            return export
        if export.attempts >= MAX_ATTEMPTS:
            return _fail(export, _("The worker that made it died several times."))
        if not wait_for_writers(WAIT_SECONDS):
            return None
        Export.objects.filter(pk=export.pk).update(attempts=export.attempts + 1)
        try:
            with _progress(export) if tell else nullcontext(lambda done: None) as progress:
                return _make(export, progress, WAIT_SECONDS if tell else None)
        except Exception as error:
            if database_is_away(error):
                raise
            logger.exception("export %s could not be made", export.pk)
            return _fail(export, type(error).__name__)


def _fail(export: Export, why: str) -> Export:
    Export.objects.filter(pk=export.pk, state=Export.State.WAITING).update(
        state=Export.State.FAILED, error=why, made_at=db_now()
    )
    export.refresh_from_db()
    return export


def _make(export: Export, progress: ProgressCallback, wait_seconds: float | None) -> Export:
    """The whole file is on disk before its first byte is stored."""
    table, narrowed = table_of(export), narrowed_sql(export)
    with tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES) as lines:
        with replica_allowed(wait_seconds):
            rows, few = with_fallback(partial(_write_lines, table, narrowed, lines, progress))
        signature = _signature(export, lines)
        with _packed(export, table, lines) as file:
            return _store(export, file, rows, few, signature)


def _write_lines(
    table: Table, narrowed: str, lines: IO[bytes], progress: ProgressCallback, using: str
) -> tuple[int, list[int]]:
    """Write the CSV from its beginning and count the lines after the header. No cell contains a line break.

    Also returns the ids of two people whom the filters select, or of all if there are fewer; none without filters.
    """
    count, few = -1, []
    lines.seek(0)
    lines.truncate()

    def write(piece: bytes) -> None:
        nonlocal count
        lines.write(piece)
        count += piece.count(b"\n")
        progress(max(count, 0))

    with transaction.atomic(using=using):
        disable_statement_timeout(using)
        if narrowed:
            with connections[using].cursor() as cursor:
                cursor.execute(f"{narrowed} LIMIT 2")
                few = [employee_id for (employee_id,) in cursor.fetchall()]
        table.write(write, using)
    lines.seek(0)
    return count, few


def _signature(export: Export, lines: IO[bytes]) -> bytes | None:
    """The signature file of a payout file; None for a file that is not signed. Raises CannotSign."""
    if export.kind != Export.Kind.HANDOVER:
        return None
    result = export.campaign.results.select_related("campaign").get(version=export.result_version or 0)
    return sign_handover(result, export.as_of, lines)


@contextmanager
def _packed(export: Export, table: Table, lines: IO[bytes]) -> Iterator[IO[bytes]]:
    """The file in the requested format, rewound. The same lines give the same bytes."""
    if export.form == Export.Format.CSV:
        yield lines
        return
    with tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES) as file:
        if export.form == Export.Format.XLSX:
            write_workbook(lines, table.columns, file, export.as_of)
        else:
            with gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as packed:
                shutil.copyfileobj(lines, packed, 1 << 20)
        file.seek(0)
        yield file


def _store(export: Export, file: IO[bytes], rows: int, few: list[int], signature: bytes | None) -> Export:
    with transaction.atomic():
        now = db_now()
        signed = signature and store_file(
            name=f"{export.name}.sig", content=[signature], content_type="application/json",
            expires_at=now + FILE_RETENTION, owner_id=export.asked_by_id,
        )  # fmt: skip
        stored = store_file(
            name=export.name, content=iter(lambda: file.read(1 << 20), b""), content_type=CONTENT_TYPES[export.form],
            expires_at=now + FILE_RETENTION, owner_id=export.asked_by_id,
        )  # fmt: skip
        Export.objects.filter(pk=export.pk).update(
            state=Export.State.DONE, made_at=now, rows=rows, size=stored.size, sha256=stored.sha256, file=stored,
            signature=signed,
        )  # fmt: skip
        by = Actor(export.asked_by_id, export.asked_by_label)
        detail = {"rows": rows, "sha256": stored.sha256.hex()}
        audit("export.made", by=by, kind="export", id=export.pk, label=export.name, detail=detail)
        # An export of one person opens that person's standing and is audited as such, like the same search on a page.
        note_found(Account.objects.get(pk=export.asked_by_id), few, "standing")
    export.refresh_from_db()
    return export


def record_direct_download(*, campaign: Campaign, wish: ExportRequest, file: IO[bytes], by: Actor) -> Export:
    """Store the manifest of a CSV that is sent directly; its bytes are not stored."""
    sha256, rows = hashlib.sha256(), -1
    while piece := file.read(1 << 20):
        sha256.update(piece)
        rows += piece.count(b"\n")
    size = file.tell()
    file.seek(0)
    with transaction.atomic():
        now = db_now()
        as_of = min(wish.as_of or now, now)
        export = Export.objects.create(
            campaign=campaign, kind=wish.kind, root=wish.root, alone=wish.alone, live=True, filters=wish.filters,
            as_of=as_of, result_version=wish.result_version,
            rule_version=campaign.rule_at(as_of).version, asked_at=now, asked_by_id=_account(by),
            asked_by_label=by.label, state=Export.State.DONE, made_at=now, rows=rows, size=size,
            sha256=sha256.digest(),
        )  # fmt: skip
        detail = {**_audit_detail(export), "rows": rows, "sha256": sha256.hexdigest()}
        audit("export.sent", by=by, kind="export", id=export.pk, label=export.name, detail=detail)
    return export


def latest_progress(export: Export) -> Progress | None:
    """The newest attempt at making it, for the progress display."""
    return Progress.objects.filter(kind=f"export:{export.pk}").order_by("-started_at").first()


@contextmanager
def _progress(export: Export) -> Iterator[ProgressCallback]:
    total = Employee.objects.count() if KINDS[export.kind].filtered and export.kind != Export.Kind.DAYS else None
    with shown.track_progress(f"export:{export.pk}", total=total) as progress:
        yield progress
