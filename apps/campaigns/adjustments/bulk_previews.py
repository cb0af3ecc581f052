"""Previews of adjustment files: a worker reads the file once, and the request uses the preview instead of the file.

A preview stores the terms by employee id, without names: those are read when it is shown.
"""

from __future__ import annotations

from datetime import datetime
from typing import IO, Any

from django.db import transaction
from django.utils.translation import gettext as _

from apps.campaigns.adjustments.bulk_file import AdjustmentFile, read_adjustments
from apps.campaigns.adjustments.bulk_targets import BulkTargets, store_listed
from apps.campaigns.adjustments.bulk_upload import BulkPreview, Row, check_rows, preview_file
from apps.campaigns.adjustments.requests import (
    cleaned_reason,
    conflict,
    find_by_key,
    lock_for_adjustment,
    note_step,
    refuse_many_bulk_requests,
)
from apps.campaigns.models import AdjustmentRequest, Campaign, CampaignRule
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.models import FilePreview, StoredFile
from apps.core.previews import PreviewResult
from apps.core.text import clean_text
from apps.roster.people_file import RejectedLine, preview_people

# The kind of a stored file that is an upload of adjustments.
UPLOAD = "campaigns/adjustments"


def preview_adjustments(stored: StoredFile, asked: dict[str, Any]) -> PreviewResult:
    """Return the terms a file gives each employee, and its rejected lines.

    `asked` has `campaign` (an id) and `employee` (the requester's id, or None). `problem` is a code when the file
    cannot be read.
    """
    rule, at = Campaign.objects.get(pk=asked["campaign"]).rule, db_now()

    def read(raw: IO[bytes]) -> tuple[AdjustmentFile, list[RejectedLine], dict[str, Any]]:
        file = read_adjustments(raw, asked["encoding"])
        preview = preview_file(file, rule, at, acting_employee_id=asked["employee"])
        return file, preview.rejects, {"rule": rule.pk, "rows": _rows(preview)}

    return preview_people(stored, asked["language"], read)


def _rows(preview: BulkPreview) -> list[list[Any]]:
    return [
        [target.employee_id, target.target, target.exempt, target.starts_at.isoformat(), target.ends_at.isoformat()]
        for target in (*preview.listed, *preview.skipped)
    ]


def previewed(report: dict[str, Any], rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets | None:
    """Compare a preview's list with the current facts; None when it was made for another version of the rule."""
    # Periods and targets of the list were computed from that version.
    if report.get("rule") != rule.pk:
        return None
    rows = (
        Row(employee, target, exempt, datetime.fromisoformat(starts_at), datetime.fromisoformat(ends_at))
        for employee, target, exempt, starts_at, ends_at in report["rows"]
    )
    return check_rows(rows, rule, at, employee_id)


def request_by_file(
    *,
    campaign: Campaign,
    stored: StoredFile,
    kind: str,
    reason: str,
    expected_digest: str,
    by: Actor,
    kind_text: str = "",
) -> AdjustmentRequest:
    """Make the request for everyone on the previewed list (`expected_digest`, its digest), and delete the file.

    It is one request, granted or refused as a whole. A file makes one request, however often the form is sent. Raises
    Refused, also when the list has changed.
    """
    fields = cleaned_reason(kind, kind_text, reason)
    with transaction.atomic():
        context = lock_for_adjustment(campaign.pk, by)
        if existing := find_by_key(stored.pk, by):
            return existing
        refuse_many_bulk_requests(by, context.now)
        # The list comes from the stored preview and not from the form, which a user could alter.
        targets = previewed(_report(stored), context.rule, context.now, context.employee_id)
        if targets is None or targets.digest != expected_digest:
            raise conflict(_("The list has changed since you saw it. Check it again."))
        if not targets.listed:
            raise conflict(_("This list is empty."))
        request = AdjustmentRequest.objects.create(
            key=stored.pk, campaign=campaign, file_name=clean_text(stored.name) or _("a file without a name"),
            **context.request_fields, **fields,
        )  # fmt: skip
        store_listed(request, targets.listed)
        # In the same transaction: the file names people, and is kept no longer than needed (ADR 43).
        StoredFile.objects.filter(pk=stored.pk).delete()
        note_step(request, "asked", by, people=len(targets.listed), file=request.file_name)
    return request


def _report(stored: StoredFile) -> dict[str, Any]:
    # Against the task that deletes old uploads, and against a second request for the same file.
    if not StoredFile.objects.select_for_update().filter(pk=stored.pk).exists():
        raise conflict(_("The file is no longer stored. Upload it again."))
    made = FilePreview.objects.filter(pk=stored.pk).values_list("report", flat=True).first() or {}
    if "rows" not in made:
        raise conflict(_("This file was not read as a list of adjustments."))
    return dict(made)
