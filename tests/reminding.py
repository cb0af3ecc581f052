"""Reminders as tests send them: to a list, by HR or a manager."""

import uuid
from typing import Any

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.clock import db_now
from apps.employees.models import Employee
from apps.notifications.models import Reminder, ReminderText
from apps.notifications.reminders.approved_texts import add_text
from apps.notifications.reminders.id_sets import IdSet
from apps.notifications.reminders.sending import Draft, Preview, preview_reminder, send_reminder
from apps.reports.standings_filters import Filters
from apps.reports.standings_report import Standings
from apps.standings.report_people import Team, WholeCompany
from tests.people import TESTER


def text(**terms: str) -> ReminderText:
    usual = {"title": "Short", "text_en": "Shall we talk?", "text_zh": "要聊聊吗？"}
    return add_text(**{**usual, **terms}, by=TESTER)


def standings(campaign: Campaign, by: Employee, **filters: str) -> Standings:
    """HR's list is the company, a manager's the own team."""
    account = account_for(by)
    hr = account.has_role("hr")
    people = WholeCompany() if hr else Team(by, account)
    return Standings(Campaign.objects.get(pk=campaign.pk), people, filters=Filters(**filters), show_reviews=hr)


def preview(campaign: Campaign, by: Employee, **filters: str) -> Preview:
    return preview_reminder(standings(campaign, by, **filters), db_now())


def reasons(campaign: Campaign, by: Employee, **filters: str) -> dict[str, str]:
    """The reason by staff number; empty: is reminded."""
    return {person.staff_no: person.reason for person in preview(campaign, by, **filters).candidates}


def remind(
    campaign: Campaign, by: Employee, *, draft: Draft | None = None, seen: str = "", key: uuid.UUID | None = None,
    **filters: Any,
) -> Reminder:  # fmt: skip
    """Preview and send. Another `seen`: what an earlier preview showed."""
    draft = draft or Draft(ReminderText.objects.current().first() or text())
    shown = IdSet.decode(seen or preview(campaign, by, **filters).seen)
    return send_reminder(
        standings=standings(campaign, by, **filters), draft=draft, seen=shown, key=key or uuid.uuid4(),
        by=account_for(by), filters=filters, label="",
    )  # fmt: skip
