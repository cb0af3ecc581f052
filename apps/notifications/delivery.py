"""Delivery: a worker claims notifications that are due, sends them by their channel and records what happened (ADR 79).

No transaction is open while a service answers. Each step is one guarded statement, so a worker may die at any point.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction

from apps.core.clock import db_now
from apps.core.health import clear_channel_failure, record_channel_failure
from apps.core.locks import advisory_lock
from apps.core.mail_portions import PORTION_SECONDS
from apps.core.models import Setting
from apps.core.sql import execute, fetch_all, statement
from apps.notifications.channels import CHANNELS
from apps.notifications.channels.base import (
    DeliveryChannel,
    DeliveryError,
    PermanentFailure,
    RateLimitFailure,
    Session,
    TemporaryFailure,
    UncertainFailure,
)
from apps.notifications.facts import Facts, read_facts
from apps.notifications.kinds import AT_LEAST_ONCE, AT_LEAST_ONCE_KINDS, URGENT_KINDS
from apps.notifications.models import Channel, Notification
from apps.notifications.quiet_hours import QuietHours, configured_quiet_hours
from apps.notifications.staleness import RECIPIENT_RULES, drop_reason
from apps.notifications.texts.rendering import render_message

logger = logging.getLogger(__name__)
CLAIM = statement("notifications", "delivery", "claim")
BEGIN = statement("notifications", "delivery", "begin")
FINISH = statement("notifications", "delivery", "finish")
REPLACE_BY_EMAIL = statement("notifications", "delivery", "replace_by_email")
RELEASE_LOST = statement("notifications", "delivery", "release_lost")
State = Notification.State
# The setting with the instant until which a channel pauses.
PAUSED = "channel paused:"

BATCH_SIZE = 50
# The waits between attempts, a day together.
RETRY_MINUTES = (1, 5, 15, 60, 180, 360, 360, 420)
# A standing that is being evaluated is settled within seconds.
PENDING_WAIT = timedelta(minutes=1)
# A mailed link, or a second person, proves whose an address is. Until then mails to it wait, for a week at most.
UNPROVEN_WAIT = timedelta(hours=1)


@dataclass
class DeliveryReport:
    """What one call did, in notifications; `is_done`: nothing more was due."""

    sent: int = 0
    dropped: int = 0
    deferred: int = 0
    failed: int = 0
    is_done: bool = False


def send_notifications(clock: Callable[[], datetime] = db_now) -> DeliveryReport:
    """Send due notifications for about PORTION_SECONDS by every channel that no other worker serves now."""
    report = DeliveryReport(is_done=True)
    for channel in CHANNELS.values():
        if not channel.is_configured():
            continue
        # For the configured rate alone: without the lock, claims still give each notification to one worker.
        with sender_lock(channel.name) as acquired:
            if acquired:
                Sender(channel, clock, report).run()
    return report


def sender_lock(channel: str, *, wait: float = 0) -> AbstractContextManager[bool]:
    """While it is held, no other process sends by this channel."""
    return advisory_lock(f"notifications {channel}", wait=wait)


class Sender:
    """Serves one channel during one call."""

    def __init__(self, channel: DeliveryChannel, clock: Callable[[], datetime], report: DeliveryReport) -> None:
        self.channel, self.clock, self.report = channel, clock, report
        self.quiet: QuietHours = configured_quiet_hours()
        self.next_send = 0.0
        self.interval = 1 / min(settings.NOTIFICATIONS_PER_SECOND, channel.per_second)

    def run(self) -> None:
        end = time.monotonic() + PORTION_SECONDS
        lost = {"now": self.clock(), "at_least_once": AT_LEAST_ONCE_KINDS, "most": len(RETRY_MINUTES)}
        execute(RELEASE_LOST, lost)
        if is_paused(self.channel.name, self.clock()):
            return
        while time.monotonic() < end:
            now = self.clock()
            claimed = self._claim(now)
            if not claimed:
                return
            # Before a connection is opened: those that are not sent now need none.
            batch = [facts for facts in claimed if not self._is_settled(facts, now)]
            if batch and not self._send_batch(batch):
                return
        self.report.is_done = False

    def _claim(self, now: datetime) -> list[Facts]:
        parameters = {"now": now, "channel": self.channel.name, "most": BATCH_SIZE, "urgent": URGENT_KINDS}
        ids = [row_id for (row_id,) in fetch_all(CLAIM, parameters)]
        return read_facts(ids, now, URGENT_KINDS)

    def _is_settled(self, facts: Facts, now: datetime) -> bool:
        """Drop or defer a notification that is not sent now; returns whether it was."""
        reason = drop_reason(facts, now)
        # A reason that rests on numbers waits until they are evaluated.
        if reason and (reason in RECIPIENT_RULES or not facts.pending):
            self.report.dropped += self._finish(facts, State.DROPPED, reason, begun=False)
            return True
        due_at = now + PENDING_WAIT if facts.pending else self.quiet.next_allowed(now, facts.time_zone)
        code = ""
        # Not a notice of a right: the reader of the mailbox may be its owner.
        if facts.address_unproven and facts.definition.can_switch_off and self.channel.name == "email":
            due_at, code = max(due_at, now + UNPROVEN_WAIT), "address_unproven"
        if due_at > now:
            self.report.deferred += self._finish(facts, State.DUE, code, due_at, begun=False)
        return due_at > now

    def _send_batch(self, batch: list[Facts]) -> bool:
        """Send these over one connection; False when the service accepts none now. The rest is then retried later."""
        end, left, connected = time.monotonic() + PORTION_SECONDS, list(batch), False
        try:
            with self.channel.session() as session:
                connected = True
                while left and time.monotonic() < end:
                    facts = left.pop(0)
                    # Checked again: with a slow service a batch takes minutes, and the quiet hours may have begun.
                    if not self._is_settled(facts, self.clock()):
                        self._send(session, facts)
        except RateLimitFailure as limit:
            pause(self.channel.name, self.clock() + timedelta(seconds=limit.seconds))
            for facts in left:
                self._postpone(facts, limit, begun=False)
            return False
        except TemporaryFailure as failure:
            logger.warning("%s accepts no notifications now: %s", self.channel.name, failure.code)
            record_channel_failure(self.channel.name, failure.code)
            # Those behind the refused one were not tried. In chat they count as tried: after a day they go by e-mail.
            was_tried = not connected or self.channel.name == Channel.CHAT
            for facts in left:
                self._retry(facts, failure.code, begun=False, attempts=int(was_tried))
            return False
        clear_channel_failure(self.channel.name)
        for facts in left:
            self._finish(facts, State.DUE, "", begun=False)
        return True

    def _send(self, session: Session, facts: Facts) -> None:
        """One attempt. Raises TemporaryFailure when the service refuses everything."""
        try:
            message = render_message(facts, self.channel.name, self.clock())
        except DatabaseError:
            raise
        except Exception as error:  # a text that cannot be made must not stop the others
            logger.exception("notification %s has no text", facts.id)
            self.report.failed += self._finish(facts, State.FAILED, f"text: {type(error).__name__}", begun=False)
            return
        self._keep_rate()
        # Committed before the message leaves: a worker that dies here leaves the mark.
        if not execute(BEGIN, {"id": facts.id, "claimed_at": facts.claimed_at}):
            return
        try:
            session.send(message)
        except DeliveryError as error:
            self._record_error(facts, error)
        else:
            self.report.sent += self._finish(facts, State.SENT)

    def _record_error(self, facts: Facts, error: DeliveryError) -> None:
        logger.warning("notification %s by %s was not sent: %s", facts.id, self.channel.name, error.code)
        is_final = isinstance(error, PermanentFailure) or (
            isinstance(error, UncertainFailure) and facts.definition.policy != AT_LEAST_ONCE
        )
        if is_final:
            self._fail(facts, error.code, is_certain=isinstance(error, PermanentFailure))
        elif isinstance(error, RateLimitFailure):
            self._postpone(facts, error)
        else:
            self._retry(facts, error.code)
        if isinstance(error, TemporaryFailure) and error.affects_all:
            raise error

    def _retry(self, facts: Facts, code: str, *, begun: bool = True, attempts: int = 1) -> None:
        """Wait for the next attempt; after a day of attempts the notification has failed."""
        if facts.attempts + attempts > len(RETRY_MINUTES):
            self._fail(facts, code, begun=begun, attempts=attempts)
            return
        due_at = self.clock() + timedelta(minutes=RETRY_MINUTES[min(facts.attempts, len(RETRY_MINUTES) - 1)])
        self._finish(facts, State.DUE, code, due_at, begun=begun, attempts=attempts)

    def _fail(self, facts: Facts, code: str, *, begun: bool = True, attempts: int = 0, is_certain: bool = True) -> None:
        """Give a notification up; what a chat product certainly has not delivered goes by e-mail."""
        with transaction.atomic():
            failed = self._finish(facts, State.FAILED, code, begun=begun, attempts=attempts)
            if failed and is_certain and self.channel.name == Channel.CHAT:
                execute(REPLACE_BY_EMAIL, {"id": facts.id, "now": self.clock()})
        self.report.failed += failed

    def _postpone(self, facts: Facts, limit: RateLimitFailure, *, begun: bool = True) -> None:
        """Wait as long as the service asks for: no failed attempt."""
        self._finish(facts, State.DUE, limit.code, self.clock() + timedelta(seconds=limit.seconds), begun=begun)

    def _finish(
        self,
        facts: Facts,
        state: str,
        error: str = "",
        due_at: datetime | None = None,
        *,
        begun: bool = True,
        attempts: int = 0,
    ) -> int:
        """Record the outcome, unless another worker took the notification over; returns how many rows it wrote."""
        return execute(FINISH, {
            "id": facts.id, "claimed_at": facts.claimed_at, "now": self.clock(), "due_at": due_at, "error": error,
            "state": str(state), "from_state": str(State.SENDING if begun else State.DUE),
            "attempts": attempts or int(begun),
        })  # fmt: skip

    def _keep_rate(self) -> None:
        """Wait, so that no more are sent in a second than the operator and the service allow."""
        time.sleep(max(0.0, self.next_send - time.monotonic()))
        self.next_send = time.monotonic() + self.interval


def pause(channel: str, until: datetime) -> None:
    """For all workers: the service has asked to wait."""
    Setting.objects.update_or_create(name=f"{PAUSED}{channel}", defaults={"value": until.timestamp()})


def is_paused(channel: str, now: datetime) -> bool:
    until = Setting.objects.filter(name=f"{PAUSED}{channel}").values_list("value", flat=True).first()
    return until is not None and now.timestamp() < until
