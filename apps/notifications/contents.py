"""The text of each kind of notification."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from apps.notifications import employee_contents, personal_contents, role_contents
from apps.notifications.content import Content
from apps.notifications.facts import Facts

CONTENTS: dict[str, Callable[[Facts, datetime], Content]] = {
    "campaign_opened": employee_contents.campaign_opened,
    "announcement": employee_contents.announcement,
    "rule_changed": employee_contents.rule_changed,
    "milestone_50": employee_contents.milestone_50,
    "milestone_90": employee_contents.milestone_90,
    "milestone_100": employee_contents.milestone_100,
    "turned_red": employee_contents.turned_red,
    "weekly": employee_contents.weekly,
    "deadline_7": employee_contents.deadline,
    "deadline_3": employee_contents.deadline,
    "deadline_1": employee_contents.deadline,
    "reminder": personal_contents.reminder,
    "help_offered": personal_contents.help_offered,
    "adjustment_granted": employee_contents.adjustment_granted,
    "adjustment_ended": employee_contents.adjustment_ended,
    "review_answered": employee_contents.review_answered,
    "result_final": employee_contents.result_final,
    "chat_changed": employee_contents.chat_changed,
    "result_corrected": employee_contents.result_corrected,
    "team_digest": role_contents.team_digest,
    "company_digest": role_contents.company_digest,
    "deputy_named": role_contents.deputy_named,
    "deputy_ended": role_contents.deputy_ended,
    "review_opened": role_contents.review_opened,
    "review_due": role_contents.review_due,
    "correction_granted": role_contents.correction_granted,
    "drift_found": role_contents.drift_found,
    "freeze_failed": role_contents.freeze_failed,
    "export_ready": role_contents.export_ready,
    "scheduled_export_ready": role_contents.scheduled_export_ready,
    "scheduled_export_ended": role_contents.scheduled_export_ended,
    "import_finished": employee_contents.import_finished,
    "roster_applied": role_contents.roster_applied,
    "approval_waiting": role_contents.approval_waiting,
    "approval_overdue": role_contents.approval_overdue,
}


def content_of(facts: Facts, now: datetime) -> Content:
    """The text of a notification in the language in force. Raises KeyError for an unknown kind."""
    return CONTENTS[facts.kind](facts, now)
