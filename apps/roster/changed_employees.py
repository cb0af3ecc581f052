"""The rows of employees that a load or an undo changes: compared first and written last (ADR 37)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from psycopg2 import sql

from apps.core.enqueue import enqueue_notifications
from apps.core.sql import execute, statement

# Each set where the installation has a chat product (apps.notifications.channels).
CHAT_SETTINGS = ("DINGTALK_APP_KEY", "SLACK_BOT_TOKEN")
CREATE = statement("roster", "changed_employees", "create")
WRITE = statement("roster", "changed_employees", "write")
RECORD_CHAT_CHANGES = statement("roster", "changed_employees", "record_chat_changes")
WRITE_ACCOUNTS = statement("roster", "changed_employees", "write_accounts")


def store_changed_employees(changed: str, parameters: dict[str, Any]) -> None:
    """Store the new columns of `changed`, a SELECT; the view `roster_employee` shows all employees with them."""
    execute(sql.SQL(CREATE).format(changed=sql.SQL(changed)), parameters)


def write_new_employees() -> None:
    """Lock and write the stored columns of people without an employment, whose rows no other work waits for."""
    execute(WRITE, {"is_new": True})


def write_changed_employees() -> None:
    """Lock and write all other stored columns and the accounts. Recording and sign-in wait, so this comes last.

    Employees learn of another chat account, so that no change of the roster diverts their messages silently.
    """
    if any(getattr(settings, name) for name in CHAT_SETTINGS) and execute(RECORD_CHAT_CHANGES):
        enqueue_notifications()
    execute(WRITE, {"is_new": False})
    execute(WRITE_ACCOUNTS)
