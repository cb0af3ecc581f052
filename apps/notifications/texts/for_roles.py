"""The texts for managers, deputies and HR, one function for each kind."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.time_zones import company_zone
from apps.notifications.facts import Facts
from apps.notifications.texts.content import Content, day_text, time_lines

# Where a request is decided, by the beginning of the subject. Those in the singular are of earlier versions.
REQUEST_PAGES = {
    "adjustments": "adjustments", "adjustment": "adjustments", "corrections": "result", "correction": "result",
    "announcements": "campaigns",
}  # fmt: skip


def approval_waiting(facts: Facts, now: datetime) -> Content:
    summary = _("A colleague has requested a change that a second person must decide.")
    page = REQUEST_PAGES.get(facts.subject_key.partition(":")[0], "approvals")
    return Content(_("A request is waiting for a second person"), summary, page=page, action=_("Open the requests"))


def approval_overdue(facts: Facts, now: datetime) -> Content:
    content = approval_waiting(facts, now)
    return replace(content, subject=_("A request is still waiting for a second person"))


def team_digest(facts: Facts, now: datetime) -> Content:
    summary = _("How your team stood in %(campaign)s.") % {"campaign": facts.campaign}
    return Content(
        _("Your team's digest"), summary, time_lines(facts, now), page="team-home", action=_("Open the team")
    )


def company_digest(facts: Facts, now: datetime) -> Content:
    summary = _("How the company stood in %(campaign)s.") % {"campaign": facts.campaign}
    return Content(
        _("The company's digest"), summary, time_lines(facts, now), page="company", action=_("Open the company")
    )


def _deputy(facts: Facts) -> dict[str, str]:
    return {
        "deputy": facts.deputy or "",
        "manager": facts.deputy_of or "",
        "first": _company_day(facts.deputy_from),
        "last": _company_day(facts.deputy_until and facts.deputy_until - timedelta(microseconds=1)),
    }


def _company_day(at: datetime | None) -> str:
    """As the page of deputies shows it."""
    if at is None:
        return ""
    return day_text(timezone.localdate(at, ZoneInfo(company_zone())))


def deputy_named(facts: Facts, now: datetime) -> Content:
    summary = _("%(deputy)s can see the team of %(manager)s from %(first)s to %(last)s.") % _deputy(facts)
    return Content(_("A deputy was named"), summary, page="deputies", action=_("Open deputies"))


def deputy_ended(facts: Facts, now: datetime) -> Content:
    summary = _("%(deputy)s is no longer the deputy of %(manager)s.") % _deputy(facts)
    return Content(_("A deputyship has ended"), summary, page="deputies", action=_("Open deputies"))


def review_opened(facts: Facts, now: datetime) -> Content:
    summary = _("An employee asks for a review in %(campaign)s.") % {"campaign": facts.campaign}
    return Content(_("A review request is waiting"), summary, page="company-reviews", action=_("Open the reviews"))


def review_due(facts: Facts, now: datetime) -> Content:
    summary = _("The reply to a review request in %(campaign)s is due within a day.") % {"campaign": facts.campaign}
    return Content(_("The reply to a review is due"), summary, page="company-reviews", action=_("Open the reviews"))


def correction_granted(facts: Facts, now: datetime) -> Content:
    summary = _("A correction of the result of %(campaign)s was approved.") % {"campaign": facts.campaign}
    return Content(_("A correction was approved"), summary, page="result", action=_("Open the result"))


def drift_found(facts: Facts, now: datetime) -> Content:
    summary = _("The nightly recount found stored numbers of %(campaign)s that differed from the contacts.") % {
        "campaign": facts.campaign
    }
    detail = _("They were repaired. Tell the operator, so that the cause is found.")
    return Content(_("The recount found differences"), summary, [detail], page="company", action=_("Open the company"))


def freeze_failed(facts: Facts, now: datetime) -> Content:
    summary = _("%(campaign)s could not be frozen. Hundred tries again every few seconds.") % {
        "campaign": facts.campaign
    }
    detail = _("Tell the operator: the log of the worker says why.")
    return Content(_("A campaign could not be frozen"), summary, [detail], page="company", action=_("Open the company"))


def export_ready(facts: Facts, now: datetime) -> Content:
    summary = _("A file that you requested can be downloaded.")
    return Content(_("Your file is ready"), summary, page="exports", action=_("Open exports"))


def scheduled_export_ready(facts: Facts, now: datetime) -> Content:
    summary = _("Your scheduled file for %(campaign)s can be downloaded.") % {"campaign": facts.campaign}
    detail = _("It can be downloaded for 30 days, as long as you have access to the people in it.")
    return Content(
        _("A scheduled file is ready"), summary, [detail], page="export", args=[facts.subject_key],
        action=_("Open the file"),
    )  # fmt: skip


def scheduled_export_ended(facts: Facts, now: datetime) -> Content:
    summary = _("Your scheduled file for %(campaign)s is no longer created, because your access has ended.") % {
        "campaign": facts.campaign
    }
    return Content(
        _("A scheduled file has ended"), summary, page="export-schedules", action=_("Open scheduled files")
    )  # fmt: skip


def roster_applied(facts: Facts, now: datetime) -> Content:
    summary = _("The roster file that you confirmed was applied.")
    return Content(_("The roster was applied"), summary, page="roster", action=_("Open the roster"))
