"""Requests for files: the row that a worker turns into a file, or that records a direct download."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from django.db import OperationalError, connection, transaction
from django.db.models import Sum
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from psycopg2.errors import QueryCanceled

from apps.campaigns.models import Campaign
from apps.core import rate_limits
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_export
from apps.core.errors import Refused
from apps.core.signing_key import can_sign_results, missing_key_message
from apps.employees.models import Employee
from apps.exports.build_export import FILE_RETENTION
from apps.exports.kinds import KINDS, table_of
from apps.exports.models import Export

SEARCHED = "…"
# The files of one account that may wait for a worker, and the size of those that are stored.
MAX_WAITING_FILES = 20
MAX_STORED_BYTES = 5 * 1024**3
CHECK_MILLISECONDS = 1000


@dataclass(frozen=True)
class ExportRequest:
    """What a person asks for. `as_of`: a past instant, or None for now; `since`: for the kinds that list changes."""

    kind: str
    format: str = Export.Format.CSV
    root: Employee | None = None
    single_person: bool = False
    filters: dict[str, str] = field(default_factory=dict)
    columns: list[str] = field(default_factory=list)
    as_of: datetime | None = None
    since: datetime | None = None
    result_version: int | None = None


def request_export(
    *, campaign: Campaign, request: ExportRequest, key: uuid.UUID, by: Actor, rerun_of: Export | None = None
) -> Export:
    """Request a file: store the row, write the audit entry and enqueue the export. The same key returns the same
    export.

    Raises RateLimited and Refused. The caller checks before that `by` may see these people.
    """
    _count(by)
    return store_request(campaign=campaign, request=request, key=key, by=by, rerun_of=rerun_of)


def store_request(
    *, campaign: Campaign, request: ExportRequest, key: uuid.UUID, by: Actor, **fields: Any
) -> Export:  # fmt: skip
    """As `request_export`, for a caller that is bounded in another way. `fields`: further columns. Raises Refused."""
    kind = KINDS[request.kind]
    with transaction.atomic():
        now = db_now()
        as_of = request.as_of or now
        if as_of > now:
            raise Refused("invalid", _("This moment has not come yet."), "day")
        since = request.since if kind.since or kind.compares else None
        if since and since >= as_of:
            raise Refused("invalid", _("The start has to be before the end."), "since" if kind.since else "compare")
        version = _result_version(campaign, as_of, request.result_version)
        if kind.frozen and version is None:
            raise Refused("invalid", _("There is no final result yet. It can be handed over after the freeze."))
        if kind.frozen and not can_sign_results():
            raise Refused("invalid", missing_key_message())
        # A form that is sent twice has the same key.
        export, new = Export.objects.get_or_create(
            asked_by_id=_account(by), key=key,
            defaults={
                "campaign": campaign, "kind": request.kind, "format": request.format, "root": request.root,
                "single_person": request.single_person,
                "filters": {name: text for name, text in request.filters.items() if text} if kind.filtered else {},
                "columns": request.columns, "as_of": as_of, "since": since, "result_version": version,
                "rule_version": campaign.rule_at(as_of).version, "asked_at": now, "asked_by_label": by.label,
                **fields,
            },
        )  # fmt: skip
        if new:
            _require_room(export)
            audit("export.asked", by=by, kind="export", id=export.pk, label=export.name, detail=_audit_detail(export))
            enqueue_export(export.pk)
    return export


def _count(by: Actor) -> None:
    """Raises RateLimited."""
    rate_limits.enforce_rate_limit(rate_limits.Kind.EXPORT, rate_limits.account_key(by.id))


def would_be_empty(*, campaign: Campaign, request: ExportRequest, by: Actor) -> bool:
    """Whether the file of a request would have no line; False, too, where CHECK_MILLISECONDS do not tell.

    It counts as a request in the rate limit, so the file that follows is stored uncounted (`store_request`). Raises
    RateLimited.
    """
    _count(by)
    kind, now = KINDS[request.kind], db_now()
    as_of = request.as_of or now
    # A hand-over has a line for each employee of its result, and a request that is refused needs no check.
    if kind.frozen or as_of > now or (request.since and request.since >= as_of):
        return False
    example = Export(
        campaign=campaign, kind=request.kind, root=request.root, single_person=request.single_person,
        filters=request.filters, as_of=as_of, since=request.since, asked_by_id=_account(by),
        result_version=_result_version(campaign, as_of, request.result_version),
    )  # fmt: skip
    table = table_of(example)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [CHECK_MILLISECONDS])
            cursor.execute(f"{table.ctes} SELECT NOT EXISTS (SELECT {table.from_sql})")
            return bool(cursor.fetchone()[0])
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            return False
        raise


def _account(by: Actor) -> int:
    """Only accounts of people request files. Raises ValueError for the system and for commands."""
    if by.id is None:
        raise ValueError("an export belongs to an account")
    return by.id


def _require_room(export: Export) -> None:
    """Raises Refused when the account has too many files that wait, or too large files that are stored."""
    own = Export.objects.filter(asked_by_id=export.asked_by_id, asked_at__gt=export.asked_at - FILE_RETENTION)
    if own.waiting()[MAX_WAITING_FILES:].exists():
        message = _("%(count)s of your files are still being created. Request another when one of them is ready.")
        raise Refused("too_many", message % {"count": MAX_WAITING_FILES}, conflict=True)
    stored = own.exclude(file=None).aggregate(bytes=Sum("size"))["bytes"] or 0
    if stored >= MAX_STORED_BYTES:
        message = _(
            "Your files use %(size)s, the limit for one person. Each file is deleted %(days)s days after it "
            "was created. Request another then."
        )
        sizes = {"size": filesizeformat(stored), "days": FILE_RETENTION.days}
        raise Refused("too_many", message % sizes, conflict=True)


def _result_version(campaign: Campaign, as_of: datetime, requested: int | None) -> int | None:
    newest = campaign.newest_result
    # Before the cut-off the facts answer, also for a campaign that is frozen now.
    if newest is None or as_of < campaign.rule.cutoff_at:
        return None
    return requested or newest.version


def _audit_detail(export: Export) -> dict[str, Any]:
    return {
        "kind": export.kind, "form": export.format, "campaign": export.campaign.slug,
        "team_of": export.root.staff_no if export.root else None, "filters": masked_filters(export.filters),
        "as_of": export.as_of.isoformat(), "result_version": export.result_version,
    }  # fmt: skip


def masked_filters(filters: dict[str, str]) -> dict[str, str]:
    """Filters for the audit trail: a search text may name any person, so it only records that there was a search."""
    return {name: SEARCHED if name == "q" and text else text for name, text in filters.items()}


def rerun_export(*, export: Export, key: uuid.UUID, by: Actor) -> Export:
    """Request the same file as of the same instant: the same bytes, unless the past was corrected since."""
    request = ExportRequest(
        kind=export.kind, format=export.format, root=export.root, single_person=export.single_person,
        filters=export.filters, columns=export.columns, as_of=export.as_of, since=export.since,
        result_version=export.result_version,
    )  # fmt: skip
    return request_export(campaign=export.campaign, request=request, key=key, by=by, rerun_of=export)


def record_direct_download(*, campaign: Campaign, request: ExportRequest, file: IO[bytes], by: Actor) -> Export:
    """Store the manifest of a CSV that is sent directly; its bytes are not stored."""
    sha256, rows = hashlib.sha256(), -1
    while piece := file.read(1 << 20):
        sha256.update(piece)
        rows += piece.count(b"\n")
    size = file.tell()
    file.seek(0)
    with transaction.atomic():
        now = db_now()
        # The table refuses a file of a later instant than its request.
        as_of = min(request.as_of or now, now)
        export = Export.objects.create(
            campaign=campaign, kind=request.kind, root=request.root, single_person=request.single_person,
            direct_download=True, filters=request.filters, as_of=as_of, since=request.since,
            result_version=request.result_version, rule_version=campaign.rule_at(as_of).version, asked_at=now,
            asked_by_id=_account(by), asked_by_label=by.label, state=Export.State.DONE, made_at=now, rows=rows,
            size=size, sha256=sha256.digest(),
        )  # fmt: skip
        detail = {**_audit_detail(export), "rows": rows, "sha256": sha256.hexdigest()}
        audit("export.sent", by=by, kind="export", id=export.pk, label=export.name, detail=detail)
    return export
