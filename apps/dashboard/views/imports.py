"""`/contacts/import/`: a file is looked at, then handed in, recorded by a worker, reported on, and can be undone."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.contacts import services as contacts
from apps.contacts.imports import FileGone, receive_file
from apps.contacts.models import Contact, Source, Submission
from apps.contacts.reading import VCARD
from apps.dashboard import words
from apps.dashboard.forms import UploadForm
from apps.dashboard.views.cards import period_of
from apps.dashboard.views.scope import Scope, fragment, render, streamed
from apps.dashboard.views.uploads import Looked, looked_at
from apps.dashboard.views.work import Work, seconds_left
from apps.ledger.files import delete_files, read_file, store_file
from apps.ledger.models import StoredFile
from apps.quotas import services

# An upload that nobody confirms is gone after this long.
UPLOAD_KEPT = timedelta(days=1)
RECENT = 20
# What marks an upload among stored files, and how many of one reader's wait for their confirmation.
UPLOAD, WAITING = "contacts/upload", 5
FILES = (Source.CSV, Source.VCARD)
# htmx stops asking when it is answered with this.
STOP_POLLING = 286


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The form and the files of before; a file sent here is kept for a day and looked at, and nothing is recorded."""
    scope = Scope(request)
    if request.method == "POST" and scope.the_employee:
        form = UploadForm(request.POST, request.FILES)
        if form.is_valid():
            sent = form.cleaned_data["file"]
            stored = store_file(
                name=sent.name, content=sent.chunks(), content_type=UPLOAD,
                expires_at=services.clock() + UPLOAD_KEPT, owner_id=scope.user.pk,
            )  # fmt: skip
            _drop_older(scope)
            return redirect(scope.url("import-preview", stored.pk))
        return _index(scope, form, status=422)
    return _index(scope, UploadForm())


def _index(scope: Scope, form: UploadForm, status: int = 200) -> HttpResponse:
    recent = Submission.objects.filter(employee=scope.the_employee, source__in=FILES).order_by("-received_at")
    context = {
        "form": form, "recent": [_told(one) for one in recent[:RECENT]], "most": settings.MOST_CONTACTS_AT_ONCE,
        "megabytes": settings.MOST_UPLOAD_BYTES // 1_000_000, "bytes": settings.MOST_UPLOAD_BYTES,
    }  # fmt: skip
    return render(scope, "dashboard/import.html", context, status=status)


def _drop_older(scope: Scope) -> None:
    """Only the newest few uploads of a reader wait to be confirmed."""
    handed_in = Submission.objects.filter(file=OuterRef("pk"))
    waiting = StoredFile.objects.filter(~Exists(handed_in), owner_id=scope.user.pk, content_type=UPLOAD)
    newest = list(waiting.order_by("-stored_at").values_list("pk", flat=True)[:WAITING])
    delete_files(waiting.exclude(pk__in=newest))


def _upload(scope: Scope, file_id: uuid.UUID) -> StoredFile:
    """The reader's own upload; anybody else's answers as one that does not exist, and so does one that has expired."""
    found = StoredFile.objects.filter(pk=file_id, owner_id=scope.user.pk, expires_at__gt=services.clock()).first()
    if found is None or scope.employee is None:
        raise Http404("There is no such file")
    return found


def _key(file_id: uuid.UUID) -> str:
    return f"file-{file_id}"


def _handed_in(scope: Scope, file_id: uuid.UUID) -> HttpResponse | None:
    """On to its report, for a file that was confirmed before: in another window, or with a double click."""
    found = Submission.objects.filter(employee=scope.the_employee, key=_key(file_id)).first()
    return redirect(scope.url("import-batch", found.pk)) if found else None


@require_safe
def preview(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """What the file would do: its columns, its first contacts as they would be stored, the count of each outcome."""
    scope = Scope(request)
    if handed_in := _handed_in(scope, file_id):
        return handed_in
    stored = _upload(scope, file_id)
    found = looked_at(stored, scope.the_employee, request.GET)
    return _preview(scope, stored, found)


def _preview(scope: Scope, stored: StoredFile, found: Looked, status: int = 0) -> HttpResponse:
    context = {
        "stored": stored, "found": found, "most": settings.MOST_CONTACTS_AT_ONCE, "roles": words.ROLES,
        "period": period_of(scope) if scope.campaign else None,
    }  # fmt: skip
    status = status or (413 if found.problem == "too_many" else 200)
    return render(scope, "dashboard/import_preview.html", context, status=status)


@require_POST
def confirm(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """Hand the file in. Its contacts count from now; the same file confirmed twice is handed in once."""
    scope = Scope(request)
    if handed_in := _handed_in(scope, file_id):
        return handed_in
    stored, employee = _upload(scope, file_id), scope.the_employee
    found = looked_at(stored, employee, request.POST)
    if found.preview is None:
        return _preview(scope, stored, found, status=422)
    if found.chosen and not found.headless:
        contacts.remember_roles(employee, found.header, found.roles)
    try:
        submission = receive_file(
            employee=employee, by=scope.user.actor, source=Source.VCARD if found.format == VCARD else Source.CSV,
            file_name=stored.name, sha256=bytes(stored.sha256), key=_key(stored.pk), file=stored,
            layout={"format": found.format, "encoding": found.encoding, "roles": found.roles},
            total=found.preview.total,
        )  # fmt: skip
    except FileGone:
        # Newer ones were sent meanwhile, or its day was over.
        messages.warning(request, _("Nothing was recorded: the file is no longer kept here. Please send it again."))
        return redirect(scope.url("import"))
    services.ring_for_file(submission.pk)
    return redirect(scope.url("import-batch", submission.pk))


def _batch(scope: Scope, submission_id: uuid.UUID) -> Submission:
    found = Submission.objects.filter(pk=submission_id, employee=scope.the_employee, source__in=FILES)
    submission = found.select_related("rejects").first()
    if submission is None:
        raise Http404("There is no such file")
    return submission


def _told(submission: Submission) -> dict[str, Any]:
    """A submission with its counts, as its page and the list of files show it."""
    report, total = submission.report, submission.total or 0
    running = submission.state == Submission.State.RECEIVED
    return {
        "it": submission, "running": running, "refused": report.get("refused", ""), "total": total,
        "created": report.get("created", 0), "duplicate": report.get("duplicate", 0),
        "rejected": report.get("rejected", 0), "left_out": report.get("left_out", 0),
        "rejects": report.get("rejects", []), "duplicates": report.get("duplicates", []),
        "work": _work(submission) if running else None,
    }  # fmt: skip


def _work(submission: Submission) -> Work:
    done, total = submission.done, submission.total or 0
    numbers = {"done": words.number(done), "total": words.number(total)}
    return Work(
        title=_("Recording"),
        counted=_("%(done)s of %(total)s contacts") % numbers if done else _("It begins in a moment."),
        done=done,
        total=total,
        seconds_left=seconds_left(done, total, submission.received_at, submission.advanced_at),
        more=_("What counts of it counts from the moment the file was handed in."),
    )


@require_safe
def batch(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    """How far the file is, and when it is done what became of every line."""
    scope = Scope(request)
    return render(scope, "dashboard/import_batch.html", _batch_context(scope, submission_id))


@require_safe
def progress(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    """The part of that page which follows the work."""
    scope = Scope(request)
    context = _batch_context(scope, submission_id)
    status = 200 if context["told"]["running"] else STOP_POLLING
    return fragment(scope, "dashboard/_import_state.html", context, status=status)


def _batch_context(scope: Scope, submission_id: uuid.UUID) -> dict[str, Any]:
    submission = _batch(scope, submission_id)
    told = _told(submission)
    undoable = submission.undone_at is None and told["created"] and services.can_undo(submission.received_at)
    met = Contact.objects.of(scope.the_employee).in_bulk([one["contact"] for one in told["duplicates"]])
    told["duplicates"] = [{"line": one["line"], "contact": met.get(one["contact"])} for one in told["duplicates"]]
    return {"told": told, "submission": submission, "undoable": undoable and not told["running"]}


@require_safe
def rejects(request: HttpRequest, submission_id: uuid.UUID) -> StreamingHttpResponse:
    """The rejected lines as a CSV to correct and upload again."""
    scope = Scope(request)
    submission = _batch(scope, submission_id)
    if submission.rejects is None:
        raise Http404("There are no rejected lines")
    name = f"rejected-{submission.received_at:%Y-%m-%d}-{submission.pk.hex[:8]}.csv"
    return streamed(read_file(submission.rejects), name, "text/csv; charset=utf-8")


@require_POST
def undo(request: HttpRequest, submission_id: uuid.UUID) -> HttpResponse:
    """End everything the file recorded, while its campaign is open."""
    scope = Scope(request)
    _batch(scope, submission_id)
    try:
        ended = services.undo_while_open(submission_id=submission_id, employee=scope.the_employee, by=scope.user.actor)
    except contacts.ContactRefused as refused:
        messages.warning(request, refused.message)
    else:
        services.ring()
        text = ngettext("Undone: %(count)s contact was ended.", "Undone: %(count)s contacts were ended.", ended)
        messages.success(
            request, text % {"count": words.number(ended)} if ended else _("There was nothing left to undo.")
        )
    return redirect(scope.url("import-batch", submission_id))
