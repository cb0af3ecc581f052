"""`/contacts/import/<file>/`: preview an upload, read it again with other settings, and confirm the import."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.contacts.file_receipt import UploadExpired, receive_file
from apps.contacts.models import Source, Submission
from apps.contacts.previews import UPLOAD
from apps.contacts.reading import VCARD
from apps.contacts.report_types import FilePreviewReport
from apps.contacts.services import column_mappings
from apps.core import clock, enqueue
from apps.core.errors import Refused
from apps.core.files import delete_files, require_upload_space, store_file
from apps.core.models import FilePreview, StoredFile
from apps.core.previews import request_preview
from apps.dashboard.labels import files
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.progress import ProgressView, render_progress
from apps.dashboard.views.standing.standing_card import period_of
from apps.fileio.encoding_names import ENCODINGS

# How long an unconfirmed upload is kept, and how many unconfirmed uploads one reader may have.
UPLOAD_RETENTION, MAX_WAITING_UPLOADS = timedelta(days=1), 5
# A small file is read at once, so the page polls quickly for this long and then every second.
QUICK_POLLING = timedelta(seconds=3)
State = FilePreview.State
FILE_SOURCES = (Source.CSV, Source.VCARD)


def receive_upload(scope: PageContext, sent: UploadedFile) -> StoredFile:
    with transaction.atomic():
        stored = store_upload(scope, sent.name or "", sent.chunks(), UPLOAD)
        _request_preview(scope, stored)
    # A submitted file belongs to its submission, which keeps it for as long as it needs it.
    submitted = Submission.objects.filter(file=OuterRef("pk"))
    delete_older_uploads(StoredFile.objects.filter(~Exists(submitted), owner_id=scope.user.pk, content_type=UPLOAD))
    return stored


def store_upload(scope: PageContext, name: str, content: Iterable[bytes], content_type: str) -> StoredFile:
    """Store an upload for a day. Raises Refused when the reader's uploads take too much space."""
    require_upload_space(scope.user.pk)
    return store_file(
        name=name, content=content, content_type=content_type, expires_at=clock.db_now() + UPLOAD_RETENTION,
        owner_id=scope.user.pk,
    )  # fmt: skip


def delete_older_uploads(uploads: QuerySet[StoredFile]) -> None:
    """Keep only the newest few of a reader's unconfirmed uploads."""
    newest = list(uploads.order_by("-stored_at").values_list("pk", flat=True)[:MAX_WAITING_UPLOADS])
    delete_files(uploads.exclude(pk__in=newest))


def own_upload(scope: PageContext, file_id: uuid.UUID, **filters: object) -> StoredFile:
    """The reader's own upload. Another reader's upload and an expired one give 404, as one that does not exist."""
    uploads = StoredFile.objects.filter(owner_id=scope.user.pk, expires_at__gt=clock.db_now(), **filters)
    return get_object_or_404(uploads.select_related("preview").defer("preview__attachment"), pk=file_id)


def _request_preview(
    scope: PageContext, stored: StoredFile, encoding: str = "", roles: list[str | None] | None = None
) -> None:
    settings = {
        "employee": scope.required_employee.pk, "encoding": encoding if encoding in ENCODINGS else "", "roles": roles,
        "language": translation.get_language(),
    }  # fmt: skip
    request_preview(stored, settings)
    enqueue.enqueue_preview(stored.pk)


def _upload(scope: PageContext, file_id: uuid.UUID) -> StoredFile:
    if scope.employee is None:
        raise Http404("Only employees have uploads")
    return own_upload(scope, file_id)


def _redirect_if_submitted(scope: PageContext, file_id: uuid.UUID) -> HttpResponse | None:
    """Redirect to the report of a file that was confirmed before, in another window or by a double click."""
    # The key comes from the file: however often it is confirmed, there is one submission.
    submission = Submission.objects.filter(employee=scope.required_employee, key=f"file-{file_id}").first()
    return redirect(scope.url("import-batch", submission.pk)) if submission else None


@require_safe
def preview(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """The preview: the columns, the first contacts as they would be stored, and the number of each outcome."""
    scope = PageContext(request)
    return _redirect_if_submitted(scope, file_id) or _page(scope, _upload(scope, file_id))


@require_safe
def progress(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    scope = PageContext(request)
    context = _context(scope, _upload(scope, file_id))
    return render_progress(scope, "contacts/_import_preview.html", context, running=bool(context["work"]))


def _page(scope: PageContext, stored: StoredFile, status: int = 0) -> HttpResponse:
    context = _context(scope, stored)
    # A script that uploads can tell a file with too many contacts from a good one.
    status = status or (413 if context["report"].get("problem") == "too_many" else 200)
    return render(scope, "contacts/import_preview.html", context, status=status)


def _context(scope: PageContext, stored: StoredFile) -> dict[str, Any]:
    preview = preview_of(stored)
    report: FilePreviewReport = preview.report if preview else {}
    return {
        "stored": stored, "file_preview": preview, "report": report, "columns": _columns(report), "roles": files.ROLES,
        "used": sum(map(bool, report.get("roles", []))), "max_contacts": settings.MOST_CONTACTS_AT_ONCE,
        "period": period_of(scope) if scope.campaign else None, **reading_progress(preview, clock.db_now()),
    }  # fmt: skip


def preview_of(stored: StoredFile) -> FilePreview | None:
    """The preview of a file. None for an upload from a version without stored previews: its page offers to read it."""
    return getattr(stored, "preview", None)


def reading_progress(preview: FilePreview | None, now: datetime) -> dict[str, Any]:
    """The page context of an unfinished preview and its polling interval. `work` is None when it is finished."""
    if preview is None or preview.state == State.MADE:
        return {"work": None}
    counted = _("The file is being read.") if preview.attempts else _("The file is waiting to be read.")
    more = _("A small file takes about a second. Your files are read one at a time.")
    poll = "load delay:300ms" if now - preview.asked_at < QUICK_POLLING else "load delay:1s"
    return {"work": ProgressView(_("Reading the file"), counted, more=more), "poll": poll}


def _columns(report: FilePreviewReport) -> list[dict[str, Any]]:
    headerless, examples = report.get("headerless", False), report.get("examples", [])
    return [
        {
            "index": index, "examples": examples[index], "role": report["roles"][index],
            "name": _("Column %(number)s") % {"number": index + 1} if headerless or not name else name,
            # The column names the owner of each contact, and no reader may choose another one.
            "fixed": report["roles"][index] not in files.ROLES,
        }
        for index, name in enumerate(report.get("header", []))
    ]  # fmt: skip


@require_POST
def refresh(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    scope = PageContext(request)
    if redirection := _redirect_if_submitted(scope, file_id):
        return redirection
    stored = _upload(scope, file_id)
    preview = preview_of(stored)
    header = preview.report.get("header", []) if preview else []
    chosen = [request.POST.get(f"role_{index}") for index in range(len(header))]
    # None: the role that the header suggests.
    roles = [role if role in files.ROLES else None for role in chosen]
    chosen_roles = roles if any(role is not None for role in roles) else None
    _request_preview(scope, stored, request.POST.get("encoding", ""), chosen_roles)
    return redirect(scope.url("import-preview", stored.pk))


@require_POST
def confirm(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """Submit the file as previewed. Its contacts count from now. Idempotent: a second confirmation changes nothing."""
    scope = PageContext(request)
    if redirection := _redirect_if_submitted(scope, file_id):
        return redirection
    stored, employee = _upload(scope, file_id), scope.required_employee
    preview = preview_of(stored)
    report: FilePreviewReport = preview.report if preview else {}
    if preview is None or not report.get("preview"):
        return _page(scope, stored, status=422)
    # The columns may have been changed in another window: what was confirmed must be what was shown.
    if request.POST.get("seen") != str(preview.version):
        messages.warning(
            request,
            _("Nothing was recorded: the settings for reading the file have changed. Check the preview again."),
        )
        return redirect(scope.url("import-preview", stored.pk))
    # Only a header identifies the next file of the same kind.
    if report.get("chosen") and not report["headerless"]:
        column_mappings.remember_roles(employee, report["header"], report["roles"])
    try:
        submission = receive_file(
            employee=employee, by=scope.user.actor, source=Source.VCARD if report["format"] == VCARD else Source.CSV,
            file_name=stored.name, sha256=bytes(stored.sha256), key=f"file-{stored.pk}", file=stored,
            layout={"format": report["format"], "encoding": report["encoding"], "roles": report["roles"]},
            total=report["preview"]["total"],
        )  # fmt: skip
    except UploadExpired:
        # Newer uploads have replaced it meanwhile, or its day was over.
        messages.warning(request, _("Nothing was recorded: the file is no longer stored. Upload it again."))
        return redirect(scope.url("import"))
    except Refused as refused:
        messages.warning(request, str(refused))
        return redirect(scope.url("import-preview", stored.pk))
    enqueue.enqueue_import(submission.pk)
    return redirect(scope.url("import-batch", submission.pk))
