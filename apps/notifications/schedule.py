"""Notifications that time causes: every Monday, near the deadline, when a request has waited for a day, and when an
announcement begins to be shown.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from psycopg2.sql import SQL

from apps.campaigns.models import Campaign
from apps.campaigns.rules import days_left
from apps.core.enqueue import enqueue_notifications
from apps.core.jobs import claim_job
from apps.core.sql import compose, execute, fetch_all, statement
from apps.core.time_zones import zone_of
from apps.notifications.planning import ZONES
from apps.notifications.staleness import REMINDER_DAYS
from apps.standings.base_query import pace_sql
from apps.standings.evaluation import pending_sql
from apps.standings.models import MarkRange

# From this local hour on, also when the scheduler was away at that minute.
MORNING_HOUR, MONDAY = 9, 0
LAST_WEEK_DAYS = 7
OVERDUE_AFTER = REPLY_DUE_WITHIN = timedelta(days=1)
RECORD_WEEKLY = statement("notifications", "schedule", "record_weekly")
RECORD_DEADLINE = statement("notifications", "schedule", "record_deadline")
RECORD_TEAM_DIGEST = statement("notifications", "schedule", "record_team_digest")
RECORD_COMPANY_DIGEST = statement("notifications", "schedule", "record_company_digest")
RECORD_REVIEWS_DUE = statement("notifications", "schedule", "record_reviews_due")
RECORD_DEPUTIES_OVER = statement("notifications", "schedule", "record_deputies_over")
RECORD_ANNOUNCEMENTS = statement("notifications", "schedule", "record_announcements")
RECORD_OVERDUE = statement("notifications", "schedule", "record_overdue")


def record_scheduled_events(now: datetime) -> int:
    """Record the events that are due at `now`; returns how many. The scheduler calls this every minute.

    Repeated and concurrent calls record each event once: for a campaign, a zone and a local day.
    """
    recorded = execute(RECORD_OVERDUE, {"before": now - OVERDUE_AFTER, "now": now})
    recorded += execute(RECORD_REVIEWS_DUE, {"before": now + REPLY_DUE_WITHIN, "now": now})
    recorded += execute(RECORD_DEPUTIES_OVER, {"now": now})
    recorded += execute(RECORD_ANNOUNCEMENTS, {"now": now})
    campaigns = [campaign for campaign in Campaign.objects.running() if campaign.rule.in_period(now)]
    zones = [zone for (zone,) in fetch_all(ZONES)] if campaigns else []
    for campaign in campaigns:
        for zone in zones:
            if now.astimezone(zone_of(zone)).hour >= MORNING_HOUR:
                recorded += _record_morning(campaign, zone, now)
    if recorded:
        enqueue_notifications()
    return recorded


def _record_morning(campaign: Campaign, zone: str, now: datetime) -> int:
    """This morning's reminders and digests for the people of one zone, once on a local day.

    The day is the recipients', the days left are the campaign's. The day is claimed, so that it has one reminder.
    """
    today, days = now.astimezone(zone_of(zone)).date(), days_left(campaign.rule.cutoff_at, campaign.rule.time_zone, now)
    is_monday, in_last_week = today.weekday() == MONDAY, days <= LAST_WEEK_DAYS
    if not is_monday and not in_last_week:
        return 0
    # While all employees are being evaluated, no message may state a number; the next call tries again.
    if MarkRange.objects.filter(run__campaign=campaign, run__invalidates=True, state=MarkRange.State.WAITING).exists():
        return 0
    with transaction.atomic():
        if not claim_job(f"morning of {campaign.pk} in {zone}", today.isoformat()):
            return 0
        values = {"campaign": campaign.pk, "zone": zone, "now": now, "subject": f"{campaign.pk}:{today.isoformat()}"}
        recorded = _record_reminders(campaign, days, is_monday, values)
        recorded += execute(RECORD_TEAM_DIGEST, values)
        return recorded + (execute(RECORD_COMPANY_DIGEST, values) if in_last_week else 0)


def _record_reminders(campaign: Campaign, days: int, is_monday: bool, values: dict[str, Any]) -> int:
    pending = SQL(pending_sql(campaign.pk))
    if days in REMINDER_DAYS:
        # Once for a deadline: HR can move it.
        deadline = {"kind": f"deadline_{days}", "subject": f"{campaign.pk}:{campaign.rule.deadline.isoformat()}"}
        return execute(compose(RECORD_DEADLINE, pending=pending), values | deadline)
    if not is_monday:
        return 0
    pace = SQL(pace_sql(campaign.rule, values["now"]))
    return execute(compose(RECORD_WEEKLY, pace=pace, pending=pending), values)
