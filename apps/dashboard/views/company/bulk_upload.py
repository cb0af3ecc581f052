"""`/company/adjustments/by-file/`: bulk adjustments by a file: preview, request, then delete the file."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.campaigns.adjustments import bulk_previews
from apps.campaigns.adjustments.bulk_previews import UPLOAD
from apps.campaigns.models import AdjustmentRequest
from apps.core.errors import Refused
from apps.core.models import StoredFile
from apps.dashboard.forms.adjustments import MAX_LIST_BYTES, KindForm, ListForm
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.company.list_upload import (
    list_context,
    request_list_preview,
    store_list,
    stream_rejected,
    stream_template,
)
from apps.dashboard.views.company.target_pages import target_page
from apps.dashboard.views.contacts.import_preview import own_upload
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.progress import render_progress
from apps.roster.people_file import MAX_LINES

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
        with form.showing_refusals():
            return redirect(scope.url("adjustments-file", store_list(scope, form, UPLOAD).pk))
    context = {"form": form, "bytes": MAX_LIST_BYTES, "max_lines": MAX_LINES}
    return render(scope, "company/bulk_upload.html", context, status=form.error_status if form.errors else 200)


@require_safe
def template(request: HttpRequest) -> StreamingHttpResponse:
    hr_scope(request)
    return stream_template(TEMPLATE, "adjustments-template.csv")


def _to_existing_request(scope: PageContext, list_id: uuid.UUID) -> HttpResponse | None:
    """Redirect to the request of a file that was used already: in another window, or by a double click."""
    # The id of the file is the idempotency key of its request.
    existing = AdjustmentRequest.objects.filter(key=list_id, asked_by_id=scope.user.pk).first()
    return redirect(scope.url("adjustment", existing.pk)) if existing else None


def _stored(scope: PageContext, list_id: uuid.UUID) -> StoredFile:
    if scope.campaign is None:
        raise Http404("There is no campaign")
    return own_upload(scope, list_id, content_type=UPLOAD)


@require_safe
def preview(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """The preview: what the file would request, whom it excludes, and lines without effect."""
    scope = hr_scope(request)
    return _to_existing_request(scope, list_id) or _page(scope, _stored(scope, list_id), KindForm())


@require_safe
def progress(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    scope = hr_scope(request)
    context = _context(scope, _stored(scope, list_id), KindForm())
    return render_progress(scope, "company/_bulk_preview.html", context, running=bool(context["work"]))


@require_POST
def refresh(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """Read the file again: in another encoding, or for the current campaign and rule."""
    scope = hr_scope(request)
    if redirection := _to_existing_request(scope, list_id):
        return redirection
    stored = _stored(scope, list_id)
    request_list_preview(scope, stored, request.POST.get("encoding", ""))
    return redirect(scope.url("adjustments-file", stored.pk))


@require_POST
def ask(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """Request exactly the previewed list."""
    scope = hr_scope(request)
    if redirection := _to_existing_request(scope, list_id):
        return redirection
    stored, form = _stored(scope, list_id), KindForm(request.POST)
    if not form.is_valid() or "rejects" not in list_context(stored, form):
        return _page(scope, stored, form, 422)
    try:
        adjustment_request = bulk_previews.request_by_file(
            campaign=scope.required_campaign, stored=stored, **form.cleaned_data,
            expected_digest=request.POST.get("seen", ""), by=scope.user.actor,
        )  # fmt: skip
    except Refused as refused:
        if refused.field in form.fields:
            form.refuse(refused.field, refused.message)
        else:
            messages.warning(request, refused.message)
        return _page(scope, stored, form, 409 if refused.conflict else 422)
    messages.success(request, _("Requested. It applies after another HR user has approved it."))
    return redirect(scope.url("adjustment", adjustment_request.pk))


@require_safe
def rejected(request: HttpRequest, list_id: uuid.UUID) -> StreamingHttpResponse:
    return stream_rejected(_stored(hr_scope(request), list_id))


def _page(scope: PageContext, stored: StoredFile, form: KindForm, status: int = 200) -> HttpResponse:
    return render(scope, "company/bulk_preview.html", _context(scope, stored, form), status=status)


def _context(scope: PageContext, stored: StoredFile, form: KindForm) -> dict[str, Any]:
    context = list_context(stored, form)
    if "rejects" in context:
        listed = bulk_previews.previewed(context["report"], scope.rule, scope.now, scope.user.employee_id)
        # None: the rule has changed since, or the page shows another campaign.
        context["bulk"] = listed and target_page(scope, listed, "adjustments-file", stored.pk)
    return context
