"""Plan and send notifications: what a worker does in one call."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from apps.core.clock import db_now
from apps.notifications.delivery import send_notifications
from apps.notifications.planning import plan_notifications
from apps.notifications.rooms.digests import post_room_digests


def process_notifications(clock: Callable[[], datetime] = db_now) -> bool:
    """Plan and send what is due, for a limited time; returns False when more is due now.

    Repeated, late and concurrent calls are safe.
    """
    while plan_notifications(clock()).events:
        pass
    is_done = send_notifications(clock).is_done
    return post_room_digests(clock) and is_done
