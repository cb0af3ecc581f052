"""Named queries on notifications; a reader's access begins with `visible_to`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models


class NotificationQuerySet(models.QuerySet):
    def visible_to(self, account: Any) -> NotificationQuerySet:
        """The account's own notifications in the application, newest first."""
        return self.of(account).filter(channel="app", state="sent").order_by("-created_at", "-pk")

    def of(self, account: Any) -> NotificationQuerySet:
        """Those of the account's employee, or of an account without an employee."""
        # Both columns: the unique index begins with them.
        own = {"employee": account.employee_id, "account": None if account.employee_id else account.pk}
        return self.filter(**own)

    def unread(self) -> NotificationQuerySet:
        return self.filter(read_at=None)

    def mark_read(self, now: datetime) -> int:
        """Mark the unread ones as read; returns how many."""
        return self.unread().update(read_at=now)
