"""Announcements of a campaign for HR: preview, request, publish and withdraw a version, and how many have read it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.campaigns.announcements import publish_announcement, request_announcement, withdraw_announcement
from apps.campaigns.models import Announcement, Campaign
from apps.core.errors import Refused
from apps.dashboard.forms.announcements import AnnouncementForm, RequestForm, WithdrawForm
from apps.dashboard.labels.announcements import states_of
from apps.dashboard.views.company.campaign import campaign_scope
from apps.dashboard.views.page_context import PageContext, render
from apps.reports.announcement_readers import reader_figures


@require_safe
def index(request: HttpRequest, slug: str) -> HttpResponse:
    """All versions, the newest first."""
    scope = campaign_scope(request, slug)
    context = {"lines": states_of(_versions(scope), scope.now), "open": _is_open(scope)}
    return render(scope, "company/announcements.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, slug: str) -> HttpResponse:
    """The form with the text of the newest version and, when sent, the preview: nothing is stored here."""
    scope = campaign_scope(request, slug)
    if request.method != "POST":
        newest = _versions(scope).first()
        return _page(scope, AnnouncementForm.from_version(newest) if newest else AnnouncementForm())
    form = AnnouncementForm(request.POST)
    return _preview(scope, form, RequestForm()) if _is_valid(scope, form) else _page(scope, form, 422)


@require_POST
def confirm(request: HttpRequest, slug: str) -> HttpResponse:
    """Request the previewed version, once."""
    scope = campaign_scope(request, slug)
    form, sent = AnnouncementForm(request.POST), RequestForm(request.POST)
    if not _is_valid(scope, form) or not sent.is_valid():
        return _page(scope, form, 422)
    with form.showing_refusals():
        announcement = request_announcement(
            campaign=scope.required_campaign, draft=form.draft(), key=sent.cleaned_data["key"], by=scope.user.actor
        )
        messages.success(request, _("The announcement is waiting for a second HR user."))
        return redirect(scope.url("announcement", slug, announcement.version))
    return _page(scope, form, form.error_status)


@require_safe
def detail(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    scope = campaign_scope(request, slug)
    return _show(scope, _version(scope, version))


@require_POST
def publish(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    scope = campaign_scope(request, slug)
    announcement = _version(scope, version)
    try:
        publish_announcement(announcement_id=announcement.pk, by=scope.user.actor)
    except Refused as refused:
        # Read again: another HR user may have decided meanwhile, and the page says so.
        return _show(scope, _version(scope, version), 409, refused=refused.message)
    messages.success(request, _("Published. Employees see it now, or from its scheduled time on."))
    return redirect(scope.url("announcement", slug, version))


@require_POST
def withdraw(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    scope = campaign_scope(request, slug)
    announcement, form = _version(scope, version), WithdrawForm(request.POST)
    if not form.is_valid():
        return _show(scope, announcement, 422, form)
    with form.showing_refusals():
        reason = form.cleaned_data["reason"]
        withdraw_announcement(announcement_id=announcement.pk, reason=reason, by=scope.user.actor)
        messages.success(request, _("Withdrawn. Employees no longer see it."))
        return redirect(scope.url("announcement", slug, version))
    return _show(scope, _version(scope, version), form.error_status, form)


def _versions(scope: PageContext) -> Any:
    return Announcement.objects.filter(campaign=scope.required_campaign).order_by("-version")


def _version(scope: PageContext, version: int) -> Announcement:
    return get_object_or_404(_versions(scope), version=version)


def _is_open(scope: PageContext) -> bool:
    """Whether a version can still be requested or published."""
    campaign = scope.required_campaign
    return campaign.state in (Campaign.State.DRAFT, Campaign.State.OPEN) and scope.now < campaign.rule.cutoff_at


def _is_valid(scope: PageContext, form: AnnouncementForm) -> bool:
    """Whether the fields are valid, and the service would store them."""
    # The form reads the time in the zone in force.
    with timezone.override(scope.zone):
        is_valid = form.is_valid()
    if is_valid:
        with form.showing_refusals():
            form.draft().cleaned()
    return not form.errors


def _preview(scope: PageContext, form: AnnouncementForm, sent: RequestForm) -> HttpResponse:
    draft = form.draft().cleaned()
    announcement = Announcement(**{name: getattr(draft, name) for name in draft.__dataclass_fields__})
    return _page(scope, form, preview=announcement, texts=_texts(announcement), sent=sent)


def _texts(announcement: Announcement) -> list[tuple[str, Any]]:
    """The text in each language with the code of the language."""
    return [(language, announcement.in_language(language)) for language in ("en", "zh-hans")]


def _page(scope: PageContext, form: AnnouncementForm, status: int = 200, **more: Any) -> HttpResponse:
    context = {"form": form, "open": _is_open(scope), **more}
    return render(scope, "company/announcement_new.html", context, status=status)


def _show(
    scope: PageContext, announcement: Announcement, status: int = 200, form: WithdrawForm | None = None,
    refused: str = "",
) -> HttpResponse:  # fmt: skip
    is_own = announcement.requested_by_id == scope.user.pk
    states = {version.pk: state for version, state in states_of(_versions(scope), scope.now)}
    state = states[announcement.pk]
    context = {
        "announcement": announcement, "state": state, "texts": _texts(announcement), "refused": refused,
        "form": form or WithdrawForm(), "is_own": is_own, "open": _is_open(scope),
        "figures": reader_figures(announcement, scope.rule) if state.code in ("shown", "replaced") else None,
    }  # fmt: skip
    return render(scope, "company/announcement.html", context, status=status)
