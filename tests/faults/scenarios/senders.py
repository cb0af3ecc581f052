"""N1: the workers are killed while they send notifications that two beats trigger, and the broker is wiped.

The oracle is the log of a real SMTP server: a reminder arrives at most once, a notice of a right at least once and
always as the same message, and a leaver receives nothing.
"""

from __future__ import annotations

import os
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from typing import Any
from unittest.mock import patch

from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import connection, transaction

from apps.core.clock import db_now
from apps.core.events import record_event
from apps.core.models import Event
from apps.employees.models import Employee
from apps.notifications.models import Notification
from tests import people
from tests.faults.ground import Ground, Tally, dice_of
from tests.notifications.smtp import AnyPort

REMINDER, NOTICE = "deadline_7", "adjustment_granted"
LEAVER = "E0000"
STAFF = 8
WORKERS, BEATS = ("worker1", "worker2"), ("beat1", "beat2")
# A trial kills before or after the content arrived, of a reminder or of a notice.
MOMENTS = [("data", REMINDER), ("data", NOTICE), ("recipient", REMINDER), ("recipient", NOTICE)]
DONE_WITHIN = 60.0
NEVER_DONE_AFTER = 15.0


@dataclass
class Inbox:
    """The server's log: (recipient, Message-ID) in order. `at` calls `strike` once, at that mail and stage."""

    log: list[tuple[str, str]] = field(default_factory=list)
    seen: int = 0
    at: tuple[str, int] = ("", 0)
    strike: Callable[[], None] = lambda: None

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, to: str, options: Any) -> str:  # noqa: N802
        envelope.rcpt_tos.append(to)
        self.seen += 1
        self._strike("recipient")
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        message = message_from_bytes(bytes(envelope.content or b""))  # type: ignore[arg-type]
        self.log.append((envelope.rcpt_tos[0], str(message["Message-ID"]).strip()))
        self._strike("data")
        return "250 OK"

    def _strike(self, stage: str) -> None:
        if self.at == (stage, self.seen):
            self.at = ("", 0)
            self.strike()


def killed(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """A trial is one kill of both workers."""
    tally = Tally(eager=bool(broken))
    with _mail_server() as inbox:
        while tally.trials < trials and not tally.failures:
            _one_kill(ground, tally, inbox, seed, broken)
            tally.trials += 1
        # The next scenario's processes must not send to a server that is gone.
        ground.stack.need()
    return tally


def _one_kill(ground: Ground, tally: Tally, inbox: Inbox, seed: int, broken: str) -> None:
    dice = dice_of(seed, tally.trials, "N1")
    ground.stack.need()
    ground.fresh(staff=STAFF)
    Event.objects.all().delete()
    employees = list(Employee.objects.values_list("pk", flat=True))
    yesterday = (db_now() - timedelta(days=1)).date()
    people.load(f"staff_no,name,email,left_on\n{LEAVER},Emil 0,e0@corp.example.com,{yesterday}")
    stage, kind = MOMENTS[tally.trials % len(MOMENTS)]
    # Notices leave first.
    number = dice.randrange(1, len(employees) - 1) + (len(employees) - 1 if kind == REMINDER else 0)
    # Both workers run before the first mail leaves: the kill would otherwise meet one that is still starting.
    ground.stack.need(**dict.fromkeys(BEATS, "hurry_notifications"), **dict.fromkeys(WORKERS, broken))
    inbox.log.clear()
    inbox.seen, inbox.at = 0, (stage, number)
    inbox.strike = lambda: [ground.stack.signal_group(name, signal.SIGKILL) for name in WORKERS] and None
    with transaction.atomic():
        for each in (REMINDER, NOTICE):
            record_event(each, subject=str(tally.trials), campaign_id=ground.campaign.pk, employees=employees)
    if not tally.expect(ground.within(DONE_WITHIN, lambda: inbox.at == ("", 0)), "the mail to kill at never came"):
        return
    if dice.random() < 0.5:
        ground.stack.broker.wipe()
        tally.count("brokers wiped")
    _let_claims_lapse()
    took = ground.within(NEVER_DONE_AFTER if tally.eager else DONE_WITHIN, _is_done)
    if tally.expect(took is not None, "notifications wait or are being sent for ever"):
        tally.recoveries.append(took or 0.0)
    _compare(tally, inbox)


def _let_claims_lapse() -> None:
    """A claim lapses after ten minutes, for which the test does not wait."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE notifications_notification SET claimed_at = claimed_at - interval '11 minutes'")


def _is_done() -> bool:
    unfinished = Notification.objects.filter(state__in=["due", "sending"])
    return not Event.objects.exists() and not unfinished.exists()


def _compare(tally: Tally, inbox: Inbox) -> None:
    arrived = Counter(message_id for _to, message_id in inbox.log)
    by_row: dict[int, set[str]] = defaultdict(set)
    for message_id in arrived:
        by_row[int(message_id.split("-")[1])].add(message_id)
    # Others can come by the calendar: on a Monday the digests of managers.
    rows = Notification.objects.filter(channel="email", kind__in=[REMINDER, NOTICE])
    for row in rows.select_related("employee"):
        mails = sum(arrived[message_id] for message_id in by_row[row.pk])
        who = row.employee.staff_no if row.employee else ""
        if who == LEAVER:
            tally.expect(mails == 0, "a leaver received a mail")
            continue
        tally.expect(len(by_row[row.pk]) <= 1, f"{row.kind} of {who} came as {len(by_row[row.pk])} messages")
        if row.kind == REMINDER:
            tally.expect(mails <= 1, f"a reminder of {who} came {mails} times")
            tally.expect(mails or row.state == "failed", f"a reminder of {who} is lost and not recorded")
            tally.count("lost reminders", not mails)
        else:
            tally.expect(mails >= 1, f"a notice of {who} is lost")
            tally.count("repeated notices", mails - 1)
        tally.count("mails", mails)


@contextmanager
def _mail_server() -> Iterator[Inbox]:
    """The server, and the environment of processes that send to it at any hour."""
    inbox = Inbox()
    controller = AnyPort(inbox, hostname="127.0.0.1", port=0)
    controller.start()
    wanted = {
        "EMAIL_URL": f"smtp://127.0.0.1:{controller.port}", "QUIET_HOURS": "", "QUIET_DAYS": "",
        "NOTIFICATIONS_PER_SECOND": "1000",
    }  # fmt: skip
    try:
        with patch.dict(os.environ, wanted):
            yield inbox
    finally:
        controller.stop()
