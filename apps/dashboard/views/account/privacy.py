"""`/privacy/`: which data is stored about whom, for every reader. `/privacy/looks/`: who opened the reader's record."""

from functools import partial

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render as render_template
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_safe

from apps.contacts.import_report import REJECTS_RETENTION
from apps.core.models import AuditEntry
from apps.dashboard.labels.audit_actions import ACTIONS
from apps.dashboard.views.list_pages import list_page
from apps.dashboard.views.page_context import PageContext, render
from apps.reviews.models import Review

PAGE = 50
ACCESS_ACTIONS = ("person.standing_read", "person.adjustment_read", "person.account_read", "person.roster_read")


@login_not_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """The same for every reader, with the days of the settings; signed-in employees also find their access log here."""
    # Reviews and their answers may still need the contacts, so the retention begins after both periods.
    after_cutoff = settings.REVIEW_ASK_DAYS + settings.REVIEW_REPLY_DAYS + settings.RETENTION_DAYS
    context = {
        "company": settings.COMPANY_NAME,
        "contact": settings.PRIVACY_CONTACT,
        # The contact may be a mail address or a web address.
        "is_mail": "@" in settings.PRIVACY_CONTACT and ":" not in settings.PRIVACY_CONTACT,
        "days": after_cutoff if settings.RETENTION_DAYS else 0,
        "leaver_days": settings.RETENTION_LEAVER_DAYS,
        "rejects_days": REJECTS_RETENTION.days,
        "reader": getattr(request.user, "employee", None),
    }
    response = render_template(request, "account/privacy.html", context)
    add_never_cache_headers(response)
    return response


@require_safe
def access_log(request: HttpRequest) -> HttpResponse:
    """Which HR members opened the reader's record, newest first. Views by the own manager are not logged."""
    scope = PageContext(request)
    reader = scope.required_employee
    reviews = [str(pk) for pk in Review.objects.filter(employee=reader).values_list("pk", flat=True)]
    about_reader = Q(subject_kind="employee", subject_id=reader.staff_no, action__in=ACCESS_ACTIONS)
    about_reader |= Q(subject_kind="review", subject_id__in=reviews, action="review.read")
    entries, address = AuditEntry.objects.filter(about_reader), partial(scope.url, "privacy-looks")
    page = list_page(scope, entries, "-pk", size=PAGE, address=address)
    context = {"page": page, "rows": [(row.at, row.actor_label, ACTIONS[row.action]) for row in page.rows]}
    return render(scope, "account/access_log.html", context)
