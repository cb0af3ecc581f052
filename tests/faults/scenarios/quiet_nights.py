"""N2: no notification leaves in the quiet hours of its recipient, in six zones and across changes of the clocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

from django.core import mail
from django.test.utils import override_settings

from apps.core.events import record_event
from apps.core.models import Event
from apps.employees.models import Employee
from apps.notifications import facts, planning
from apps.notifications.models import Notification
from apps.notifications.processing import process_notifications
from tests.faults.ground import Ground, Tally, dice_of
from tests.fixtures import Clock

ZONES = (
    "Asia/Shanghai", "UTC", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu", "Australia/Lord_Howe",
)  # fmt: skip
MINUTE = timedelta(minutes=1)
# Lord Howe changes on 4 October, New York on 1 November.
FIRST, LAST = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 5, tzinfo=UTC)


def nights(ground: Ground, trials: int, seed: int, broken: str = "") -> Tally:
    """A trial is one instant at which something happens to a person in each zone."""
    tally, clock = Tally(eager=bool(broken)), Clock()
    ground.stack.need()
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"), _break(broken):
        mail.outbox = []
        ground.fresh(at=FIRST, opens_on=date(2026, 9, 20), deadline=date(2026, 11, 30))
        people = dict(zip(ZONES, Employee.objects.order_by("pk"), strict=False))
        for zone, employee in people.items():
            Employee.objects.filter(pk=employee.pk).update(time_zone=zone)
        dice = dice_of(seed, "N2")
        minutes = int((LAST - FIRST) / MINUTE)
        while tally.trials < trials and not tally.failures:
            at = FIRST + dice.randrange(minutes) * MINUTE
            _one_instant(tally, clock, people, at, f"{seed}:{tally.trials}", ground.campaign.pk)
            tally.trials += 1
    clock.clear()
    return tally


def _one_instant(
    tally: Tally, clock: Clock, people: dict[str, Employee], at: datetime, subject: str, campaign: int
) -> None:
    Event.objects.all().delete()
    clock.set(at)
    ids = [employee.pk for employee in people.values()]
    record_event("adjustment_granted", subject=subject, campaign_id=campaign, employees=ids)
    process_notifications()
    allowed = {zone: first_allowed(at, ZoneInfo(zone)) for zone in ZONES}
    for instant in sorted({moment for wanted in allowed.values() for moment in (wanted - MINUTE, wanted)}):
        if instant > at:
            clock.set(instant)
            process_notifications()
    for zone, employee in people.items():
        row = Notification.objects.get(employee=employee, channel="email", subject_key=subject)
        local = at.astimezone(ZoneInfo(zone))
        tally.expect(row.sent_at == allowed[zone], f"{local}: sent at {row.sent_at}, wanted {allowed[zone]}")
        tally.count("deferred", allowed[zone] > at)


def first_allowed(at: datetime, zone: ZoneInfo) -> datetime:
    """Minute after minute, apart from the program's arithmetic."""
    while _is_quiet(at.astimezone(zone)):
        at += MINUTE
    return at


def _is_quiet(local: datetime) -> bool:
    return local.weekday() >= 5 or local.hour >= 20 or local.hour < 8


@contextmanager
def _break(broken: str) -> Iterator[None]:
    if broken != "zone_of_the_company":
        yield
        return
    with (
        patch.object(planning, "zone_of", lambda name: ZoneInfo("UTC")),
        patch.object(facts, "zone_of", lambda name: ZoneInfo("UTC")),
    ):
        yield
