"""`/contacts/import/`: a file is uploaded, previewed (import_preview.py), recorded by a worker, reported, and can be
undone.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.campaigns import selectors
from apps.contacts.models import Contact, Source, Submission
from apps.contacts.services import changes as contacts
from apps.core import enqueue
from apps.core.files import read_file
from apps.dashboard.forms.base import UploadForm
from apps.dashboard.labels import base
from apps.dashboard.views.contacts.import_preview import STOP_POLLING, receive_upload
from apps.dashboard.views.page_context import PageContext, fragment, render, streamed
from apps.dashboard.views.progress import ProgressView, seconds_left

MAX_RECENT_FILES = 20
FILES = (Source.CSV, Source.VCARD)


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The form and earlier files; an uploaded file is kept for a day and previewed, and nothing is recorded."""
    scope = PageContext(request)
    if request.method == "POST" and scope.the_employee:
        form = UploadForm(request.POST, request.FILES)
        if form.is_valid():
            stored = receive_upload(scope, form.cleaned_data["file"])
            return redirect(scope.url("import-preview", stored.pk))
        return _index(scope, form, status=422)
    return _index(scope, UploadForm())


def _index(scope: PageContext, form: UploadForm, status: int = 200) -> HttpResponse:
    recent = Submission.objects.filter(employee=scope.the_employee, source__in=FILES).order_by("-received_at")
    context = {
        "form": form, "recent": [_row(submission) for submission in recent[:MAX_RECENT_FILES]],
        "most": settings.MOST_CONTACTS_AT_ONCE,
        "megabytes": settings.MOST_UPLOAD_BYTES // 1_000_000, "bytes": settings.MOST_UPLOAD_BYTES,
    }  # fmt: skip
    return render(scope, "contacts/import.html", context, status=status)


def _batch(scope: PageContext, submission_id: uuid.UUID) -> Submission:
    own_files = Submission.objects.filter(employee=scope.the_employee, source__in=FILES)
    submission = own_files.select_related("rejects").filter(pk=submission_id).first()
    if submission is None:
        raise Http404("There is no such file")
    return submission


def _row(submission: Submission) -> dict[str, Any]:
    """A submission with its counts, for its page and for the list of files."""
    report, total = submission.report, submission.total or 0
    running = submission.state == Submission.State.RECEIVED
    return {
        "it": submission, "running": running, "refused": report.get("refused", ""), "total": total,
        "created": report.get("created", 0), "duplicate": report.get("duplicate", 0),
        "rejected": report.get("rejected", 0), "left_out": report.get("left_out", 0),
        "rejects": report.get("rejects", []), "duplicates": report.get("duplicates", []),
        "not_kept": report.get("rejects_not_kept", 0),
        "work": _work(submission) if running else None,
    }  # fmt: skip


def _work(submission: Submission) -> ProgressView:
    done, total = submission.done, submission.total or 0
    numbers = {"done": base.number(done), "total": base.number(total)}
    return ProgressView(
        title=_("Recording"),
        counted=_("%(done)s of %(total)s contacts") % numbers if done else _("It begins in a moment."),
        done=done,
        total=total,
        seconds_left=seconds_left(done, total, submission.received_at, submission.advanced_at),
        more=_("What counts of it counts from the moment the file was handed in."),
    )


@require_safe
def batch(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    """The progress of the file and, when finished, the result for every line."""
    scope = PageContext(request)
    return render(scope, "contacts/import_batch.html", _batch_context(scope, submission_id))


@require_safe
def progress(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    """The part of that page that follows the work."""
    scope = PageContext(request)
    context = _batch_context(scope, submission_id)
    status = 200 if context["told"]["running"] else STOP_POLLING
    return fragment(scope, "contacts/_import_state.html", context, status=status)


def _batch_context(scope: PageContext, submission_id: uuid.UUID) -> dict[str, Any]:
    submission = _batch(scope, submission_id)
    row = _row(submission)
    undoable = submission.undone_at is None and row["created"] and selectors.can_undo(submission.received_at)
    met = Contact.objects.of(scope.the_employee).in_bulk([duplicate["contact"] for duplicate in row["duplicates"]])
    row["duplicates"] = [
        {"line": duplicate["line"], "contact": met.get(duplicate["contact"])} for duplicate in row["duplicates"]
    ]
    return {"told": row, "submission": submission, "undoable": undoable and not row["running"]}


@require_safe
def rejects(request: HttpRequest, submission_id: uuid.UUID) -> StreamingHttpResponse:
    """The rejected lines as a CSV to correct and upload again."""
    scope = PageContext(request)
    submission = _batch(scope, submission_id)
    if submission.rejects is None:
        raise Http404("There are no rejected lines")
    name = f"rejected-{submission.received_at:%Y-%m-%d}-{submission.pk.hex[:8]}.csv"
    return streamed(read_file(submission.rejects), name, "text/csv; charset=utf-8")


@require_POST
def undo(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    """End all contacts recorded by the file, while its campaign is open."""
    scope = PageContext(request)
    _batch(scope, submission_id)
    try:
        ended = selectors.undo_while_open(submission_id=submission_id, employee=scope.the_employee, by=scope.user.actor)
    except contacts.ContactRefused as refused:
        messages.warning(request, refused.message)
    else:
        enqueue.enqueue_marking()
        text = ngettext("Undone: %(count)s contact was ended.", "Undone: %(count)s contacts were ended.", ended)
        messages.success(
            request, text % {"count": base.number(ended)} if ended else _("There was nothing left to undo.")
        )
    return redirect(scope.url("import-batch", submission_id))
