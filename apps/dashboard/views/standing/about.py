"""`/about/`: what the campaign is, its announcement and the company's total; and the confirmation of having read it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.campaigns import announcements
from apps.campaigns.models import Announcement, AnnouncementRead
from apps.campaigns.models.announcement import AnnouncementText
from apps.dashboard.labels import rules as rule_labels
from apps.dashboard.views.page_context import PageContext, render
from apps.dashboard.views.standing.standing_card import period_of
from apps.notifications.models import Notification
from apps.reports.company_progress import CompanyProgress, company_progress


@dataclass(frozen=True)
class ShownAnnouncement:
    """The announcement in the reader's language, with the company's progress beside it."""

    announcement: Any
    text: AnnouncementText
    progress: CompanyProgress | None

    @property
    def is_read(self) -> bool:
        return bool(self.announcement.is_read)


def announcement_of(scope: PageContext, *, unread: bool = False) -> ShownAnnouncement | None:
    """The announcement that the reader sees now, or None; `unread`: only until it is confirmed as read.

    Without an announcement it makes no query.
    """
    if scope.campaign is None or scope.announcement_id is None:
        return None
    confirmed = AnnouncementRead.objects.filter(announcement=OuterRef("pk"), employee=scope.employee)
    visible = Announcement.objects.visible_to(scope.user, scope.now).annotate(is_read=Exists(confirmed))
    announcement = visible.filter(pk=scope.announcement_id).first()
    if announcement is None or (unread and announcement.is_read):
        return None
    progress = company_progress(scope.campaign, scope.now)
    return ShownAnnouncement(announcement, announcement.in_language(get_language()), progress)


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """For employees alone: what HR and auditors see of a campaign is on other pages."""
    scope = PageContext(request)
    campaign, _employee = scope.required_campaign, scope.required_employee
    context = {
        "shown": announcement_of(scope),
        "period": period_of(scope),
        "rule": rule_labels.in_words(campaign.name, scope.rule),
        "rule_version": rule_labels.version_of(scope.rule),
    }
    return render(scope, "standing/about.html", context)


@require_POST
def read(request: HttpRequest, announcement_id: int) -> HttpResponse:
    """Store that the reader has read this version; repeated calls change nothing."""
    scope = PageContext(request)
    employee = scope.required_employee
    announcement = get_object_or_404(Announcement.objects.visible_to(scope.user, scope.now), pk=announcement_id)
    announcements.mark_read(announcement=announcement, employee=employee)
    own = Notification.objects.visible_to(scope.user)
    own.filter(kind="announcement", subject_key=announcement.notification_subject).mark_read(scope.now)
    messages.success(request, _("Thank you. The text stays under “About this campaign”."))
    return redirect(scope.url("me"))
