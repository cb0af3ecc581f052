"""`/company/adjustments/by-file/`: many adjusted by a file, looked at before it is asked for, and then forgotten."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.dashboard import adjustment_words
from apps.dashboard.adjustment_forms import MOST_LIST_BYTES, KindForm, ListForm
from apps.dashboard.views.company import hr_scope
from apps.dashboard.views.joiners import many
from apps.dashboard.views.scope import Scope, render, streamed
from apps.employees.reading import ColumnMissing
from apps.ledger.files import delete_files, opened, store_file
from apps.ledger.models import StoredFile
from apps.ledger.tables import UnreadableFile
from apps.ledger.texts import ENCODINGS, PackedFile, UnsureEncoding, sample
from apps.quotas import services
from apps.quotas.models import AdjustmentRequest

# A file that nobody asks with is gone after a day; of one reader's, only the newest few are kept that long.
UPLOAD, UPLOAD_KEPT, WAITING = "quotas/adjustments", timedelta(days=1), 5
SHOWN_REJECTS = 100
# Nobody is numbered so: who sends the template back as it is asks for nothing.
TEMPLATE = "staff_no,target,from,until\r\nEXAMPLE-1,80,,\r\nEXAMPLE-2,exempt,2026-11-02,2026-11-30\r\n"


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The form; what is sent here is kept for a day and looked at, and nothing is asked for."""
    scope = hr_scope(request)
    if scope.campaign is None:
        return render(scope, "dashboard/team_waiting.html", {})
    form = ListForm(request.POST, request.FILES) if request.method == "POST" else ListForm()
    if request.method == "POST" and form.is_valid():
        stored = store_file(
            name=form.name, content=form.content(), content_type=UPLOAD,
            expires_at=services.clock() + UPLOAD_KEPT, owner_id=scope.user.pk,
        )  # fmt: skip
        waiting = StoredFile.objects.filter(owner_id=scope.user.pk, content_type=UPLOAD)
        newest = list(waiting.order_by("-stored_at").values_list("pk", flat=True)[:WAITING])
        delete_files(waiting.exclude(pk__in=newest))
        return redirect(scope.url("adjustments-file", stored.pk))
    context = {"form": form, "bytes": MOST_LIST_BYTES, "most": services.MOST_LINES}
    return render(scope, "dashboard/adjustments_by_file.html", context, status=422 if form.errors else 200)


@require_safe
def template(request: HttpRequest) -> StreamingHttpResponse:
    """A file to fill in."""
    hr_scope(request)
    return streamed([f"\ufeff{TEMPLATE}".encode()], "adjustments-template.csv", "text/csv; charset=utf-8")


def _asked(scope: Scope, list_id: uuid.UUID) -> HttpResponse | None:
    """On to its request, for a file that was asked with before: in another window, or with a double click."""
    found = AdjustmentRequest.objects.filter(key=list_id, asked_by_id=scope.user.pk).first()
    return redirect(scope.url("adjustment", found.pk)) if found else None


def _stored(scope: Scope, list_id: uuid.UUID) -> StoredFile:
    """The reader's own file; anybody else's answers as one that does not exist, and so does one that has expired."""
    kept = StoredFile.objects.filter(owner_id=scope.user.pk, content_type=UPLOAD, expires_at__gt=services.clock())
    stored = kept.filter(pk=list_id).first()
    if stored is None or scope.campaign is None:
        raise Http404("There is no such file")
    return stored


@require_safe
def look(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """What the file would ask for, whom it leaves out, and the lines that ask for nothing."""
    scope = hr_scope(request)
    return _asked(scope, list_id) or _look(scope, _stored(scope, list_id), KindForm())


@require_POST
def ask(request: HttpRequest, list_id: uuid.UUID) -> HttpResponse:
    """Ask for exactly the list that was looked at."""
    scope = hr_scope(request)
    if asked := _asked(scope, list_id):
        return asked
    stored, form = _stored(scope, list_id), KindForm(request.POST)
    if not form.is_valid():
        return _look(scope, stored, form, 422)
    try:
        made = services.ask_by_file(
            campaign=scope.the_campaign, stored=stored, encoding=_encoding(scope), **form.cleaned_data,
            seen=request.POST.get("seen", ""), by=scope.user.actor,
        )  # fmt: skip
    except services.AdjustmentRefused as refused:
        if refused.field in form.fields:
            form.refuse(refused.field, refused.message)
        else:
            messages.warning(request, refused.message)
        return _look(scope, stored, form, 409 if refused.conflict else 422)
    messages.success(request, _("Asked for. It counts when somebody else from HR has granted it."))
    return redirect(scope.url("adjustment", made.pk))


@require_safe
def rejected(request: HttpRequest, list_id: uuid.UUID) -> StreamingHttpResponse:
    """The rejected lines as a CSV to correct and send again."""
    scope = hr_scope(request)
    stored = _stored(scope, list_id)
    try:
        file, found = _found(scope, stored)
    except UnreadableFile as unreadable:
        raise Http404("There are no rejected lines") from unreadable
    content = services.rejected_csv(file, found.rejects)
    return streamed([content], f"rejected-{stored.pk.hex[:8]}.csv", "text/csv; charset=utf-8")


def _encoding(scope: Scope) -> str:
    """The alphabet that the reader has chosen, if any."""
    said = scope.request.POST.get("encoding", "") or scope.request.GET.get("encoding", "")
    return said if said in ENCODINGS else ""


def _found(scope: Scope, stored: StoredFile) -> tuple[services.AdjustmentFile, services.FileLook]:
    """Raises UnreadableFile."""
    with opened(stored) as raw:
        file = services.read_adjustments(raw, _encoding(scope))
    return file, services.look_at_file(file, scope.rule, scope.now, besides_employee=scope.user.employee_id)


def _look(scope: Scope, stored: StoredFile, form: KindForm, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"stored": stored, "form": form}
    try:
        file, found = _found(scope, stored)
    except UnreadableFile as error:
        context |= {"problem": adjustment_words.problem(_code(error), error.line), "readings": _readings(stored, error)}
        return render(scope, "dashboard/adjustments_file.html", context, status=status)
    chosen = _encoding(scope)
    context |= {
        "many": many(scope, found, "adjustments-file", stored.pk, encoding=chosen),
        "encoding": chosen,
        "rejects": found.rejects[:SHOWN_REJECTS],
        "rejects_url": scope.url("adjustments-rejected", stored.pk, encoding=chosen),
        "unused": file.unused,
    }
    return render(scope, "dashboard/adjustments_file.html", context, status=status)


def _readings(stored: StoredFile, error: UnreadableFile) -> list[tuple[str, list[str]]]:
    """What each alphabet would make of the file, when nothing in it says which it is in."""
    if not isinstance(error, UnsureEncoding):
        return []
    with opened(stored) as raw:
        return [(name, sample(raw, name)) for name in error.candidates[:6]]


def _code(error: UnreadableFile) -> str:
    match error:
        case UnsureEncoding():
            return "unsure_encoding"
        case PackedFile():
            return "packed"
        case ColumnMissing():
            return f"no_{error.columns[0]}"
        case services.TooManyLines():
            return "too_many"
    return "unreadable"
