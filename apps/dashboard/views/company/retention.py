"""`/company/retention/`: until when contacts and files are kept. For HR alone."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from apps.campaigns.models import Campaign
from apps.contacts.import_report import REJECTS_RETENTION
from apps.dashboard.views.company.company import hr_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.exports.build_export import FILE_RETENTION
from apps.privacy import retention
from apps.privacy.retention import RetentionStatus
from apps.roster.imports import DIFFERENCE_LIFETIME, UPLOAD_LIFETIME


@dataclass(frozen=True)
class RetentionRow:
    """A campaign, the first day on which its contacts are erased, and whether they are."""

    campaign: Campaign
    erased_from: date
    state: str


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    scope = hr_scope(request)
    rows = [
        RetentionRow(status.campaign, status.until.astimezone(scope.zone).date(), _state(scope, status))
        for status in retention.retained_campaigns()
    ]
    context: dict[str, Any] = {
        "rows": rows,
        "leaver_days": settings.RETENTION_LEAVER_DAYS,
        "rejects_days": REJECTS_RETENTION.days,
        "upload_days": UPLOAD_LIFETIME.days,
        "export_days": FILE_RETENTION.days,
        "difference_days": DIFFERENCE_LIFETIME.days,
    }
    return render(scope, "company/retention.html", context)


def _state(scope: PageContext, status: RetentionStatus) -> str:
    if status.is_over(scope.now):
        return _("Erased")
    if scope.now < status.until:
        return _("Kept")
    if status.unsettled:
        return _("Kept, because a review or a correction is open")
    return _("Kept until the campaign is final")
