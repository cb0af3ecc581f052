"""`/exports/`: the files the reader may download."""

from typing import Any

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.contacts import own_export
from apps.dashboard.labels import base
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.exports.new_export import exportable_kinds
from apps.dashboard.views.list_pages import list_page
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.streaming import streamed
from apps.dashboard.views.team.standings_list import csv_download, csv_response
from apps.exports.event_exports import adjustments_table
from apps.exports.export_requests import ExportRequest
from apps.exports.models import Export
from apps.standings import report_people

PAGE = 30


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    files = []
    if scope.user.has_role("hr"):
        files.append((_("Company"), _("The standing of every employee."), scope.url("company-csv"), "building-2"))
        description = _("All requests: approved, refused and ended, with their reasons.")
        files.append((_("Adjustments"), description, scope.url("adjustments-csv"), "scale"))
        description = _("Review requests with their reply date and the answer.")
        files.append((_("Reviews"), description, scope.url("reviews-csv"), "message-circle-question-mark"))
    if scope.employee and scope.employee.is_manager:
        address = scope.url("team-csv", scope.employee.staff_no)
        files.append((_("My team"), _("The standing of everyone below you, direct and indirect."), address, "users"))
    for deputyship in scope.deputyships:
        label = _("Team of %(name)s") % {"name": deputyship.manager.name}
        day = base.long_date(deputyship.last_day)
        description = _("The standing of everyone below. You are the deputy until %(day)s.") % {"day": day}
        files.append((label, description, scope.url("team-csv", deputyship.manager.staff_no), "users"))
    if scope.employee:
        files.append((_("My standing"), _("Your own line, as of now."), scope.url("own-csv"), "user"))
    if not files:
        raise Http404("There is nothing to export")
    # Contacts exist without a campaign, standings do not.
    context = {
        "files": files if scope.campaign else [],
        "own": scope.employee,
        "can_create": bool(exportable_kinds(scope)),
    }
    return render(scope, "exports/exports.html", {**context, **_past(scope)})


def _past(scope: PageContext) -> dict[str, Any]:
    """Earlier exports, newest first: the reader's own, or all for HR."""
    params = scope.request.GET
    show_all = params.get("whose") == "all" and scope.user.has_role("hr")
    exports = Export.objects.visible_to(scope.user)
    # HR may see all, but usually looks for the own file.
    exports = exports if show_all else exports.filter(asked_by_id=scope.user.pk)

    def address(**query: str) -> str:
        return scope.url("exports", whose="all" if show_all else "", **query) + "#past"

    exports = exports.select_related("campaign", "root")
    return {
        "page": list_page(scope, exports, "-asked_at", "-pk", size=PAGE, address=address),
        "chips": [
            {"label": _("My files"), "url": scope.url("exports") + "#past", "is_current": not show_all},
            {"label": _("All files"), "url": scope.url("exports", whose="all") + "#past", "is_current": show_all},
        ],
    }


@require_safe
def own_csv(request: HttpRequest) -> FileResponse:
    scope = PageContext(request)
    return csv_response(scope, report_people.OneEmployee(scope.required_employee), scope.required_employee.staff_no)


@require_safe
def adjustments_csv(request: HttpRequest) -> FileResponse:
    """All adjustment requests in the campaign, in any state. For HR alone."""
    scope = hr_scope(request)
    campaign = scope.required_campaign
    export_request = ExportRequest(kind=Export.Kind.ADJUSTMENTS, as_of=scope.now)
    adjustments = adjustments_table(campaign, scope.now)
    return csv_download(scope, adjustments.write, export_request, "adjustments", campaign.slug)


@require_safe
def contacts_csv(request: HttpRequest) -> StreamingHttpResponse:
    scope = PageContext(request)
    name = f"my-contacts-{scope.today.isoformat()}.csv"
    return streamed(own_export.own_csv(scope.required_employee), name, "text/csv; charset=utf-8")


@require_safe
def contacts_vcards(request: HttpRequest) -> StreamingHttpResponse:
    scope = PageContext(request)
    name = f"my-contacts-{scope.today.isoformat()}.vcf"
    return streamed(own_export.own_vcards(scope.required_employee), name, "text/vcard; charset=utf-8")
