"""The list of notifications in the application."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from apps.accounts.models import Account
from apps.notifications.facts import read_facts
from apps.notifications.models import Notification
from apps.notifications.texts.by_kind import CONTENTS, content_of
from apps.notifications.texts.content import Content, path_of


@dataclass(frozen=True)
class Entry:
    """A line of the list: the notification, its text and the path that it leads to."""

    row: Notification
    content: Content
    path: str


def entries_of(rows: Iterable[Notification], now: datetime) -> list[Entry]:
    """The lines for these notifications, in the language in force; without those of a former kind."""
    shown = [row for row in rows if row.kind in CONTENTS]
    facts_by_id = {facts.id: facts for facts in read_facts([row.pk for row in shown], now, (), with_pending=False)}
    entries = []
    for row in shown:
        facts = facts_by_id[row.pk]
        content = content_of(facts, now)
        entries.append(Entry(row, content, path_of(content, facts)))
    return entries


def mark_read(account: Account, now: datetime, *, only: int = 0, until: int = 0) -> int:
    """Mark one of the account's notifications as read, or all up to an id: later ones were not shown yet."""
    own = Notification.objects.visible_to(account)
    return (own.filter(pk=only) if only else own.filter(pk__lte=until)).mark_read(now)
