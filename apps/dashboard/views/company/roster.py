"""`/company/roster/`: HR's file is previewed as a difference, applied by a worker, and kept in the history."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.approvals import ApprovalRefused
from apps.accounts.models import ApprovalRequest
from apps.core import enqueue
from apps.core.audit import audit
from apps.core.closed_periods import BackdatingBlocked
from apps.core.files import read_file
from apps.dashboard.forms.base import RosterForm
from apps.dashboard.labels import base, roster
from apps.dashboard.views.company.approvals import approval_line
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, fragment, render, streamed
from apps.dashboard.views.progress import ProgressView, not_begun
from apps.fileio.encodings import ENCODINGS
from apps.roster import imports
from apps.roster.models import RosterImport
from apps.roster.parser import OPTIONAL, REQUIRED
from apps.roster.rollback import CannotUndo, can_undo, undo_or_request

PAGE = 25
# htmx stops polling at this status.
STOP_POLLING = 286
State, Kind = RosterImport.State, ApprovalRequest.Kind
ABOUT_LOADS = (Kind.ROSTER_LOAD, Kind.EMAIL_CHANGE, Kind.ROSTER_UNDO)
FIRST = ("left", "rejected", "address", "moved", "changed", "joined")
# No employee has this number: the unchanged template changes nothing.
EXAMPLE = "EXAMPLE-1,Li Wei 李伟,li.wei@example.com,+86 138 1234 5678,Sales,EXAMPLE-2,Asia/Shanghai,2026-11-02,,"


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The form and earlier imports; an uploaded file is kept for a day, and nothing of it is applied."""
    scope = hr_scope(request)
    form = RosterForm(request.POST, request.FILES) if request.method == "POST" else RosterForm()
    if request.method == "POST" and form.is_valid():
        sent = form.cleaned_data["file"]
        load = imports.receive_upload(name=sent.name, content=sent.chunks(), by=scope.user.actor)
        enqueue.enqueue_roster_import(load.pk)
        return redirect(scope.url("roster-load", load.pk))
    page = Paginator(imports.past_loads(), PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form, "page": page, "told": [_summary(load) for load in page],
        "open": list(imports.open_loads(scope.now)[:5]),
        "megabytes": settings.MOST_UPLOAD_BYTES // 1_000_000, "bytes": settings.MOST_UPLOAD_BYTES,
    }  # fmt: skip
    return render(scope, "company/roster.html", context, status=422 if form.errors else 200)


@require_safe
def template(request: HttpRequest) -> StreamingHttpResponse:
    """A template file: all columns, and an example line."""
    hr_scope(request)
    text = "\ufeff" + ",".join((*REQUIRED, *OPTIONAL)) + "\r\n" + EXAMPLE + "\r\n"
    return streamed([text.encode()], "roster-template.csv", "text/csv; charset=utf-8")


def _load(scope: PageContext, load_id: uuid.UUID) -> RosterImport:
    """An import with a stored file, or a confirmed one, by any HR member."""
    load = RosterImport.objects.select_related("file", "difference").filter(pk=load_id).first()
    gone = load is None or (load.state in (State.LOOKING, State.LOOKED) and _expired(load, scope))
    if load is None or gone:
        raise Http404("There is no such file")
    return load


def _expired(load: RosterImport, scope: PageContext) -> bool:
    return load.file is None or load.file.expires_at <= scope.now


@require_safe
def detail(request: HttpRequest, load_id: uuid.UUID) -> HttpResponse:
    """The changes of the file, the progress, and the result."""
    scope = hr_scope(request)
    context = _context(scope, _load(scope, load_id), request.GET.get("show", ""))
    return render(scope, "company/roster_import.html", context)


@require_safe
def progress(request: HttpRequest, load_id: uuid.UUID) -> HttpResponse:
    """The part of that page that follows the work."""
    scope = hr_scope(request)
    context = _context(scope, _load(scope, load_id))
    status = 200 if context["told"]["running"] else STOP_POLLING
    return fragment(scope, "company/_roster_import_state.html", context, status=status)


def _context(scope: PageContext, load: RosterImport, show: str = "") -> dict[str, Any]:
    summary = _summary(load)
    requests = ApprovalRequest.objects.filter(kind__in=ABOUT_LOADS, subject=str(load.pk)).order_by("requested_at")
    lists = {entry["kind"]: entry for entry in summary["lists"]} if summary["compared"] else {}
    # Leavers and errors come first.
    telling = [kind for kind in FIRST if kind in lists and lists[kind]["count"]]
    summary["undoable"] = can_undo(load)
    summary["shown"] = lists.get(show) or (lists[telling[0]] if telling else None)
    return {
        "load": load, "told": summary, "columns": _columns(load), "roles": roster.ROLES,
        "requests": [approval_line(scope, entry) for entry in requests],
    }  # fmt: skip


def _summary(load: RosterImport) -> dict[str, Any]:
    report = load.report
    kinds = report.get("kinds") or {}
    problem = report.get("problem")
    labels = roster.KINDS_DONE if load.state == State.DONE else roster.labels()
    shown = report.get("shown") or {}
    lists = [
        {
            "kind": kind, "label": labels[kind], "icon": icon, "colour": colour, "count": kinds.get(kind, 0),
            "rows": shown.get(kind, []), "more": kinds.get(kind, 0) - len(shown.get(kind, [])),
        }
        for kind, (_label, icon, colour) in roster.KINDS.items()
    ]  # fmt: skip
    return {
        "it": load, "running": load.state in imports.WAITING, "done": load.state == State.DONE,
        "requested": load.state == State.REQUESTED,
        "refused": load.state == State.REFUSED, "problem": problem,
        "sentence": roster.problem(problem) if problem else "", "lists": lists, "compared": bool(kinds),
        "unchanged": report.get("unchanged", 0), "duplicate": report.get("duplicate", 0), "read": report.get("read", 0),
        "without_manager": report.get("without_manager", 0), "counts": report, "moved": report.get("moved", False),
        "changes": sum(kinds.get(kind, 0) for kind in ("joined", "left", "moved", "changed", "address")),
        "leaving": report.get("left", 0), "work": _work(load), "used": sum(map(bool, load.layout.get("roles", []))),
        "readings": load.layout.get("readings", []),
    }  # fmt: skip


def _work(load: RosterImport) -> ProgressView:
    title = _("Changing the roster") if load.state == State.RECEIVED else _("Comparing with the roster")
    if not load.attempts:
        return not_begun(title)
    if load.total and load.done >= load.total:
        return ProgressView(title, _("All rows are read. The roster changes in one step."))
    read = _("%(done)s rows read") % {"done": base.number(load.done)}
    return ProgressView(title, read, load.done, load.total)


def _columns(load: RosterImport) -> list[dict[str, Any]]:
    layout = load.layout
    return [
        {
            "place": place, "name": name or _("Column %(number)s") % {"number": place + 1},
            "role": layout["roles"][place],
            "examples": [row[place] for row in layout.get("examples", []) if place < len(row) and row[place]][:2],
        }
        for place, name in enumerate(layout.get("header", []))
    ]  # fmt: skip


@require_POST
def look(request: HttpRequest, load_id: uuid.UUID) -> HttpResponse:
    """Read the file another way: other columns, another encoding, complete or not."""
    scope = hr_scope(request)
    load = _load(scope, load_id)
    encoding = request.POST.get("encoding", "")
    roles = [request.POST.get(f"role_{place}") for place in range(len(load.layout.get("header", [])))]
    imports.refresh_preview(
        load, encoding=encoding if encoding in ENCODINGS else "", complete=request.POST.get("complete") == "yes",
        without_unknown_managers=request.POST.get("without_unknown_managers") == "yes",
        roles=[role if role in roster.ROLES else "" for role in roles] if any(roles) else None, by=scope.user.actor,
    )  # fmt: skip
    enqueue.enqueue_roster_import(load.pk)
    return redirect(scope.url("roster-load", load.pk))


@require_POST
def apply(request: HttpRequest, load_id: uuid.UUID) -> HttpResponse:
    """Hand the previewed difference to a worker. Idempotent."""
    scope = hr_scope(request)
    load = _load(scope, load_id)
    try:
        if not imports.confirm(load, digest=request.POST.get("digest", ""), by=scope.user.actor):
            messages.warning(request, _("Nothing was changed: look at the difference as it is now."))
    except ApprovalRefused as refused:
        messages.warning(request, refused.message)
    enqueue.enqueue_roster_import(load.pk)
    return redirect(scope.url("roster-load", load.pk))


@require_safe
def difference_csv(request: HttpRequest, load_id: uuid.UUID) -> StreamingHttpResponse:
    """The whole difference, one line per employee."""
    scope = hr_scope(request)
    load = _load(scope, load_id)
    if load.difference is None:
        raise Http404("There is no difference")
    if request.method == "GET":
        audit("roster.difference_taken", by=scope.user.actor, kind="roster", id=load.pk, label=load.file_name)
    name = f"roster-difference-{load.asked_at:%Y-%m-%d}-{load.pk.hex[:8]}.csv"
    return streamed(read_file(load.difference), name, "text/csv; charset=utf-8")


@require_POST
def undo(request: HttpRequest, load_id: uuid.UUID) -> HttpResponse:
    """Restore all employees as before the last import."""
    scope = hr_scope(request)
    _load(scope, load_id)
    try:
        requested = undo_or_request(load_id=load_id, by=scope.user.actor)
    except ApprovalRefused as refused:
        messages.warning(request, refused.message)
    except CannotUndo:
        messages.warning(request, _("This load cannot be undone: it is not the last one that changed the roster."))
    except BackdatingBlocked:
        messages.warning(request, roster.problem({"code": "freezing"}))
    else:
        if requested:
            messages.success(request, _("Requested: the load is undone when another HR user approves it."))
            return redirect(scope.url("approval", requested.pk))
        enqueue.enqueue_marking()
        messages.success(request, _("Undone: everybody is again what they were before this load."))
    return redirect(scope.url("roster-load", load_id))
