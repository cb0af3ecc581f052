"""`/exports/new/…` and `/exports/<id>/`: request an export, follow its progress, download it and rerun it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.core.audit import audit
from apps.core.files import read_file
from apps.dashboard.forms.exports import ExportForm
from apps.dashboard.labels import base, exports
from apps.dashboard.views.page_context import PageContext, render, streamed
from apps.dashboard.views.progress import ProgressView, not_begun, seconds_left
from apps.employees.models import Employee
from apps.exports import build_export
from apps.exports import kinds as exports_kinds
from apps.exports import manifest as exports_manifest
from apps.exports.models import Export

Kind = Export.Kind


def kinds_of(scope: PageContext) -> list[str]:
    """The kinds that the reader may export: all kinds for HR, the kinds of a team for a manager or a deputy."""
    if scope.campaign is None:
        return []
    if scope.user.has_role("hr"):
        return [kind for kind, about in exports_kinds.KINDS.items() if not about.frozen or scope.campaign.newest_result]
    return list(exports.OF_A_TEAM) if scope.has_team else []


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """The page on which the reader chooses the kind of export."""
    scope = PageContext(request)
    kinds = kinds_of(scope)
    if not kinds:
        raise Http404("There is nothing to export")
    lines = [
        {"label": Kind(kind).label, "says": exports.SAYS[kind], "icon": exports.ICONS[kind],
         "url": scope.url("export-new", kind)}
        for kind in kinds
    ]  # fmt: skip
    return render(scope, "exports/export_kinds.html", {"kinds": lines})


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, kind: str) -> HttpResponse:
    """The form of one kind. Filters in the address, as a list page has them, are filled in already."""
    scope = PageContext(request)
    if kind not in kinds_of(scope):
        raise Http404("There is no such export")
    form = _form(scope, kind)
    status = 200
    if request.method == "POST":
        if form.is_valid() and (asked := _ask(scope, kind, form)):
            return redirect(scope.url("export", asked.pk))
        status = 422
    context = {
        "form": form,
        "kind": Kind(kind),
        "says": exports.SAYS[kind],
        "of_result": exports_kinds.KINDS[kind].frozen,
    }
    return render(scope, "exports/export_new.html", context, status=status)


def _form(scope: PageContext, kind: str) -> ExportForm:
    company = scope.user.has_role("hr")
    own = "" if company else _nearest_team(scope)
    names = ("team", "status", "department", "q", "sort")
    initial: dict[str, Any] = {name: scope.request.GET.get(name, "").replace("\0", "") for name in names}
    initial |= {"team": initial["team"] or own, "day": scope.day}
    data = scope.request.POST if scope.request.method == "POST" else None
    columns = exports_kinds.columns_of(_example(scope, kind))
    return ExportForm(data, initial=initial, kind=kind, columns=columns, zone=scope.zone, company=company)


def _nearest_team(scope: PageContext) -> str:
    """The staff number of the default team: the reader's own, else that of a manager the reader is a deputy for."""
    if scope.employee and scope.employee.is_manager:
        return scope.employee.staff_no
    return scope.stands_in[0].manager.staff_no if scope.stands_in else ""


def _example(scope: PageContext, kind: str) -> Export:
    result = scope.the_campaign.newest_result if exports_kinds.KINDS[kind].frozen else None
    return Export(
        kind=kind, campaign=scope.the_campaign, as_of=scope.now, result_version=result.version if result else None
    )


def _ask(scope: PageContext, kind: str, form: ExportForm) -> Export | None:
    """Request the export in the form, and build a small one at once. None: the form shows the errors."""
    try:
        root = _root(scope, kind, form)
        wish = build_export.ExportRequest(
            kind=kind, form=form.cleaned_data["form"], root=root, filters=form.filters(),
            columns=form.cleaned_data["columns"], as_of=form.as_of(scope.now) if "day" in form.fields else None,
            since=form.begin() if "since" in form.fields else None,
            result_version=scope.result.version if scope.result and scope.as_of is None else None,
        )  # fmt: skip
        asked = build_export.ask_export(
            campaign=scope.the_campaign, wish=wish, key=form.cleaned_data["key"], by=scope.user.actor
        )
    except build_export.ExportRefused as refused:
        form.refuse(refused.field or None, refused.message)
        return None
    _make_small(asked)
    return asked


def _root(scope: PageContext, kind: str, form: ExportForm) -> Employee | None:
    """The manager of the team in the form, if visible to the reader; None: the whole company. Raises ExportRefused."""
    named = form.cleaned_data.get("team", "").strip()
    if not named and scope.user.has_role("hr"):
        return None
    found = Employee.objects.teams_visible_to(scope.user).filter(staff_no=named).select_related("node").first()
    if found is None or not found.is_manager:
        raise build_export.ExportRefused(_("You see no team of this number."), "team")
    return found


def _make_small(export: Export) -> None:
    if build_export.fits_in_request() and build_export.can_sign(export):
        build_export.make_export(export.pk, tell=False)


def _found(scope: PageContext, export_id: uuid.UUID) -> Export:
    visible = Export.objects.visible_to(scope.user).select_related("campaign", "root", "file", "rerun_of")
    found = visible.filter(pk=export_id).first()
    if found is None:
        raise Http404("There is no such export")
    return found


@require_safe
def export(request: HttpRequest, export_id: uuid.UUID) -> HttpResponse:
    """An export: its manifest, its progress, and how it compares with the previous run."""
    scope = PageContext(request)
    found = _found(scope, export_id)
    root = found.root
    context = {
        "export": found,
        "manifest": exports_manifest.manifest_of(found),
        "people": _("everybody") if root is None else root.name if found.alone else _team(root),
        "filters": _filters(scope, found),
        "work": _work(found) if found.state == Export.State.WAITING else None,
        "compared": exports_manifest.compared(found),
        "corrections": exports.CORRECTIONS,
        "says": exports.SAYS[found.kind],
        "key": uuid.uuid4(),
    }
    return render(scope, "exports/export.html", context)


def _team(root: Employee) -> str:
    return _("the team of %(name)s (%(number)s)") % {"name": root.name, "number": root.staff_no}


def _filters(scope: PageContext, found: Export) -> list[str]:
    """The filters of the export, in words."""
    told = {**found.filters}
    status, sort = told.pop("status", ""), told.pop("sort", "")
    said = [str(base.statuses(scope.user.has_role("hr")).get(status, status))] if status else []
    said += [f"“{told['q']}”"] if told.get("q") else []
    if department := told.get("department", ""):
        said += [_("without a department") if department == base.NO_DEPARTMENT else department]
    said += [_("in the order: %(order)s") % {"order": base.SORTS[sort]}] if sort in base.SORTS else []
    return said


def _work(found: Export) -> ProgressView:
    title = _("The file is being made")
    attempt = build_export.latest_progress(found)
    if attempt is None or attempt.finished_at:
        return not_begun(title)
    if attempt.total is None:
        return ProgressView(title, _("%(done)s lines so far") % {"done": base.number(attempt.done)}, attempt.done)
    counted = _("%(done)s of about %(total)s lines") % {
        "done": base.number(attempt.done), "total": base.number(attempt.total)
    }  # fmt: skip
    left = seconds_left(attempt.done, attempt.total, attempt.started_at, attempt.updated_at)
    return ProgressView(title, counted, attempt.done, attempt.total, left)


@require_safe
def download(request: HttpRequest, export_id: uuid.UUID) -> StreamingHttpResponse:
    """Download the file while it is retained. Every download is audited."""
    scope = PageContext(request)
    found = _found(scope, export_id)
    if found.file is None:
        raise Http404("The file is not there")
    if request.method == "GET":
        audit("export.downloaded", by=scope.user.actor, kind="export", id=found.pk, label=found.name)
    response = streamed(read_file(found.file), found.name, build_export.CONTENT_TYPES[found.form])
    response["Content-Length"] = str(found.file.size)
    return response


@require_safe
def signature(request: HttpRequest, export_id: uuid.UUID) -> StreamingHttpResponse:
    """Download the signature file of a payout file, while it is retained."""
    found = _found(PageContext(request), export_id)
    if found.signature is None:
        raise Http404("The file has no signature")
    return streamed(read_file(found.signature), f"{found.name}.sig", "application/json")


@require_safe
def manifest(request: HttpRequest, export_id: uuid.UUID) -> JsonResponse:
    scope = PageContext(request)
    found = _found(scope, export_id)
    response = JsonResponse(exports_manifest.manifest_of(found), json_dumps_params={"indent": 1, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="{found.name}.json"'
    add_never_cache_headers(response)
    return response


@require_POST
def again(request: HttpRequest, export_id: uuid.UUID) -> HttpResponse:
    """Rerun an export as of the same instant, as a new file."""
    scope = PageContext(request)
    found = _found(scope, export_id)
    if found.live or found.kind not in kinds_of(scope) or found.campaign != scope.campaign:
        raise Http404("It cannot be made again")
    try:
        key = uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        key = uuid.uuid4()
    made = build_export.rerun_export(export=found, key=key, by=scope.user.actor)
    _make_small(made)
    messages.success(request, _("Asked for again, as of the same moment."))
    return redirect(scope.url("export", made.pk))
