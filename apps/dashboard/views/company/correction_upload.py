"""`/company/result/corrections/by-file/`: a correction of many by a file: preview, request, then delete the file."""

import uuid
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.errors import Refused
from apps.core.models import StoredFile
from apps.dashboard.forms.adjustments import MAX_LIST_BYTES, ListForm
from apps.dashboard.forms.corrections import EvidenceForm
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.company.correction_lines import correction_page
from apps.dashboard.views.company.list_upload import (
    list_context,
    request_list_preview,
    store_list,
    stream_rejected,
    stream_template,
)
from apps.dashboard.views.contacts.import_preview import own_upload
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.progress import render_progress
from apps.results import correction_file
from apps.results.correction_file import UPLOAD
from apps.results.models import ResultCorrection
from apps.roster.people_file import MAX_LINES

# No employee has these numbers: the unchanged template requests nothing.
TEMPLATE = "staff_no,counted,target,exempt\r\nEXAMPLE-1,102,,\r\nEXAMPLE-2,,80,no\r\n"


def _scope(request: HttpRequest) -> PageContext:
    scope = hr_scope(request)
    if scope.campaign is None or scope.campaign.newest_result is None:
        raise Http404("There is no result")
    return scope


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The form; an uploaded file is kept for a day and previewed, and nothing is requested."""
    scope = _scope(request)
    form = ListForm(request.POST, request.FILES) if request.method == "POST" else ListForm()
    if request.method == "POST" and form.is_valid():
        with form.showing_refusals():
            return redirect(scope.url("corrections-file", store_list(scope, form, UPLOAD).pk))
    context = {"form": form, "bytes": MAX_LIST_BYTES, "max_lines": MAX_LINES}
    return render(scope, "company/correction_upload.html", context, status=form.error_status if form.errors else 200)


@require_safe
def template(request: HttpRequest) -> StreamingHttpResponse:
    hr_scope(request)
    return stream_template(TEMPLATE, "corrections-template.csv")


def _to_existing_request(scope: PageContext, list_id: uuid.UUID) -> HttpResponse | None:
    """Redirect to the request of a file that was used already: in another window, or by a double click."""
    existing = ResultCorrection.objects.filter(key=list_id, asked_by_id=scope.user.pk).first()
    return redirect(scope.url("correction", existing.pk)) if existing else None


def _stored(scope: PageContext, list_id: uuid.UUID) -> StoredFile:
    return own_upload(scope, list_id, content_type=UPLOAD)


@require_safe
def preview(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """The preview: what the file would correct, and lines without effect."""
    scope = _scope(request)
    return _to_existing_request(scope, list_id) or _page(scope, _stored(scope, list_id), EvidenceForm())


@require_safe
def progress(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    scope = _scope(request)
    context = _context(scope, _stored(scope, list_id), EvidenceForm())
    return render_progress(scope, "company/_correction_file.html", context, running=bool(context["work"]))


@require_POST
def refresh(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """Read the file again: in another encoding, or for the current result."""
    scope = _scope(request)
    if redirection := _to_existing_request(scope, list_id):
        return redirection
    stored = _stored(scope, list_id)
    request_list_preview(scope, stored, request.POST.get("encoding", ""))
    return redirect(scope.url("corrections-file", stored.pk))


@require_POST
def ask(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """Request exactly the previewed list."""
    scope = _scope(request)
    if redirection := _to_existing_request(scope, list_id):
        return redirection
    stored, form = _stored(scope, list_id), EvidenceForm(request.POST)
    if not form.is_valid():
        return _page(scope, stored, form, 422)
    try:
        correction = correction_file.request_by_file(
            campaign=scope.required_campaign, stored=stored, **form.cleaned_data, seen=request.POST.get("seen", ""),
            by=scope.user,
        )  # fmt: skip
    except Refused as refused:
        messages.warning(request, refused.message)
        return _page(scope, stored, form, 409 if refused.conflict else 422)
    messages.success(request, _("Requested. Another HR user decides on it."))
    return redirect(scope.url("correction", correction.pk))


@require_safe
def rejected(request: HttpRequest, list_id: uuid.UUID) -> StreamingHttpResponse:
    return stream_rejected(_stored(_scope(request), list_id))


def _page(scope: PageContext, stored: StoredFile, form: EvidenceForm, status: int = 200) -> HttpResponse:
    return render(scope, "company/correction_file.html", _context(scope, stored, form), status=status)


def _context(scope: PageContext, stored: StoredFile, form: EvidenceForm) -> dict[str, Any]:
    context = list_context(stored, form)
    newest, report = correction_file.required_result(scope.required_campaign), context["report"]
    if "rejects" in context and correction_file.is_about(report, newest):
        terms = {employee: (counted, target, exempt) for employee, counted, target, exempt in report["rows"]}
        context["lines"] = correction_page(scope, newest, terms, partial(scope.url, "corrections-file", stored.pk))
    return context
