"""No notification wakes a person: quiet hours hold to the minute, in every zone and across a change of the clocks."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.core.time_zones import zone_of
from apps.notifications.quiet_hours import QuietHours, configured_quiet_hours

MINUTE = timedelta(minutes=1)
ZONES = (
    "Asia/Shanghai", "UTC", "America/New_York", "Pacific/Kiritimati", "Asia/Kathmandu", "Australia/Lord_Howe",
)  # fmt: skip


def is_quiet(local: datetime) -> bool:
    """The rule in the words of the handbook, apart from the program."""
    return local.weekday() >= 5 or local.hour >= 20 or local.hour < 8


@pytest.mark.parametrize("name", ZONES)
@pytest.mark.parametrize("first_day", [datetime(2026, 3, 6, tzinfo=UTC), datetime(2026, 10, 30, tzinfo=UTC)])
def test_every_minute_of_eleven_days_has_its_first_allowed_minute(name: str, first_day: datetime) -> None:
    """The clocks of New York change in both periods, on 8 March and 1 November; the next test is of Lord Howe."""
    zone, quiet = ZoneInfo(name), QuietHours()
    minutes = [first_day + n * MINUTE for n in range(11 * 24 * 60)]
    allowed: datetime | None = None
    # Backwards, so that the first allowed minute after each is known.
    for minute in reversed(minutes):
        if not is_quiet(minute.astimezone(zone)):
            allowed = minute
        if allowed is not None:
            assert quiet.next_allowed(minute, zone) == allowed, minute.astimezone(zone)


@pytest.mark.parametrize("first_day", [datetime(2026, 4, 3, tzinfo=UTC), datetime(2026, 10, 2, tzinfo=UTC)])
def test_a_clock_change_of_half_an_hour_moves_no_morning(first_day: datetime) -> None:
    zone, quiet = ZoneInfo("Australia/Lord_Howe"), QuietHours()
    for minute in (first_day + n * MINUTE for n in range(4 * 24 * 60)):
        local = quiet.next_allowed(minute, zone).astimezone(zone)
        assert not is_quiet(local)
        if is_quiet(minute.astimezone(zone)):
            assert local.time() == time(8)


@pytest.mark.parametrize(
    ("local", "allowed"),
    [
        ("2026-11-23T19:59:59.999999", "2026-11-23T19:59:59.999999"),
        ("2026-11-23T20:00:00", "2026-11-24T08:00:00"),
        ("2026-11-24T07:59:59.999999", "2026-11-24T08:00:00"),
        ("2026-11-24T08:00:00", "2026-11-24T08:00:00"),
        ("2026-11-27T20:00:00", "2026-11-30T08:00:00"),  # Friday evening
        ("2026-11-28T12:00:00", "2026-11-30T08:00:00"),  # Saturday noon
    ],
)
@pytest.mark.parametrize("name", ZONES)
def test_the_borders_are_exact(name: str, local: str, allowed: str) -> None:
    zone = ZoneInfo(name)
    at, until = (datetime.fromisoformat(text).replace(tzinfo=zone) for text in (local, allowed))
    assert QuietHours().next_allowed(at, zone) == until


@pytest.mark.parametrize(
    ("hours", "days", "at", "allowed"),
    [
        ("", [], "2026-11-28T03:00", "2026-11-28T03:00"),  # nothing is quiet
        ("", ["sun"], "2026-11-29T03:00", "2026-11-30T00:00"),  # a quiet day ends at midnight
        ("12:00-14:00", ["sat", "sun"], "2026-11-28T15:00", "2026-11-30T00:00"),
        ("12:00-14:00", [], "2026-11-30T13:00", "2026-11-30T14:00"),
        ("22:30-06:15", ["fri"], "2026-11-26T23:00", "2026-11-28T06:15"),
    ],
)
def test_an_installation_sets_its_own_hours(settings: object, hours: str, days: list[str], at: str, allowed: str):
    settings.QUIET_HOURS, settings.QUIET_DAYS = hours, days  # type: ignore[attr-defined]
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert configured_quiet_hours().next_allowed(instant, ZoneInfo("UTC")) == datetime.fromisoformat(allowed).replace(
        tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("hours", "days"), [("8-20", []), ("20:00-24:30", []), ("", ["weekend"]), ("", list("x"))]
)  # fmt: skip
def test_other_texts_are_refused(settings: object, hours: str, days: list[str]) -> None:
    settings.QUIET_HOURS, settings.QUIET_DAYS = hours, days  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"QUIET_HOURS|not in"):
        configured_quiet_hours()


def test_a_person_without_a_zone_has_the_company_s(settings: object) -> None:
    settings.TIME_ZONE = "Asia/Shanghai"  # type: ignore[attr-defined]
    assert [zone_of(name).key for name in ("", "Mars/Base", "Europe/Paris")] == [
        "Asia/Shanghai", "Asia/Shanghai", "Europe/Paris",
    ]  # fmt: skip
