"""`/company/adjustments/by-file/`: bulk adjustments by a file: preview, request, then delete the file."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.campaigns.adjustments import bulk_file, bulk_previews
from apps.campaigns.adjustments import requests as requests
from apps.campaigns.adjustments.bulk_previews import UPLOAD
from apps.campaigns.models import AdjustmentRequest
from apps.core import clock, enqueue
from apps.core.files import delete_files, store_file
from apps.core.models import FilePreview, StoredFile
from apps.core.previews import ask_preview
from apps.dashboard.forms.adjustments import MAX_LIST_BYTES, KindForm, ListForm
from apps.dashboard.labels import adjustments
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.company.late_joiners import many
from apps.dashboard.views.contacts.import_preview import STOP_POLLING, preview_of, waiting
from apps.dashboard.views.page_context import PageContext, fragment, render, streamed
from apps.fileio.encodings import ENCODINGS

# An unused file is deleted after a day; of one reader's files only the newest few are kept that long.
UPLOAD_RETENTION, MAX_WAITING_FILES = timedelta(days=1), 5
# No employee has this number: the unchanged template requests nothing.
TEMPLATE = "staff_no,target,from,until\r\nEXAMPLE-1,80,,\r\nEXAMPLE-2,exempt,2026-11-02,2026-11-30\r\n"


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The form; an uploaded file is kept for a day and previewed, and nothing is requested."""
    scope = hr_scope(request)
    if scope.campaign is None:
        return render(scope, "no_campaign.html", {})
    form = ListForm(request.POST, request.FILES) if request.method == "POST" else ListForm()
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            stored = store_file(
                name=form.name, content=form.content(), content_type=UPLOAD,
                expires_at=clock.db_now() + UPLOAD_RETENTION, owner_id=scope.user.pk,
            )  # fmt: skip
            _ask_preview(scope, stored)
        own_files = StoredFile.objects.filter(owner_id=scope.user.pk, content_type=UPLOAD)
        newest = list(own_files.order_by("-stored_at").values_list("pk", flat=True)[:MAX_WAITING_FILES])
        delete_files(own_files.exclude(pk__in=newest))
        return redirect(scope.url("adjustments-file", stored.pk))
    context = {"form": form, "bytes": MAX_LIST_BYTES, "most": bulk_file.MOST_LINES}
    return render(scope, "company/bulk_upload.html", context, status=422 if form.errors else 200)


@require_safe
def template(request: HttpRequest) -> StreamingHttpResponse:
    """A file to fill in."""
    hr_scope(request)
    return streamed([f"\ufeff{TEMPLATE}".encode()], "adjustments-template.csv", "text/csv; charset=utf-8")


def _ask_preview(scope: PageContext, stored: StoredFile, encoding: str = "") -> None:
    asked = {
        "campaign": scope.the_campaign.pk, "employee": scope.user.employee_id, "language": translation.get_language(),
        "encoding": encoding if encoding in ENCODINGS else "",
    }  # fmt: skip
    # The campaign, its rule and the employees may have changed since.
    ask_preview(stored, asked, again=True)
    enqueue.enqueue_preview(stored.pk)


def _asked(scope: PageContext, list_id: uuid.UUID) -> HttpResponse | None:
    """Redirect to the request of a file that was used already: in another window, or by a double click."""
    existing = AdjustmentRequest.objects.filter(key=list_id, asked_by_id=scope.user.pk).first()
    return redirect(scope.url("adjustment", existing.pk)) if existing else None


def _stored(scope: PageContext, list_id: uuid.UUID) -> StoredFile:
    """The reader's own file; 404 for another reader's and for an expired one."""
    kept = StoredFile.objects.filter(owner_id=scope.user.pk, content_type=UPLOAD, expires_at__gt=clock.db_now())
    stored = kept.select_related("preview").defer("preview__attachment").filter(pk=list_id).first()
    if stored is None or scope.campaign is None:
        raise Http404("There is no such file")
    return stored


@require_safe
def look(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """The preview: what the file would request, whom it excludes, and lines without effect."""
    scope = hr_scope(request)
    return _asked(scope, list_id) or _page(scope, _stored(scope, list_id), KindForm())


@require_safe
def progress(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """The part of that page that follows the worker."""
    scope = hr_scope(request)
    context = _context(scope, _stored(scope, list_id), KindForm())
    status = 200 if context["work"] else STOP_POLLING
    return fragment(scope, "company/_bulk_preview.html", context, status=status)


@require_POST
def look_again(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """Read the file again: in another encoding, or for the current campaign and rule."""
    scope = hr_scope(request)
    if asked := _asked(scope, list_id):
        return asked
    stored = _stored(scope, list_id)
    _ask_preview(scope, stored, request.POST.get("encoding", ""))
    return redirect(scope.url("adjustments-file", stored.pk))


@require_POST
def ask(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """Request exactly the previewed list."""
    scope = hr_scope(request)
    if asked := _asked(scope, list_id):
        return asked
    stored, form = _stored(scope, list_id), KindForm(request.POST)
    if not form.is_valid() or not _is_list(preview_of(stored)):
        return _page(scope, stored, form, 422)
    try:
        made = bulk_previews.ask_by_file(
            campaign=scope.the_campaign, stored=stored, **form.cleaned_data, seen=request.POST.get("seen", ""),
            by=scope.user.actor,
        )  # fmt: skip
    except requests.AdjustmentRefused as refused:
        if refused.field in form.fields:
            form.refuse(refused.field, refused.message)
        else:
            messages.warning(request, refused.message)
        return _page(scope, stored, form, 409 if refused.conflict else 422)
    messages.success(request, _("Asked for. It counts when somebody else from HR has granted it."))
    return redirect(scope.url("adjustment", made.pk))


@require_safe
def rejected(request: HttpRequest, list_id: uuid.UUID) -> StreamingHttpResponse:
    """The rejected lines as a CSV to correct and upload again."""
    scope = hr_scope(request)
    stored = _stored(scope, list_id)
    content = FilePreview.objects.filter(pk=stored.pk).values_list("attachment", flat=True).first()
    if not content:
        raise Http404("There are no rejected lines")
    return streamed([bytes(content)], f"rejected-{stored.pk.hex[:8]}.csv", "text/csv; charset=utf-8")


def _is_list(made: FilePreview | None) -> bool:
    return made is not None and "rows" in made.report


def _page(scope: PageContext, stored: StoredFile, form: KindForm, status: int = 200) -> HttpResponse:
    return render(scope, "company/bulk_preview.html", _context(scope, stored, form), status=status)


def _context(scope: PageContext, stored: StoredFile, form: KindForm) -> dict[str, Any]:
    made = preview_of(stored)
    report = made.report if made else {}
    context = {"stored": stored, "form": form, "found": report, **waiting(made, clock.db_now())}
    if report.get("problem"):
        context["problem"] = adjustments.problem(report)
    elif made and _is_list(made):
        listed = bulk_previews.previewed(report, scope.rule, scope.now, scope.user.employee_id)
        # None: the rule has changed since, or the page shows another campaign.
        context["rejects"] = report["rejects"].get(translation.get_language(), [])
        context["many"] = listed and many(scope, listed, "adjustments-file", stored.pk)
    return context
