"""`/exports/<id>/`: follow the progress of an export, download it and rerun it."""

import uuid

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.cache import add_never_cache_headers
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.core.audit import audit
from apps.core.errors import Refused
from apps.core.files import read_file
from apps.dashboard.labels import base, exports
from apps.dashboard.views.exports.new_export import build_if_small, exportable_kinds
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.progress import ProgressView, not_begun, seconds_left
from apps.dashboard.views.streaming import streamed
from apps.employees.models import Employee
from apps.exports import build_export, export_requests
from apps.exports import manifest as exports_manifest
from apps.exports.models import Export


def _export_or_404(scope: PageContext, export_id: uuid.UUID) -> Export:
    visible = Export.objects.visible_to(scope.user).select_related("campaign", "root", "file", "rerun_of")
    return get_object_or_404(visible, pk=export_id)


@require_safe
def export(request: HttpRequest, export_id: uuid.UUID) -> HttpResponse:
    """An export: its manifest, its progress, and how it compares with the previous run."""
    scope = PageContext(request)
    export = _export_or_404(scope, export_id)
    root = export.root
    context = {
        "export": export,
        "manifest": exports_manifest.manifest_of(export),
        "people": _("everyone") if root is None else root.name if export.single_person else _team(root),
        "filters": _filters(scope, export),
        "work": _work(export) if export.state == Export.State.WAITING else None,
        "compared": exports_manifest.comparison_of(export, reads_trail=scope.reads_results),
        "description": exports.description(export.kind),
        "key": uuid.uuid4(),
    }
    return render(scope, "exports/export.html", context)


def _team(root: Employee) -> str:
    return _("the team of %(name)s (%(number)s)") % {"name": root.name, "number": root.staff_no}


def _filters(scope: PageContext, export: Export) -> list[str]:
    filters = {**export.filters}
    status, sort = filters.pop("status", ""), filters.pop("sort", "")
    labels = [str(base.statuses(scope.user.has_role("hr")).get(status, status))] if status else []
    labels += [str(base.CHANGES[filters["change"]])] if filters.get("change") in base.CHANGES else []
    labels += [f"“{filters['q']}”"] if filters.get("q") else []
    if department := filters.get("department", ""):
        labels += [_("without a department") if department == base.NO_DEPARTMENT else department]
    labels += [_("in the order: %(order)s") % {"order": base.SORTS[sort]}] if sort in base.SORTS else []
    return labels


def _work(export: Export) -> ProgressView:
    title = _("The file is being created")
    attempt = build_export.latest_progress(export)
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
    export = _export_or_404(scope, export_id)
    if export.file is None:
        raise Http404("The file is not there")
    if request.method == "GET":
        audit("export.downloaded", by=scope.user.actor, kind="export", id=export.pk, label=export.name)
    response = streamed(read_file(export.file), export.name, build_export.CONTENT_TYPES[export.format])
    response["Content-Length"] = str(export.file.size)
    return response


@require_safe
def signature(request: HttpRequest, export_id: uuid.UUID) -> StreamingHttpResponse:
    export = _export_or_404(PageContext(request), export_id)
    if export.signature is None:
        raise Http404("The file has no signature")
    return streamed(read_file(export.signature), f"{export.name}.sig", "application/json")


@require_safe
def manifest(request: HttpRequest, export_id: uuid.UUID) -> JsonResponse:
    scope = PageContext(request)
    export = _export_or_404(scope, export_id)
    response = JsonResponse(
        exports_manifest.manifest_of(export), json_dumps_params={"indent": 1, "ensure_ascii": False}
    )
    response["Content-Disposition"] = content_disposition_header(True, f"{export.name}.json")
    add_never_cache_headers(response)
    return response


@require_POST
def again(request: HttpRequest, export_id: uuid.UUID) -> HttpResponse:
    """Rerun an export as of the same instant, as a new file."""
    scope = PageContext(request)
    export = _export_or_404(scope, export_id)
    # A reader who has lost a role must not rerun what the role allowed.
    if export.direct_download or export.kind not in exportable_kinds(scope) or export.campaign != scope.campaign:
        raise Http404("It cannot be made again")
    try:
        key = uuid.UUID(request.POST.get("key", ""))
    except ValueError:
        # A request without a key is still served; it is only not protected against a double click.
        key = uuid.uuid4()
    try:
        rerun = export_requests.rerun_export(export=export, key=key, by=scope.user.actor)
    except Refused as refused:
        messages.error(request, refused.message)
        return redirect(scope.url("export", export.pk))
    build_if_small(rerun)
    messages.success(request, _("Requested again, as of the same moment."))
    return redirect(scope.url("export", rerun.pk))
