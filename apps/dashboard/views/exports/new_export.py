"""`/exports/new/…`: choose a kind of file, and request it with its people, instant, filters and columns."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from apps.core.errors import Refused
from apps.core.text import is_storable
from apps.dashboard.forms.exports import ExportForm
from apps.dashboard.labels import base, exports
from apps.dashboard.views.list_pages import text_param
from apps.dashboard.views.page_context import PageContext, render
from apps.employees.models import Employee
from apps.exports import build_export, export_requests, schedules
from apps.exports import kinds as exports_kinds
from apps.exports.models import Export
from apps.exports.schedule_rights import zone_of_account

Kind = Export.Kind


def exportable_kinds(scope: PageContext) -> list[str]:
    """The kinds that the reader may export: all kinds for HR, the kinds of a team for a manager or a deputy."""
    if scope.campaign is None:
        return []
    if scope.user.has_role("hr"):
        return [kind for kind, about in exports_kinds.KINDS.items() if not about.frozen or scope.campaign.newest_result]
    return list(exports.TEAM_KINDS) if scope.has_team else []


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    kinds = exportable_kinds(scope)
    if not kinds:
        raise Http404("There is nothing to export")
    rows = [
        (icon, Kind(kind).label, description, scope.url("export-new", kind))
        for kind, (icon, description) in exports.ICONS_AND_DESCRIPTIONS.items()
        if kind in kinds
    ]
    return render(scope, "exports/export_kinds.html", {"kinds": rows})


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, kind: str) -> HttpResponse:
    """The form of one kind. Filters in the address, as a list page has them, are filled in already."""
    scope = PageContext(request)
    if kind not in exportable_kinds(scope):
        raise Http404("There is no such export")
    form = _form(scope, kind)
    status, is_empty = 200, False
    if request.method == "POST":
        status = 422
        if form.is_valid():
            with form.showing_refusals():
                export_request = _request_of(scope, kind, form)
                if repetition := form.repetition():
                    return _schedule(scope, export_request, repetition, form.cleaned_data["key"])
                is_checked = not form.cleaned_data["although_empty"]
                is_empty = is_checked and export_requests.would_be_empty(
                    campaign=scope.required_campaign, request=export_request, by=scope.user.actor
                )
                if not is_empty:
                    export = _request_export(scope, export_request, form.cleaned_data["key"], is_counted=is_checked)
                    return redirect(scope.url("export", export.pk))
    context = {
        "form": form,
        "is_empty": is_empty,
        "kind": Kind(kind),
        "description": exports.description(kind),
        "of_result": exports_kinds.KINDS[kind].frozen,
        "owner_zone": base.city(zone_of_account(scope.user.pk).key),
    }
    return render(scope, "exports/export_new.html", context, status=status)


def _form(scope: PageContext, kind: str) -> ExportForm:
    company = scope.user.has_role("hr")
    own = "" if company else _nearest_team(scope)
    names = ("team", "status", "change", "department", "q", "sort")
    initial: dict[str, Any] = {name: scope.request.GET.get(name, "").replace("\0", "") for name in names}
    initial |= {"team": initial["team"] or own, "day": scope.day, "compare": scope.since_day}
    # Without the day a filter by change would match no one.
    initial["change"] = initial["change"] if scope.since else ""
    data = scope.request.POST if scope.request.method == "POST" else None
    columns = exports_kinds.columns_of(_example(scope, kind))
    return ExportForm(
        data, initial=initial, kind=kind, columns=columns, departments=_departments(scope, kind), zone=scope.zone,
        company=company, repeatable=schedules.can_repeat(scope.required_campaign, kind, scope.now),
    )  # fmt: skip


def _departments(scope: PageContext, kind: str) -> list[str]:
    """The departments of the people this reader sees, and the requested one if it exists no more."""
    if not exports_kinds.KINDS[kind].filtered:
        return []
    people = Employee.objects.visible_to(scope.user)
    current = people.filter(node__isnull=False).order_by().values_list("node__department", flat=True)
    names = set(current.distinct())
    requested = text_param(scope.request.POST or scope.request.GET, "department")
    # A file as of the past may be about a department of the past.
    if requested not in names and is_storable(requested):
        names |= {requested} if people.filter(placement__department=requested).exists() else set()
    return sorted(names - {""})


def _nearest_team(scope: PageContext) -> str:
    """The staff number of the default team: the reader's own, else that of a manager the reader is a deputy for."""
    if scope.employee and scope.employee.is_manager:
        return scope.employee.staff_no
    return scope.deputyships[0].manager.staff_no if scope.deputyships else ""


def _example(scope: PageContext, kind: str) -> Export:
    result = scope.required_campaign.newest_result if exports_kinds.KINDS[kind].frozen else None
    return Export(
        kind=kind, campaign=scope.required_campaign, as_of=scope.now, result_version=result.version if result else None
    )


def _request_of(scope: PageContext, kind: str, form: ExportForm) -> export_requests.ExportRequest:
    """The request in a valid form. Raises Refused for a team that the reader does not see."""
    return export_requests.ExportRequest(
        kind=kind, format=form.cleaned_data["form"], root=_root(scope, form), filters=form.filters(),
        columns=form.cleaned_data["columns"], as_of=form.as_of(scope.now) if "day" in form.fields else None,
        since=form.begin(),
        result_version=scope.result.version if scope.result and scope.as_of is None else None,
    )  # fmt: skip


def _request_export(
    scope: PageContext, export_request: export_requests.ExportRequest, key: uuid.UUID, *, is_counted: bool
) -> Export:
    """Request the export, and build a small one at once. `is_counted`: by the rate limit. Raises Refused."""
    request_file = export_requests.store_request if is_counted else export_requests.request_export
    export = request_file(campaign=scope.required_campaign, request=export_request, key=key, by=scope.user.actor)
    build_if_small(export)
    return export


def _schedule(
    scope: PageContext, export_request: export_requests.ExportRequest, repetition: schedules.Repetition, key: uuid.UUID
) -> HttpResponse:
    """Store the schedule, and lead to the list of schedules. Raises Refused."""
    schedule = schedules.create_schedule(
        campaign=scope.required_campaign, request=export_request, repetition=repetition, key=key, by=scope.user
    )
    zone = zone_of_account(scope.user.pk)
    first = {
        "instant": date_format(schedule.next_run_at.astimezone(zone), "DATETIME_FORMAT"),
        "zone": base.city(zone.key),
    }
    messages.success(scope.request, _("The first file is created on %(instant)s, in %(zone)s time.") % first)
    return redirect(scope.url("export-schedules"))


def _root(scope: PageContext, form: ExportForm) -> Employee | None:
    """The manager of the team in the form, if visible to the reader; None: the whole company. Raises Refused."""
    named = form.cleaned_data.get("team", "").strip()
    if not named and scope.user.has_role("hr"):
        return None
    visible = Employee.objects.teams_visible_to(scope.user).with_team().select_related("node")
    managers = [manager] if (manager := visible.find(named)) else list(visible.with_name(named)[:2])
    if len(managers) != 1:
        raise Refused("invalid", _("Choose a person whose team you can see, or enter the staff number."), "team")
    return managers[0]


def build_if_small(export: Export) -> None:
    if build_export.fits_in_request(export):
        # A small file is there at once, without the detour of a progress page.
        build_export.make_export(export.pk, show_progress=False)
