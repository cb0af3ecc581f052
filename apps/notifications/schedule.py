"""Notifications that time causes: every Monday, near the deadline, and when a request has waited for a day."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from psycopg2.sql import SQL

from apps.campaigns.models import Campaign
from apps.campaigns.rules import days_left
from apps.core.enqueue import enqueue_notifications
from apps.core.events import record_event
from apps.core.jobs import claim_job
from apps.core.sql import compose, execute, fetch_all, statement
from apps.notifications.planning import ZONES
from apps.notifications.quiet_hours import zone_of
from apps.notifications.staleness import REMINDER_DAYS
from apps.standings.base_query import pace_sql

# From this local hour on, also when the scheduler was away at that minute.
MORNING_HOUR, MONDAY = 9, 0
LAST_WEEK_DAYS = 7
OVERDUE_AFTER = REPLY_DUE_WITHIN = timedelta(days=1)
RECORD_WEEKLY = statement("notifications", "schedule", "record_weekly")
RECORD_DEADLINE = statement("notifications", "schedule", "record_deadline")
RECORD_TEAM_DIGEST = statement("notifications", "schedule", "record_team_digest")
RECORD_REVIEWS_DUE = statement("notifications", "schedule", "record_reviews_due")
RECORD_OVERDUE = statement("notifications", "schedule", "record_overdue")


def record_scheduled_events(now: datetime) -> int:
    """Record the events that are due at `now`; returns how many. The scheduler calls this every minute.

    Repeated and concurrent calls record each event once: for a campaign, a zone and a local day.
    """
    recorded = execute(RECORD_OVERDUE, {"before": now - OVERDUE_AFTER, "now": now})
    recorded += execute(RECORD_REVIEWS_DUE, {"before": now + REPLY_DUE_WITHIN, "now": now})
    campaigns = [campaign for campaign in Campaign.objects.running() if _is_on(campaign, now)]
    zones = [zone for (zone,) in fetch_all(ZONES)] if campaigns else []
    for campaign in campaigns:
        for zone in zones:
            if now.astimezone(zone_of(zone)).hour >= MORNING_HOUR:
                recorded += _record_morning(campaign, zone, now) + _record_digests(campaign, zone, now)
    if recorded:
        enqueue_notifications()
    return recorded


def _record_digests(campaign: Campaign, zone: str, now: datetime) -> int:
    """The managers' digest on Mondays, in the last week every morning; HR's in the last week, in the company's zone."""
    today, days = now.astimezone(zone_of(zone)).date(), days_left(campaign.rule.cutoff_at, campaign.rule.time_zone, now)
    in_last_week = days <= LAST_WEEK_DAYS
    if not in_last_week and today.weekday() != MONDAY:
        return 0
    with transaction.atomic():
        if not claim_job(f"digests of {campaign.pk} in {zone}", today.isoformat()):
            return 0
        subject = f"{campaign.pk}:{today.isoformat()}"
        if in_last_week and not zone:
            record_event("company_digest", subject=subject, campaign_id=campaign.pk)
        values = {"campaign": campaign.pk, "zone": zone, "now": now, "subject": subject}
        return execute(RECORD_TEAM_DIGEST, values) + int(in_last_week and not zone)


def _is_on(campaign: Campaign, now: datetime) -> bool:
    return campaign.rule.in_period(now)


def _record_morning(campaign: Campaign, zone: str, now: datetime) -> int:
    """The reminders of this morning for the employees of one zone."""
    rule, today = campaign.rule, now.astimezone(zone_of(zone)).date()
    days = days_left(rule.cutoff_at, rule.time_zone, now)
    values = {"campaign": campaign.pk, "zone": zone, "now": now}
    if days in REMINDER_DAYS:
        # Once for a deadline: HR can move it.
        query, job, period = RECORD_DEADLINE, f"deadline {days} of {campaign.pk} in {zone}", rule.deadline.isoformat()
        values |= {"kind": f"deadline_{days}", "subject": f"{campaign.pk}:{rule.deadline.isoformat()}"}
    elif today.weekday() == MONDAY:
        query, job, period = RECORD_WEEKLY, f"weekly of {campaign.pk} in {zone}", today.isoformat()
        values |= {"subject": f"{campaign.pk}:{today.isoformat()}"}
    else:
        return 0
    with transaction.atomic():
        if not claim_job(job, period):
            return 0
        return execute(compose(query, pace=SQL(pace_sql(rule, now))) if query is RECORD_WEEKLY else query, values)
