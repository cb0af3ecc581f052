"""The list of notifications in the application."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from apps.accounts.models import Account
from apps.notifications.content import Content
from apps.notifications.contents import CONTENTS, content_of
from apps.notifications.facts import read_facts
from apps.notifications.models import Notification


def contents_of(notifications: Iterable[Notification], now: datetime) -> dict[int, Content]:
    """The contents of these notifications by id, in the language in force; without those of a former kind."""
    ids = [row.pk for row in notifications if row.kind in CONTENTS]
    return {facts.id: content_of(facts, now) for facts in read_facts(ids, now, ())} if ids else {}


def mark_read(account: Account, now: datetime, *, only: int = 0, until: int = 0) -> int:
    """Mark one of the account's notifications as read, or all up to an id: later ones were not shown yet."""
    own = Notification.objects.visible_to(account)
    return (own.filter(pk=only) if only else own.filter(pk__lte=until)).mark_read(now)
