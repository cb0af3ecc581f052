"""`/privacy/`: which data is stored about whom, for every reader. `/privacy/looks/`: who opened the reader's record."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from apps.contacts.import_report import REJECTS_KEPT
from apps.core.models import AuditEntry
from apps.dashboard.labels.audit import ACTIONS
from apps.dashboard.views.page_context import PageContext, render
from apps.reviews.models import Review

PAGE = 50
LOOKS = ("person.standing_read", "person.adjustment_read", "person.account_read", "person.roster_read")


@login_not_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The same for every reader, with the days of the settings; signed-in employees also find their access log here."""
    after_cutoff = settings.REVIEW_ASK_DAYS + settings.REVIEW_REPLY_DAYS + settings.RETENTION_DAYS
    context = {
        "company": settings.COMPANY_NAME,
        "contact": settings.PRIVACY_CONTACT,
        "is_mail": "@" in settings.PRIVACY_CONTACT and ":" not in settings.PRIVACY_CONTACT,
        "days": after_cutoff if settings.RETENTION_DAYS else 0,
        "leaver_days": settings.RETENTION_LEAVER_DAYS,
        "rejects_days": REJECTS_KEPT.days,
        "reader": getattr(request.user, "employee", None),
    }
    response = render_template(request, "account/privacy.html", context)
    add_never_cache_headers(response)
    return response


@require_safe
def looks(request: HttpRequest) -> HttpResponse:
    """Which HR members opened the reader's record, newest first. Views by the own manager are not logged."""
    scope = PageContext(request)
    reader = scope.the_employee
    reviews = [str(pk) for pk in Review.objects.filter(employee=reader).values_list("pk", flat=True)]
    about_reader = Q(subject_kind="employee", subject_id=reader.staff_no, action__in=LOOKS)
    about_reader |= Q(subject_kind="review", subject_id__in=reviews, action="review.read")
    before = request.GET.get("before", "")
    behind = before.isascii() and before.isdigit() and len(before) < 19
    entries = AuditEntry.objects.filter(about_reader).order_by("-pk")
    rows = list((entries.filter(pk__lt=int(before)) if behind else entries)[: PAGE + 1])
    context: dict[str, Any] = {
        "rows": [(row.at, row.actor_label, ACTIONS[row.action]) for row in rows[:PAGE]],
        "next": scope.url("privacy-looks", before=rows[PAGE - 1].pk) if len(rows) > PAGE else "",
        "first": scope.url("privacy-looks") if behind else "",
    }
    return render(scope, "account/access_log.html", context)
