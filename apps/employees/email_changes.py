"""E-mail addresses of employees: a new one waits for a second person (ADR 64)."""

from __future__ import annotations


def has_pending_email_change(employee_id: int) -> bool:
    """Whether no link may be mailed to this employee's address now."""
    return False
