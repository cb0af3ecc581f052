"""`/company/roster/`: HR's file is previewed as a difference, applied by a worker, and kept in the history."""

import re
import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.models import ApprovalRequest
from apps.core import enqueue
from apps.core.audit import audit
from apps.core.closed_periods import BackdatingBlocked
from apps.core.errors import Refused
from apps.core.files import read_file
from apps.dashboard.forms.base import RosterForm
from apps.dashboard.labels import base, roster
from apps.dashboard.views.company.approvals import approval_line
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.progress import ProgressView, not_begun, render_progress
from apps.dashboard.views.streaming import streamed
from apps.dashboard.views.team.standings_list import CSV, buffered_download
from apps.exports.roster_export import roster_table
from apps.fileio.encoding_names import ENCODINGS
from apps.roster import imports
from apps.roster.models import RosterImport, RosterSource
from apps.roster.ownership import roster_source_refusal
from apps.roster.parser import OPTIONAL, REQUIRED
from apps.roster.report_types import RosterLayout, RosterReport
from apps.roster.undo import can_undo, undo_or_request

PAGE = 25
# Of the typed number of leavers: more digits than any company has employees.
MAX_DIGITS = 10
State, Kind = RosterImport.State, ApprovalRequest.Kind
LOAD_APPROVALS = (Kind.ROSTER_LOAD, Kind.EMAIL_CHANGE, Kind.ROSTER_UNDO)
TAB_ORDER = ("left", "rejected", "address", "moved", "changed", "joined")
# No employee has this number: the unchanged template changes nothing.
EXAMPLE = "EXAMPLE-1,Li Wei 李伟,li.wei@example.com,+86 138 1234 5678,Sales,EXAMPLE-2,Asia/Shanghai,2026-11-02,,,"


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """The form and earlier imports; an uploaded file is kept for a day, and nothing of it is applied."""
    scope = hr_scope(request)
    form = RosterForm(request.POST, request.FILES) if request.method == "POST" else RosterForm()
    if request.method == "POST" and form.is_valid():
        with form.showing_refusals():
            sent = form.cleaned_data["file"]
            load = imports.receive_upload(name=sent.name, content=sent.chunks(), by=scope.user.actor)
            enqueue.enqueue_roster_import(load.pk)
            return redirect(scope.url("roster-load", load.pk))
    # By page number: a company has some hundred loads, and HR wants to jump.
    page = Paginator(imports.past_loads(), PAGE).get_page(request.GET.get("page"))
    context = {
        "form": form, "refusal": roster_source_refusal(RosterSource.FILE), "page": page,
        "summaries": [_summary(load) for load in page],
        "open": list(imports.open_loads(scope.now)[:5]),
        "megabytes": settings.MOST_UPLOAD_BYTES // 1_000_000, "bytes": settings.MOST_UPLOAD_BYTES,
    }  # fmt: skip
    return render(scope, "company/roster.html", context, status=form.error_status if form.errors else 200)


@require_safe
def template(request: HttpRequest) -> StreamingHttpResponse:
    hr_scope(request)
    # With a byte order mark: Excel reads CSV without one in the system's code page.
    text = "\ufeff" + ",".join((*REQUIRED, *OPTIONAL)) + "\r\n" + EXAMPLE + "\r\n"
    return streamed([text.encode()], "roster-template.csv", "text/csv; charset=utf-8")


@require_safe
def download(request: HttpRequest) -> FileResponse:
    """The roster as it is now, in the form in which it can be loaded again."""
    scope = hr_scope(request)
    response = buffered_download(roster_table(scope.now).write, f"roster-{scope.now:%Y%m%dT%H%M%SZ}.csv", CSV)
    if request.method == "GET":
        audit("roster.downloaded", by=scope.user.actor, kind="roster")
    return response


def _load(scope: PageContext, load_id: uuid.UUID) -> RosterImport:
    """An import with a stored file, or a confirmed one, by any HR member."""
    load = get_object_or_404(RosterImport.objects.select_related("file", "difference"), pk=load_id)
    expired = load.file is None or load.file.expires_at <= scope.now
    if expired and load.state in (State.PREVIEWING, State.PREVIEWED):
        raise Http404("The file has expired")
    return load


@require_safe
def detail(request: HttpRequest, load_id: uuid.UUID) -> HttpResponse:
    scope = hr_scope(request)
    context = _context(scope, _load(scope, load_id), request.GET.get("show", ""))
    return render(scope, "company/roster_import.html", context)


@require_safe
def progress(request: HttpRequest, load_id: uuid.UUID) -> HttpResponse:
    scope = hr_scope(request)
    context = _context(scope, _load(scope, load_id))
    running = context["summary"]["running"]
    return render_progress(scope, "company/_roster_import_state.html", context, running=running)


def _context(scope: PageContext, load: RosterImport, show: str = "") -> dict[str, Any]:
    summary = _summary(load)
    requests = ApprovalRequest.objects.filter(kind__in=LOAD_APPROVALS, subject=str(load.pk)).order_by("requested_at")
    lists = {entry["kind"]: entry for entry in summary["lists"]} if summary["compared"] else {}
    # Leavers and errors come first.
    filled = [kind for kind in TAB_ORDER if kind in lists and lists[kind]["count"]]
    layout: RosterLayout = load.layout
    # Here and not in `_summary`: the list of loads leaves the layouts unread.
    summary |= {"used": sum(map(bool, layout.get("roles", []))), "readings": layout.get("readings", [])}
    summary["undoable"] = can_undo(load)
    summary["shown"] = lists.get(show) or (lists[filled[0]] if filled else None)
    return {
        "load": load, "summary": summary, "columns": _columns(load), "roles": roster.ROLES,
        "requests": [approval_line(scope, entry) for entry in requests],
    }  # fmt: skip


def _summary(load: RosterImport) -> dict[str, Any]:
    report: RosterReport = load.report
    kinds = report.get("kinds") or {}
    problem = report.get("problem")
    applied = load.state == State.DONE
    shown = report.get("shown") or {}
    lists = [
        {
            "kind": kind, "label": done if applied else planned, "icon": icon, "colour": colour,
            "count": kinds.get(kind, 0), "rows": shown.get(kind, []),
            "more": kinds.get(kind, 0) - len(shown.get(kind, [])),
        }
        for kind, (planned, done, icon, colour) in roster.KINDS.items()
    ]  # fmt: skip
    return {
        "load": load, "running": load.state in imports.WAITING, "done": applied,
        "requested": load.state == State.REQUESTED,
        "refused": load.state == State.REFUSED, "problem": problem,
        "sentence": roster.problem(problem) if problem else "", "lists": lists, "compared": bool(kinds),
        "unchanged": report.get("unchanged", 0), "duplicate": report.get("duplicate", 0),
        "without_manager": report.get("without_manager", 0), "report": report, "cleared": _cleared(report),
        "outdated": report.get("roster_changed", False),
        "changes": sum(kinds.get(kind, 0) for kind in ("joined", "left", "moved", "changed", "address")),
        "leaving": report.get("left", 0), "leavers": imports.leavers_to_type(load),
        "work": _work(load),
    }  # fmt: skip


def _cleared(report: RosterReport) -> str:
    """How many values of each field become empty, most first, as text; empty when none do."""
    counts = sorted(report.get("cleared", {}).items(), key=lambda item: (-item[1], item[0]))
    return " · ".join(f"{roster.role(name)}: {base.number(count)}" for name, count in counts)


def _work(load: RosterImport) -> ProgressView:
    title = _("Changing the roster") if load.state == State.CONFIRMED else _("Comparing with the roster")
    if not load.attempts:
        return not_begun(title)
    if load.total and load.done >= load.total:
        return ProgressView(title, _("All lines are read. The roster changes in one step."))
    read = _("%(done)s lines read") % {"done": base.number(load.done)}
    return ProgressView(title, read, load.done, load.total)


def _columns(load: RosterImport) -> list[dict[str, Any]]:
    layout: RosterLayout = load.layout
    return [
        {
            "index": index, "name": name or _("Column %(number)s") % {"number": index + 1},
            "role": layout["roles"][index],
            "examples": [row[index] for row in layout.get("examples", []) if index < len(row) and row[index]][:2],
        }
        for index, name in enumerate(layout.get("header", []))
    ]  # fmt: skip


@require_POST
def refresh(request: HttpRequest, load_id: uuid.UUID) -> HttpResponse:
    """Read the file another way: other columns, another encoding, complete or not."""
    scope = hr_scope(request)
    load = _load(scope, load_id)
    encoding, line = request.POST.get("encoding", ""), request.POST.get("header_line", "")
    offered = {str(number): number for number, _text in load.layout.get("head", [])}
    roles = [request.POST.get(f"role_{index}") for index in range(len(load.layout.get("header", [])))]
    imports.refresh_preview(
        load, encoding=encoding if encoding in ENCODINGS else "", header_line=offered.get(line, 0),
        complete=request.POST.get("complete") == "yes",
        without_unknown_managers=request.POST.get("without_unknown_managers") == "yes",
        clear_empty=request.POST.get("clear_empty") == "yes",
        roles=[role if role in roster.ROLES else "" for role in roles] if any(roles) else None, by=scope.user.actor,
    )  # fmt: skip
    enqueue.enqueue_roster_import(load.pk)
    return redirect(scope.url("roster-load", load.pk))


@require_POST
def apply(request: HttpRequest, load_id: uuid.UUID) -> HttpResponse:
    """Hand the previewed difference to a worker. Idempotent."""
    scope = hr_scope(request)
    load, digits = _load(scope, load_id), re.sub(r"[\s,.]", "", request.POST.get("leavers", ""))
    try:
        leavers = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < MAX_DIGITS else None
        if not imports.confirm(load, digest=request.POST.get("digest", ""), by=scope.user.actor, leavers=leavers):
            messages.warning(
                request, _("Nothing was changed: the roster has changed in the meantime. Check the changes again.")
            )
    except Refused as refused:
        if refused.field == "leavers":
            context = _context(scope, load) | {"leavers_error": refused.message}
            return render(scope, "company/roster_import.html", context, status=422)
        messages.warning(request, refused.message)
    enqueue.enqueue_roster_import(load.pk)
    return redirect(scope.url("roster-load", load.pk))


@require_safe
def difference_csv(request: HttpRequest, load_id: uuid.UUID) -> StreamingHttpResponse:
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
    except Refused as refused:
        messages.warning(request, refused.message)
    except BackdatingBlocked:
        # An undo changes the past, which a freeze in progress must not see change.
        messages.warning(request, roster.problem({"code": "freezing"}))
    else:
        if requested:
            messages.success(request, _("Requested. The load is undone when another HR user approves it."))
            return redirect(scope.url("approval", requested.pk))
        messages.success(request, _("Undone. The roster is as before this load."))
    return redirect(scope.url("roster-load", load_id))
