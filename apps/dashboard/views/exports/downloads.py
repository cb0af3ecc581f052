"""`/exports/`: the files the reader may download."""

import uuid
from functools import partial
from typing import Any

from django.db.models import Q, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.contacts import own_export
from apps.dashboard.labels import base
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.exports.export import kinds_of
from apps.dashboard.views.page_context import PageContext, render, streamed
from apps.dashboard.views.team.standings_list import csv_download, csv_response
from apps.exports.build_export import ExportRequest
from apps.exports.event_exports import write_adjustments
from apps.exports.models import Export
from apps.standings import population

PAGE = 30


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Own contacts and standing for employees, the team for managers, the company for HR."""
    scope = PageContext(request)
    files = []
    if scope.user.has_role("hr"):
        files.append((_("Company"), _("Everybody's standing."), scope.url("company-csv"), "building-2"))
        description = _("Everything asked for, granted, refused and ended, with its reason.")
        files.append((_("Adjustments"), description, scope.url("adjustments-csv"), "scale"))
        description = _("Who asked for a review, by when it is to be answered, and how it was.")
        files.append((_("Reviews"), description, scope.url("reviews-csv"), "message-circle-question-mark"))
    if scope.employee and scope.employee.is_manager:
        address = scope.url("team-csv", scope.employee.staff_no)
        files.append((_("My team"), _("The standing of everyone below you, direct and indirect."), address, "users"))
    for held in scope.stands_in:
        label = _("Team of %(name)s") % {"name": held.manager.name}
        day = base.long_date(held.last_day)
        description = _("The standing of everyone below. You stand in until %(day)s.") % {"day": day}
        files.append((label, description, scope.url("team-csv", held.manager.staff_no), "users"))
    if scope.employee:
        files.append((_("My standing"), _("Your own line, as it stands now."), scope.url("own-csv"), "user"))
    if not files:
        raise Http404("There is nothing to take away")
    # Contacts exist without a campaign, standings do not.
    context = {"files": files if scope.campaign else [], "own": scope.employee, "may_ask": bool(kinds_of(scope))}
    return render(scope, "exports/exports.html", {**context, **_past(scope)})


def _past(scope: PageContext) -> dict[str, Any]:
    """Earlier exports, newest first: the reader's own, or all for HR."""
    asked = scope.request.GET
    everybodys = asked.get("whose") == "all" and scope.user.has_role("hr")
    exports = Export.objects.visible_to(scope.user)
    exports = exports if everybodys else exports.filter(asked_by_id=scope.user.pk)
    before = _last_seen(exports, asked.get("before", ""))
    if before:
        exports = exports.filter(Q(asked_at__lt=before.asked_at) | Q(asked_at=before.asked_at, pk__lt=before.pk))
    rows = list(exports.select_related("campaign", "root")[: PAGE + 1])
    whose = "all" if everybodys else ""
    return {
        "past": rows[:PAGE],
        "next": scope.url("exports", whose=whose, before=rows[PAGE - 1].pk) + "#past" if len(rows) > PAGE else "",
        "first": scope.url("exports", whose=whose) + "#past" if before else "",
        "chips": [
            {"label": _("Mine"), "url": scope.url("exports") + "#past", "here": not everybodys},
            {"label": _("Everybody's"), "url": scope.url("exports", whose="all") + "#past", "here": everybodys},
        ],
    }


def _last_seen(exports: QuerySet[Export], text: str) -> Export | None:
    try:
        return exports.filter(pk=uuid.UUID(text)).first() if text else None
    except ValueError:
        return None


@require_safe
def own_csv(request: HttpRequest) -> FileResponse:
    scope = PageContext(request)
    return csv_response(scope, population.OneEmployee(scope.the_employee), scope.the_employee.staff_no)


@require_safe
def adjustments_csv(request: HttpRequest) -> FileResponse:
    """All adjustment requests in the campaign, in any state. For HR alone."""
    scope = hr_scope(request)
    campaign = scope.the_campaign
    wish = ExportRequest(kind=Export.Kind.ADJUSTMENTS, as_of=scope.now)
    return csv_download(scope, partial(write_adjustments, campaign, scope.now), wish, "adjustments", campaign.slug)


@require_safe
def contacts_csv(request: HttpRequest) -> StreamingHttpResponse:
    """The reader's active contacts for a spreadsheet."""
    scope = PageContext(request)
    name = f"my-contacts-{scope.today.isoformat()}.csv"
    return streamed(own_export.own_csv(scope.the_employee), name, "text/csv; charset=utf-8")


@require_safe
def contacts_vcards(request: HttpRequest) -> StreamingHttpResponse:
    """The reader's active contacts for an address book."""
    scope = PageContext(request)
    name = f"my-contacts-{scope.today.isoformat()}.vcf"
    return streamed(own_export.own_vcards(scope.the_employee), name, "text/vcard; charset=utf-8")
