"""`/exports/`: the files the reader may take away."""

from functools import partial

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.contacts import exports
from apps.dashboard.views.company import hr_scope
from apps.dashboard.views.people import csv_response, whole
from apps.dashboard.views.scope import Scope, render, streamed
from apps.quotas import reports
from apps.quotas.exports import write_adjustments


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Own contacts and standing for employees, the team for managers, the company for HR."""
    scope = Scope(request)
    files = []
    if scope.user.has_role("hr"):
        files.append((_("Company"), _("Everybody's standing."), scope.url("company-csv"), "building-2"))
        said = _("Everything asked for, granted, refused and ended, with its reason.")
        files.append((_("Adjustments"), said, scope.url("adjustments-csv"), "scale"))
        told = _("Who asked for a review, by when it is to be answered, and how it was.")
        files.append((_("Reviews"), told, scope.url("reviews-csv"), "message-circle-question-mark"))
    if scope.employee and scope.employee.is_manager:
        address = scope.url("team-csv", scope.employee.staff_no)
        files.append((_("My team"), _("The standing of everyone below you, direct and indirect."), address, "users"))
    if scope.employee:
        files.append((_("My standing"), _("Your own line, as it stands now."), scope.url("own-csv"), "user"))
    if not files:
        raise Http404("There is nothing to take away")
    # Contacts are there without a campaign, standings are not.
    return render(scope, "dashboard/exports.html", {"files": files if scope.campaign else [], "own": scope.employee})


@require_safe
def own_csv(request: HttpRequest) -> FileResponse:
    scope = Scope(request)
    return csv_response(scope, reports.Only(scope.the_employee), scope.the_employee.staff_no)


@require_safe
def adjustments_csv(request: HttpRequest) -> FileResponse:
    """Everything HR has asked for in the campaign, whatever became of it. For HR alone."""
    scope = hr_scope(request)
    campaign = scope.the_campaign
    return whole(scope, partial(write_adjustments, campaign, scope.now), "adjustments", campaign.slug)


@require_safe
def contacts_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The reader's live contacts for a spreadsheet."""
    scope = Scope(request)
    name = f"my-contacts-{scope.today.isoformat()}.csv"
    return streamed(exports.own_csv(scope.the_employee), name, "text/csv; charset=utf-8")


@require_safe
def contacts_vcards(request: HttpRequest) -> StreamingHttpResponse:
    """The reader's live contacts for an address book."""
    scope = Scope(request)
    name = f"my-contacts-{scope.today.isoformat()}.vcf"
    return streamed(exports.own_vcards(scope.the_employee), name, "text/vcard; charset=utf-8")
