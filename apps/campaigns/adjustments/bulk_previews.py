"""Previews of adjustment files: a worker reads the file once, and the request uses the preview instead of the file.

A preview stores the terms by employee id, without names: those are read when it is shown.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from apps.campaigns.adjustments.bulk_file import AdjustmentFile, TooManyLines, read_adjustments, rejected_csv
from apps.campaigns.adjustments.bulk_targets import BulkTargets, store_listed
from apps.campaigns.adjustments.bulk_upload import BulkPreview, Row, check_rows, preview_file
from apps.campaigns.adjustments.requests import cleaned_reason, conflict, find_by_key, lock_for_adjustment, note_step
from apps.campaigns.models import AdjustmentRequest, Campaign, CampaignRule
from apps.contacts import previews
from apps.core import previews as core_previews
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.files import opened
from apps.core.identity import clean_text
from apps.core.models import FilePreview, StoredFile
from apps.core.previews import Made
from apps.fileio.csv_reader import TooLarge, UnreadableFile
from apps.fileio.encodings import PackedFile, UnsureEncoding, sample
from apps.roster.reader import ColumnMissing

# The kind of a stored file that is an upload of adjustments.
UPLOAD = "campaigns/adjustments"
SHOWN_REJECTS = 100


def make_preview(file_id: uuid.UUID) -> list[uuid.UUID]:
    """Read an uploaded file of any kind and store the result; returns which files may be read next."""
    return core_previews.make_preview(file_id, {previews.UPLOAD: previews.make_preview, UPLOAD: preview_adjustments})


def preview_adjustments(stored: StoredFile, asked: dict[str, Any]) -> Made:
    """Return the terms a file gives each employee, and its rejected lines.

    `asked` has `campaign` (an id) and `employee` (the requester's id, or None). `problem` is a code when the file
    cannot be read.
    """
    rule, at, mine = Campaign.objects.get(pk=asked["campaign"]).rule, db_now(), asked["language"]

    def read(language: str) -> tuple[AdjustmentFile, BulkPreview]:
        with translation.override(language):
            file = read_adjustments(raw, asked["encoding"])
            return file, preview_file(file, rule, at, besides_employee=asked["employee"])

    with opened(stored) as raw:
        try:
            file, found = read(mine)
        except UnreadableFile as error:
            readings = error.candidates[:6] if isinstance(error, UnsureEncoding) else []
            return Made(_problem(error) | {"readings": [[name, sample(raw, name)] for name in readings]})
        # The reasons are messages in one language, and the reader may change the language, so store all languages.
        others = [code for code, _name in settings.LANGUAGES if code != mine] if found.rejects else []
        rejects = {mine: _told(found)} | {language: _told(read(language)[1]) for language in others}
    rows = [
        [one.employee_id, one.target, one.exempt, one.starts_at.isoformat(), one.ends_at.isoformat()]
        for one in (*found.listed, *found.left_out)
    ]
    report = {
        "problem": "", "encoding": file.encoding, "unused": file.unused, "rule": rule.pk, "rows": rows,
        "rejected": len(found.rejects), "rejects": rejects,
    }  # fmt: skip
    return Made(report, rejected_csv(file, found.rejects))


def _told(found: BulkPreview) -> list[dict[str, Any]]:
    return [asdict(one) | {"cells": list(one.cells)} for one in found.rejects[:SHOWN_REJECTS]]


def _problem(error: UnreadableFile) -> dict[str, Any]:
    match error:
        case UnsureEncoding():
            return {"problem": "unsure_encoding"}
        case PackedFile():
            return {"problem": "packed"}
        case ColumnMissing():
            return {"problem": f"no_{error.columns[0]}"}
        case TooManyLines():
            return {"problem": "too_many"}
        case TooLarge():
            return {"problem": "too_large", "line": error.line, "limit": error.limit, "unit": error.unit}
    return {"problem": "unreadable", "line": error.line}


def previewed(report: dict[str, Any], rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets | None:
    """Compare a preview's list with the current facts; None when it was made for another version of the rule."""
    if report.get("rule") != rule.pk:
        return None
    rows = (
        Row(employee, target, exempt, datetime.fromisoformat(starts_at), datetime.fromisoformat(ends_at))
        for employee, target, exempt, starts_at, ends_at in report["rows"]
    )
    return check_rows(rows, rule, at, employee_id)


def ask_by_file(
    *, campaign: Campaign, stored: StoredFile, kind: str, reason: str, seen: str, by: Actor, kind_text: str = ""
) -> AdjustmentRequest:
    """Make the request for everyone on the previewed list (`seen`, its digest), and delete the file.

    It is one request, granted or refused as a whole. A file makes one request, however often the form is sent. Raises
    AdjustmentRefused, also when the list has changed.
    """
    said = cleaned_reason(kind, kind_text, reason)
    with transaction.atomic():
        held = lock_for_adjustment(campaign.pk, by)
        if known := find_by_key(stored.pk, by):
            return known
        found = previewed(_report(stored), held.rule, held.now, held.employee_id)
        if found is None or found.digest != seen:
            raise conflict(_("The list has changed since you looked at it. Look again."))
        if not found.listed:
            raise conflict(_("Nobody is on this list."))
        request = AdjustmentRequest.objects.create(
            key=stored.pk, campaign=campaign, file_name=clean_text(stored.name) or _("a file without a name"),
            **held.asking, **said,
        )  # fmt: skip
        store_listed(request, found.listed)
        StoredFile.objects.filter(pk=stored.pk).delete()
        note_step(request, "asked", by, people=len(found.listed), file=request.file_name)
    return request


def _report(stored: StoredFile) -> dict[str, Any]:
    if not StoredFile.objects.select_for_update().filter(pk=stored.pk).exists():
        raise conflict(_("The file is no longer kept here. Please send it again."))
    made = FilePreview.objects.filter(pk=stored.pk).values_list("report", flat=True).first() or {}
    if "rows" not in made:
        raise conflict(_("This file has not been read as a list of adjustments."))
    return dict(made)
