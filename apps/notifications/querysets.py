"""Named queries on notifications; a reader's access begins with `visible_to`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models


class NotificationQuerySet(models.QuerySet):
    def visible_to(self, account: Any) -> NotificationQuerySet:
        """The account's own notifications in the application, newest first."""
        own = {"employee": account.employee_id} if account.employee_id else {"account": account.pk}
        return self.filter(**own, channel="app", state="sent").order_by("-created_at", "-pk")

    def unread(self) -> NotificationQuerySet:
        return self.filter(read_at=None)

    def mark_read(self, now: datetime) -> int:
        """Mark the unread ones as read; returns how many."""
        return self.unread().update(read_at=now)
