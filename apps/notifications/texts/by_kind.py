"""The text of each kind of notification."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from apps.notifications.facts import Facts
from apps.notifications.texts import for_employees, for_roles
from apps.notifications.texts.content import Content

CONTENTS: dict[str, Callable[[Facts, datetime], Content]] = {
    "campaign_opened": for_employees.campaign_opened,
    "announcement": for_employees.announcement,
    "rule_changed": for_employees.rule_changed,
    "milestone_50": for_employees.milestone_50,
    "milestone_90": for_employees.milestone_90,
    "milestone_100": for_employees.milestone_100,
    "turned_red": for_employees.turned_red,
    "weekly": for_employees.weekly,
    "deadline_7": for_employees.deadline,
    "deadline_3": for_employees.deadline,
    "deadline_1": for_employees.deadline,
    "reminder": for_employees.reminder,
    "help_offered": for_employees.help_offered,
    "adjustment_granted": for_employees.adjustment_granted,
    "adjustment_ended": for_employees.adjustment_ended,
    "review_answered": for_employees.review_answered,
    "result_final": for_employees.result_final,
    "chat_changed": for_employees.chat_changed,
    "result_corrected": for_employees.result_corrected,
    "team_digest": for_roles.team_digest,
    "company_digest": for_roles.company_digest,
    "deputy_named": for_roles.deputy_named,
    "deputy_ended": for_roles.deputy_ended,
    "review_opened": for_roles.review_opened,
    "review_due": for_roles.review_due,
    "correction_granted": for_roles.correction_granted,
    "drift_found": for_roles.drift_found,
    "freeze_failed": for_roles.freeze_failed,
    "export_ready": for_roles.export_ready,
    "scheduled_export_ready": for_roles.scheduled_export_ready,
    "scheduled_export_ended": for_roles.scheduled_export_ended,
    "import_finished": for_employees.import_finished,
    "roster_applied": for_roles.roster_applied,
    "approval_waiting": for_roles.approval_waiting,
    "approval_overdue": for_roles.approval_overdue,
}


def content_of(facts: Facts, now: datetime) -> Content:
    """The text of a notification in the language in force. Raises KeyError for an unknown kind."""
    return CONTENTS[facts.kind](facts, now)
