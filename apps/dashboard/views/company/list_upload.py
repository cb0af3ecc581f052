"""Uploaded files of adjustments and of corrections: kept for a day, read by a worker, and shown as a preview."""

from typing import Any

from django.db import transaction
from django.forms import BaseForm
from django.http import Http404, StreamingHttpResponse
from django.utils import translation

from apps.core import clock, enqueue
from apps.core.models import FilePreview, StoredFile
from apps.core.previews import request_preview
from apps.dashboard.forms.adjustments import ListForm
from apps.dashboard.labels import adjustments
from apps.dashboard.views.contacts.import_preview import (
    delete_older_uploads,
    preview_of,
    reading_progress,
    store_upload,
)
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.streaming import streamed
from apps.fileio.encoding_names import ENCODINGS


def store_list(scope: PageContext, form: ListForm, content_type: str) -> StoredFile:
    """Store the file of a valid form and request its preview; the reader's oldest waiting files are deleted."""
    with transaction.atomic():
        stored = store_upload(scope, form.name, form.content(), content_type)
        request_list_preview(scope, stored)
    delete_older_uploads(StoredFile.objects.filter(owner_id=scope.user.pk, content_type=content_type))
    return stored


def request_list_preview(scope: PageContext, stored: StoredFile, encoding: str = "") -> None:
    """Have a worker read the file, also again: campaign, rule, result and employees may have changed since."""
    settings = {
        "campaign": scope.required_campaign.pk, "employee": scope.user.employee_id,
        "language": translation.get_language(), "encoding": encoding if encoding in ENCODINGS else "",
    }  # fmt: skip
    request_preview(stored, settings, again=True)
    enqueue.enqueue_preview(stored.pk)


def list_context(stored: StoredFile, form: BaseForm) -> dict[str, Any]:
    """The page context of a preview, without the people of its list."""
    preview = preview_of(stored)
    report = preview.report if preview else {}
    context = {
        "stored": stored, "form": form, "report": report, "file_preview": preview,
        **reading_progress(preview, clock.db_now()),
    }  # fmt: skip
    if report.get("problem"):
        context["problem"] = adjustments.problem(report)
    elif "rows" in report:
        context["rejects"] = report["rejects"].get(translation.get_language(), [])
    return context


def stream_template(text: str, name: str) -> StreamingHttpResponse:
    return streamed([f"\ufeff{text}".encode()], name, "text/csv; charset=utf-8")


def stream_rejected(stored: StoredFile) -> StreamingHttpResponse:
    # Read only here: it may be megabytes, and pages defer it.
    content = FilePreview.objects.filter(pk=stored.pk).values_list("attachment", flat=True).first()
    if not content:
        raise Http404("There are no rejected lines")
    return streamed([bytes(content)], f"rejected-{stored.pk.hex[:8]}.csv", "text/csv; charset=utf-8")
