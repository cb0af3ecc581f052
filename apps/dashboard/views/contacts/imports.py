"""`/contacts/import/`: a file is uploaded, previewed (import_preview.py), recorded by a worker, reported, and can be
undone.
"""

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.campaigns import selectors
from apps.contacts.import_report import rejected_contents
from apps.contacts.models import Contact, Submission
from apps.core.files import read_file
from apps.dashboard.forms.base import UploadForm
from apps.dashboard.labels import base
from apps.dashboard.views.contacts.import_preview import FILE_SOURCES, receive_upload
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.progress import ProgressView, render_progress, seconds_left
from apps.dashboard.views.standing.my_standing import own_contacts
from apps.dashboard.views.standing.quick_add_feedback import undo_feedback
from apps.dashboard.views.streaming import streamed

MAX_RECENT_FILES = 20
# The report lists so many recorded people; the list of contacts has them all.
MAX_LISTED_PEOPLE = 20


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The form and earlier files; an uploaded file is kept for a day and previewed, and nothing is recorded."""
    scope = PageContext(request)
    if request.method == "POST" and scope.required_employee:
        form = UploadForm(request.POST, request.FILES)
        if form.is_valid():
            with form.showing_refusals():
                stored = receive_upload(scope, form.cleaned_data["file"])
                return redirect(scope.url("import-preview", stored.pk))
        return _index(scope, form, status=form.error_status)
    return _index(scope, UploadForm())


def _index(scope: PageContext, form: UploadForm, status: int = 200) -> HttpResponse:
    recent = Submission.objects.filter(employee=scope.required_employee, source__in=FILE_SOURCES).order_by(
        "-received_at"
    )
    context = {
        "form": form, "recent": [_row(submission) for submission in recent[:MAX_RECENT_FILES]],
        "max_contacts": settings.MOST_CONTACTS_AT_ONCE,
        "megabytes": settings.MOST_UPLOAD_BYTES // 1_000_000, "bytes": settings.MOST_UPLOAD_BYTES,
    }  # fmt: skip
    return render(scope, "contacts/import.html", context, status=status)


def _batch(scope: PageContext, submission_id: uuid.UUID) -> Submission:
    own_files = Submission.objects.filter(employee=scope.required_employee, source__in=FILE_SOURCES)
    return get_object_or_404(own_files.select_related("rejects"), pk=submission_id)


def _row(submission: Submission) -> dict[str, Any]:
    """A submission with its counts, for its page and for the list of files."""
    report, total = submission.report, submission.total or 0
    running = submission.state == Submission.State.RECEIVED
    return {
        "submission": submission, "running": running, "refused": report.get("refused", ""), "total": total,
        "created": report.get("created", 0), "duplicate": report.get("duplicate", 0),
        "rejected": report.get("rejected", 0), "incomplete": report.get("incomplete", report.get("left_out", 0)),
        "rejects": report.get("rejects", []), "duplicates": report.get("duplicates", []),
        "not_kept": report.get("rejects_not_kept", 0),
        "work": _work(submission) if running else None,
    }  # fmt: skip


def _work(submission: Submission) -> ProgressView:
    done, total = submission.done, submission.total or 0
    numbers = {"done": base.number(done), "total": base.number(total)}
    return ProgressView(
        title=_("Recording"),
        counted=_("%(done)s of %(total)s contacts") % numbers if done else _("It starts in a moment."),
        done=done,
        total=total,
        seconds_left=seconds_left(done, total, submission.received_at, submission.advanced_at),
        more=_("Contacts in this file count from the moment it was submitted."),
    )


@require_safe
def batch(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    scope = PageContext(request)
    return render(scope, "contacts/import_batch.html", _batch_context(scope, submission_id))


@require_safe
def progress(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    scope = PageContext(request)
    context = _batch_context(scope, submission_id)
    return render_progress(scope, "contacts/_import_state.html", context, running=context["summary"]["running"])


def _batch_context(scope: PageContext, submission_id: uuid.UUID) -> dict[str, Any]:
    submission = _batch(scope, submission_id)
    row = _row(submission)
    # Not what its report says it created: a contact that an earlier file brought as well belongs to that file.
    active = Contact.objects.of(scope.required_employee).live().filter(submission=submission)
    can_undo = not row["running"] and submission.undone_at is None and selectors.can_undo(submission.received_at)
    # Through the reader's own contacts: the report stores ids, and one may belong to an erased contact.
    met = Contact.objects.of(scope.required_employee).in_bulk([duplicate["contact"] for duplicate in row["duplicates"]])
    row["duplicates"] = [
        {"line": duplicate["line"], "contact": met.get(duplicate["contact"])} for duplicate in row["duplicates"]
    ]
    contents = {} if row["running"] else rejected_contents(submission)
    row["rejects"] = [reject | {"content": contents.get(reject["line"], "")} for reject in row["rejects"]]
    undoable = active.count() if can_undo else 0
    return {"summary": row, "submission": submission, "undoable": undoable, **_recorded(scope, submission, row)}


def _recorded(scope: PageContext, submission: Submission, row: dict[str, Any]) -> dict[str, Any]:
    """The first contacts of a file, each with its reason, and how many of them all count now."""
    if row["running"] or not row["created"]:
        return {"people": [], "counting": 0}
    contacts = own_contacts(scope).filter(submission=submission)
    return {"people": list(contacts[:MAX_LISTED_PEOPLE]), "counting": contacts.order_by().filter(reason="").count()}


@require_safe
def rejects(request: HttpRequest, submission_id: uuid.UUID) -> StreamingHttpResponse:
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
    feedback = undo_feedback(scope, submission_id)
    messages.add_message(request, feedback.level, feedback.text)
    return redirect(scope.url("import-batch", submission_id))
