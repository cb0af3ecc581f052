"""`/exports/schedules/`: the reader's scheduled files: pause, resume and delete them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import Refused
from apps.dashboard.labels import base, exports
from apps.dashboard.views.exports.new_export import exportable_kinds
from apps.dashboard.views.page_context import PageContext, render
from apps.exports import schedules
from apps.exports.models import Export, ExportSchedule
from apps.exports.schedule_rights import zone_of_account


@dataclass(frozen=True)
class ScheduleRow:
    """One schedule in the list; `last` is its newest file, `next_run` None when there is no further one."""

    schedule: ExportSchedule
    repetition: str
    result: str
    last: Export | None
    next_run: datetime | None


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    zone = zone_of_account(scope.user.pk)
    rows = _rows(scope, zone)
    # A reader who lost the right still sees why a file is not made any more.
    if not rows and not exportable_kinds(scope):
        raise Http404("There is nothing to repeat")
    context = {"rows": rows, "owner_zone": base.city(zone.key), "can_create": bool(exportable_kinds(scope))}
    return render(scope, "exports/schedules.html", context, zone=zone)


def _rows(scope: PageContext, zone: ZoneInfo) -> list[ScheduleRow]:
    own = list(ExportSchedule.objects.of(scope.user).select_related("root").prefetch_related("campaign__rules"))
    visible = Export.objects.visible_to(scope.user).filter(schedule__in=own)
    newest = visible.order_by("schedule_id", "-asked_at").distinct("schedule_id")
    last_by_id = {export.schedule_id: export for export in newest}
    return [
        ScheduleRow(
            schedule,
            exports.repetition(schedule),
            str(exports.END_REASONS.get(schedule.end_reason) or exports.PROBLEMS.get(schedule.problem, "")),
            last_by_id.get(schedule.pk),
            schedules.next_run(schedule, zone, scope.now),
        )
        for schedule in own
    ]


@require_POST
def pause(request: HttpRequest, schedule_id: uuid.UUID) -> HttpResponse:
    return _change(request, schedule_id, schedules.pause_schedule, _("Paused. No file is created until you resume it."))


@require_POST
def resume(request: HttpRequest, schedule_id: uuid.UUID) -> HttpResponse:
    return _change(request, schedule_id, schedules.resume_schedule, _("Resumed."))


@require_POST
def delete(request: HttpRequest, schedule_id: uuid.UUID) -> HttpResponse:
    done = _("Deleted. The files created so far stay until they expire.")
    return _change(request, schedule_id, schedules.delete_schedule, done)


def _change(
    request: HttpRequest, schedule_id: uuid.UUID, change: Callable[..., ExportSchedule], done: str
) -> HttpResponse:
    scope = PageContext(request)
    try:
        change(schedule_id=schedule_id, by=scope.user)
    except ExportSchedule.DoesNotExist as unknown:
        raise Http404("There is no such schedule") from unknown
    except Refused as refused:
        messages.error(request, refused.message)
    else:
        messages.success(request, done)
    has_list = exportable_kinds(scope) or ExportSchedule.objects.of(scope.user).exists()
    return redirect(scope.url("export-schedules" if has_list else "me"))
