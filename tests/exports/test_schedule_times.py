"""A scheduled file is due at its hour on the owner's clock, to the minute, also where clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from apps.exports.schedule_times import Period, Timing, end_of_day, last_period, next_period

MINUTE = timedelta(minutes=1)


def daily(zone: str, hour: int = 8) -> Timing:
    return Timing(hour, None, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("zone", "hour", "day", "due"),
    [
        ("Asia/Shanghai", 8, "2026-11-24", "2026-11-24T00:00Z"),
        ("America/Los_Angeles", 8, "2026-11-24", "2026-11-24T16:00Z"),
        ("Asia/Kathmandu", 8, "2026-11-24", "2026-11-24T02:15Z"),
        ("Pacific/Kiritimati", 0, "2026-11-24", "2026-11-23T10:00Z"),
        # The clock goes forward from 02:00 to 03:00, so the day has no 02:00; the next day has it again.
        ("America/New_York", 2, "2026-03-08", "2026-03-08T07:00Z"),
        ("America/New_York", 2, "2026-03-09", "2026-03-09T06:00Z"),
        ("America/New_York", 8, "2026-03-07", "2026-03-07T13:00Z"),
        ("America/New_York", 8, "2026-03-08", "2026-03-08T12:00Z"),
        # The clock goes back from 02:00 to 01:00: of two hours, the first.
        ("America/New_York", 1, "2026-11-01", "2026-11-01T05:00Z"),
        ("America/New_York", 2, "2026-11-01", "2026-11-01T07:00Z"),
        # Forward from 02:00 to 02:30.
        ("Australia/Lord_Howe", 2, "2026-10-04", "2026-10-03T15:30Z"),
        # Forward at midnight: the day begins at 01:00.
        ("Africa/Cairo", 0, "2026-04-24", "2026-04-23T22:00Z"),
        ("Europe/Berlin", 8, "2026-10-25", "2026-10-25T07:00Z"),
        ("Europe/Berlin", 8, "2026-10-24", "2026-10-24T06:00Z"),
    ],
)
def test_a_daily_file_comes_at_its_minute(zone: str, hour: int, day: str, due: str) -> None:
    expected = Period(datetime.fromisoformat(due), date.fromisoformat(day))
    timing = daily(zone, hour)
    assert next_period(timing, expected.at - MINUTE) == expected
    assert last_period(timing, expected.at - MINUTE) < expected
    assert last_period(timing, expected.at) == last_period(timing, expected.at + MINUTE) == expected
    assert next_period(timing, expected.at) > expected


def test_a_weekly_file_comes_on_its_local_weekday() -> None:
    """Monday, 08:00 in Auckland is Sunday in the campaign's zone."""
    timing = Timing(8, 0, ZoneInfo("Pacific/Auckland"))
    monday = next_period(timing, datetime(2026, 11, 18, tzinfo=UTC))
    assert monday == Period(datetime(2026, 11, 22, 19, tzinfo=UTC), date(2026, 11, 23))
    assert next_period(timing, monday.at).day == date(2026, 11, 30)
    assert last_period(timing, monday.at - MINUTE).day == date(2026, 11, 16)


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Africa/Cairo", "UTC"])
@pytest.mark.parametrize("weekday", [None, 6])
def test_no_period_of_a_year_is_left_out_or_comes_twice(zone: str, weekday: int | None) -> None:
    for hour in (0, 1, 2, 3, 23):
        timing = Timing(hour, weekday, ZoneInfo(zone))
        period = next_period(timing, datetime(2026, 1, 1, tzinfo=UTC))
        days = [period.day]
        while period.day.year == 2026:
            assert last_period(timing, next_period(timing, period.at).at - MINUTE) == period
            period = next_period(timing, period.at)
            days.append(period.day)
        step = timedelta(days=1 if weekday is None else 7)
        assert days == [days[0] + n * step for n in range(len(days))]


def test_a_last_day_ends_at_its_local_midnight() -> None:
    assert end_of_day(date(2026, 11, 1), ZoneInfo("America/New_York")) == datetime(2026, 11, 2, 5, tzinfo=UTC)
