"""What is known about a notification at the moment of sending, read for a whole batch by one statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from psycopg2.sql import SQL

from apps.campaigns import rules
from apps.core.sql import compose, fetch_named, statement
from apps.core.time_zones import zone_of
from apps.notifications.kinds import KINDS, Kind
from apps.standings.evaluation import pending_sql

FACTS = statement("notifications", "delivery", "facts")


@dataclass(frozen=True)
class Facts:
    """A notification, its recipient, its campaign and the recipient's standing there.

    `recipient`: `e` or `a` and the id of the employee or the account. Fields of the campaign are None or empty without
    one; those of the standing also for a recipient outside the campaign. `pending`: the standing is about to be
    evaluated again, so no message may state it yet. `has_team`: today. `fell_again`: a later fall below
    the target has a notification of its own. `announcement_version`: that of the campaign's announcement that is shown
    now, `announcement_read`: the recipient has read it, `in_opening`: the notification of the opening mentions it.
    `sender`: the person who reminds or offers help; `help_kind`: what is offered.
    """

    id: int
    kind: str
    subject_key: str
    data: dict[str, Any]
    attempts: int
    recipient: str
    created_at: datetime
    claimed_at: datetime
    name: str
    address: str
    chat_id: str
    address_unproven: bool
    employee_id: int | None
    campaign_id: int | None
    has_team: bool
    zone: str
    language: str
    employed: bool
    active: bool
    is_hr: bool
    enabled: bool
    pending: bool
    decided: bool
    fell_again: bool
    announcement_version: int | None
    announcement_read: bool
    in_opening: bool
    sender: str | None
    sender_role: str | None
    text_en: str | None
    text_zh: str | None
    help_kind: str | None
    deputy: str | None
    deputy_of: str | None
    deputy_from: datetime | None
    deputy_until: datetime | None
    deputy_over: bool | None
    campaign: str | None
    slug: str
    campaign_state: str
    snapshot_at: datetime | None
    opens_at: datetime | None
    cutoff_at: datetime | None
    deadline: date | None
    campaign_zone: str | None
    counted: int | None
    target: int | None
    exempt: bool | None
    red: bool | None

    @property
    def definition(self) -> Kind:
        return KINDS[self.kind]

    @property
    def time_zone(self) -> ZoneInfo:
        return zone_of(self.zone)

    def local_day(self, at: datetime) -> date:
        return at.astimezone(self.time_zone).date()

    @property
    def remaining(self) -> int:
        return rules.remaining(self.counted or 0, self.target or 0)

    def is_over(self, now: datetime) -> bool:
        """Whether contacts no longer count in the campaign, or it was cancelled."""
        return self.campaign_state != "open" or self.cutoff_at is None or now >= self.cutoff_at

    def is_abroad(self, now: datetime) -> bool:
        """Whether the recipient's clock differs from the campaign's."""
        if self.campaign_zone is None:
            return False
        return now.astimezone(self.time_zone).utcoffset() != now.astimezone(ZoneInfo(self.campaign_zone)).utcoffset()

    def is_behind(self, now: datetime) -> bool:
        """Whether the recipient is behind the steady pace to the target."""
        if self.counted is None or self.target is None or self.opens_at is None or self.cutoff_at is None:
            return False
        return rules.pace(self.counted, self.target, self.opens_at, self.cutoff_at, now) == "behind"

    def days_left(self, now: datetime) -> int:
        """Local days until the deadline, today included, in the campaign's zone."""
        if self.cutoff_at is None or self.campaign_zone is None:
            return 0
        return rules.days_left(self.cutoff_at, self.campaign_zone, now)

    def review_until(self) -> date | None:
        """The last day on which the recipient can ask for a review of a final result."""
        if self.snapshot_at is None or self.campaign_zone is None:
            return None
        end = rules.end_of_day_after(self.snapshot_at, settings.REVIEW_ASK_DAYS, self.campaign_zone)
        return rules.day_of(end, self.campaign_zone)


def read_facts(ids: Sequence[int], now: datetime, urgent: Sequence[str], *, with_pending: bool = True) -> list[Facts]:
    """The facts of these notifications, in the order in which they are sent.

    Without `with_pending` none is `pending`: a list shows no number.
    """
    if not ids:
        return []
    pending = pending_sql() if with_pending else "SELECT NULL::bigint AS employee_id WHERE false"
    parameters = {"ids": list(ids), "now": now, "urgent": list(urgent)}
    rows = fetch_named(compose(FACTS, pending=SQL(pending)), parameters)
    # Django's cursors return JSON as text, which only its fields decode.
    return [Facts(**row | {"data": json.loads(row["data"])}) for row in rows]
