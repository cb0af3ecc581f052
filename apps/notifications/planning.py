"""Planning: from events to notifications, set-based."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.core.locks import disable_statement_timeout
from apps.core.sql import fetch_all, statement
from apps.core.time_zones import zone_of
from apps.notifications import channels
from apps.notifications.kinds import KINDS
from apps.notifications.models import Channel
from apps.notifications.quiet_hours import configured_quiet_hours
from apps.notifications.webhooks.event_types import EVENT_KINDS
from apps.notifications.webhooks.planning import plan_webhooks

# The most events that one transaction takes; one event may concern every employee.
MAX_EVENTS = 5_000
# For one employee and channel in 24 hours: falls below the target of a campaign, and changes of the chat account.
MAX_FALLS, MAX_CHAT_CHANGES = 5, 3
TAKE = statement("notifications", "planning", "take")
ZONES = statement("notifications", "planning", "zones")
PLAN = statement("notifications", "planning", "plan")


@dataclass(frozen=True)
class Plan:
    """How many events were taken, notifications planned, and how many of these a channel has to send."""

    events: int = 0
    planned: int = 0
    to_send: int = 0


def plan_notifications(now: datetime) -> Plan:
    """Plan the notifications and webhooks of up to MAX_EVENTS events, in one transaction.

    Repeated and concurrent calls plan each of them once.
    """
    with transaction.atomic():
        # Cheap while there is no event: the zones are read from all employees.
        if not fetch_all("SELECT 1 FROM core_event LIMIT 1"):
            return Plan()
        # One event may concern every employee.
        disable_statement_timeout()
        kinds = _kinds()
        known = [*kinds["codes"], *EVENT_KINDS.values()]
        ids = [event_id for (event_id,) in fetch_all(TAKE, {"known": known, "most": MAX_EVENTS})]
        # Before the notifications, whose statement deletes the events.
        plan_webhooks(ids, now)
        limits = {"now": now, "ids": ids, "most_falls": MAX_FALLS, "most_chat_changes": MAX_CHAT_CHANGES}
        return Plan(*fetch_all(PLAN, kinds | _zones(now) | limits)[0])


def _kinds() -> dict[str, list[Any]]:
    configured = channels.configured()
    rows = [(kind, channel) for kind in KINDS.values() for channel in kind.channels if channel in configured]
    return {
        "codes": [kind.code for kind, _channel in rows],
        "audiences": [kind.audience.value for kind, _channel in rows],
        "channels": [str(channel) for _kind, channel in rows],
        "switchable": [kind.can_switch_off_by(channel) for kind, channel in rows],
        "by_chat": [Channel.CHAT in kind.channels and Channel.CHAT in configured for kind, _channel in rows],
    }


def _zones(now: datetime) -> dict[str, list[Any]]:
    names, quiet = [name for (name,) in fetch_all(ZONES)], configured_quiet_hours()
    return {"zones": names, "allowed_at": [quiet.next_allowed(now, zone_of(name)) for name in names]}
