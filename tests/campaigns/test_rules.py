"""The rule as a table: the pure functions that decide red."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.campaigns import rules
from tests.standings import rules_oracle
from tests.standings.rules_oracle import ContactFacts, CountingRule

TICK = timedelta(microseconds=1)
OPENS, CUTOFF = datetime(2026, 10, 31, 16, tzinfo=UTC), datetime(2026, 11, 30, 16, tzinfo=UTC)
TERMS = CountingRule(OPENS, CUTOFF)
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)


def contact(at: datetime = NOON, **facts: object) -> ContactFacts:
    return ContactFacts(**{"recorded_at": at, "stored_at": at, **facts})


@pytest.mark.parametrize(
    ("counted", "target", "exempt", "red"),
    [
        (99, 100, False, True), (100, 100, False, False), (101, 100, False, False), (0, 1, False, True),
        (1, 1, False, False), (0, 100, True, False), (99, 100, True, False), (100, 100, True, False),
    ],
)  # fmt: skip
def test_ninety_nine_is_red_and_nobody_exempt_is(counted: int, target: int, exempt: bool, red: bool) -> None:
    assert rules.is_red(counted, target, exempt) is red


@pytest.mark.parametrize(("counted", "missing"), [(0, 100), (99, 1), (100, 0), (101, 0), (5_000, 0)])
def test_what_is_left_is_never_negative(counted: int, missing: int) -> None:
    assert rules.remaining(counted, 100) == missing


LATER = CUTOFF + timedelta(days=1)


@pytest.mark.parametrize(
    ("facts", "terms", "at", "reason"),
    [
        (contact(), {}, LATER, ""),
        (contact(OPENS), {}, LATER, ""),
        (contact(OPENS - TICK), {}, LATER, "outside_period"),
        (contact(CUTOFF - TICK), {}, LATER, ""),
        (contact(CUTOFF), {}, LATER, "outside_period"),
        (contact(ended_at=NOON), {}, LATER, "ended"),
        (contact(ended_at=NOON + TICK), {}, NOON + TICK, ""),
        (contact(ended_at=NOON + TICK), {}, NOON + 2 * TICK, "ended"),
        (contact(ended_at=CUTOFF - TICK), {}, LATER, "ended"),
        (contact(ended_at=CUTOFF), {}, LATER, ""),
        (contact(ended_at=LATER), {}, LATER + TICK, ""),
        (contact(is_colleague=True), {}, LATER, "not_external"),
        (contact(domains={"corp.example.com"}), {"company_domains": {"corp.example.com"}}, LATER, "not_external"),
        (contact(domains={"eu.corp.example.com"}), {"company_domains": {"corp.example.com"}}, LATER, "not_external"),
        (contact(domains={"xcorp.example.com"}), {"company_domains": {"corp.example.com"}}, LATER, ""),
        (contact(domains={"example.com"}), {"company_domains": {"corp.example.com"}}, LATER, ""),
        (contact(was_external=False), {}, LATER, "not_external"),
        (contact(was_external=True), {}, LATER, ""),
        (contact(was_external=True, is_colleague=True), {}, LATER, "not_external"),
        (contact(), {"confirmed_only": True}, LATER, "unconfirmed"),
        (contact(confirmed_at=NOON), {"confirmed_only": True}, NOON + TICK, ""),
        (contact(confirmed_at=NOON + TICK), {"confirmed_only": True}, NOON + TICK, "unconfirmed"),
        (contact(confirmed_at=CUTOFF - TICK), {"confirmed_only": True}, LATER, ""),
        (contact(confirmed_at=CUTOFF), {"confirmed_only": True}, LATER, "unconfirmed"),
        (contact(claimed_before=True), {}, LATER, ""),
        (contact(claimed_before=True), {"exclusive": True}, LATER, "claimed"),
        (contact(), {"snapshot_at": NOON}, LATER, ""),
        (contact(stored_at=NOON + TICK), {"snapshot_at": NOON}, LATER, "outside_period"),
    ],
)
def test_the_first_thing_that_is_wrong_is_the_reason(
    facts: ContactFacts, terms: dict[str, object], at: datetime, reason: str
) -> None:
    assert rules_oracle.reason(facts, CountingRule(OPENS, CUTOFF, **terms), at) == reason


def test_of_all_reasons_at_once_they_come_in_the_order_of_the_words() -> None:
    terms = CountingRule(OPENS, CUTOFF, exclusive=True, confirmed_only=True)
    wrong = {
        "recorded_at": CUTOFF - TICK, "ended_at": CUTOFF - TICK, "is_colleague": True, "claimed_before": True,
    }  # fmt: skip
    found = []
    for mended in ({}, {"ended_at": None}, {"is_colleague": False}, {"confirmed_at": NOON}, {"claimed_before": False}):
        wrong |= mended
        found.append(rules_oracle.reason(contact(**wrong), terms, LATER))
    assert found == ["ended", "not_external", "unconfirmed", "claimed", ""]
    assert rules.REASONS == ("ended", "outside_period", "not_external", "unconfirmed", "claimed")


# -- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "opens", "cutoff"),
    [
        ("Asia/Shanghai", "2026-10-31T16:00:00+00:00", "2026-11-30T16:00:00+00:00"),
        ("UTC", "2026-11-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00"),
        ("America/New_York", "2026-11-01T04:00:00+00:00", "2026-12-01T05:00:00+00:00"),
        ("Pacific/Kiritimati", "2026-10-31T10:00:00+00:00", "2026-11-30T10:00:00+00:00"),
        ("Etc/GMT+12", "2026-11-01T12:00:00+00:00", "2026-12-01T12:00:00+00:00"),
        ("Asia/Kathmandu", "2026-10-31T18:15:00+00:00", "2026-11-30T18:15:00+00:00"),
    ],
)
def test_november_begins_and_ends_at_local_midnight_whatever_the_clocks_do_in_between(
    zone: str, opens: str, cutoff: str
) -> None:
    found = rules.period(date(2026, 11, 1), date(2026, 11, 30), zone)
    assert tuple(at.isoformat() for at in found) == (opens, cutoff)


@pytest.mark.parametrize(
    ("zone", "day", "first"),
    [
        # The clock jumps over midnight: the day begins after the jump.
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00:00+00:00"),
        ("Asia/Beirut", date(2026, 3, 29), "2026-03-28T22:00:00+00:00"),
        # Midnight occurs twice: the day begins with the first one.
        ("America/Havana", date(2026, 11, 1), "2026-11-01T04:00:00+00:00"),
        # A day that this place never had begins with the next one.
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00:00+00:00"),
    ],
)
def test_a_day_without_or_with_two_midnights_still_begins_once(zone: str, day: date, first: str) -> None:
    start = rules.start_of_day(day, zone)
    assert start.isoformat() == first
    assert start.astimezone(ZoneInfo(zone)).date() == day
    assert (start - TICK).astimezone(ZoneInfo(zone)).date() < day


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(sorted(available_timezones())),
    day=st.dates(date(2020, 1, 1), date(2035, 1, 1)),
    n=st.integers(0, 90),
)
def test_every_instant_of_a_campaign_lies_on_one_of_its_local_days(zone: str, day: date, n: int) -> None:
    opens_at, cutoff_at = rules.period(day, day + timedelta(days=n), zone)
    assert opens_at < cutoff_at
    assert rules.period(day + timedelta(days=n + 1), day + timedelta(days=n + 1), zone)[0] == cutoff_at
    assert (cutoff_at - TICK).astimezone(ZoneInfo(zone)).date() <= day + timedelta(days=n)
    assert cutoff_at.astimezone(ZoneInfo(zone)).date() >= day + timedelta(days=n)


@pytest.mark.parametrize(
    ("at", "days"),
    [
        ("2026-11-01T00:00:00+08:00", 30), ("2026-11-29T23:59:59.999999+08:00", 2), ("2026-11-30T00:00:00+08:00", 1),
        ("2026-11-30T23:59:59.999999+08:00", 1), ("2026-12-01T00:00:00+08:00", 0), ("2027-01-01T00:00:00+08:00", 0),
    ],
)  # fmt: skip
def test_days_left_are_local_days_with_today(at: str, days: int) -> None:
    assert rules.days_left(CUTOFF, "Asia/Shanghai", datetime.fromisoformat(at)) == days


@pytest.mark.parametrize(
    ("missing", "days", "needed"), [(10, 3, 4), (9, 3, 3), (1, 8, 1), (0, 5, 0), (100, 1, 100), (7, 0, None)]
)
def test_needed_a_day_is_rounded_up_so_that_it_suffices(missing: int, days: int, needed: int | None) -> None:
    assert rules.needed_per_day(missing, days) == needed


@pytest.mark.parametrize(
    ("last", "began_on", "quiet"),
    [
        (date(2026, 11, 23), date(2026, 11, 1), 0), (date(2026, 11, 17), date(2026, 11, 1), 6),
        (date(2026, 11, 16), date(2026, 11, 1), 7), (None, date(2026, 11, 1), 23), (None, date(2026, 11, 23), 1),
        (None, date(2026, 11, 24), 0), (date(2026, 11, 2), date(2026, 11, 20), 4),
    ],
)  # fmt: skip
def test_quiet_days_end_today_and_begin_when_there_could_be_something(
    last: date | None, began_on: date, quiet: int
) -> None:
    assert rules_oracle.quiet_days(last, began_on, date(2026, 11, 23)) == quiet


def test_a_midnight_belongs_to_the_day_it_ends() -> None:
    midnight = datetime.fromisoformat("2026-11-23T00:00:00+08:00")
    assert rules.day_of(midnight, "Asia/Shanghai") == date(2026, 11, 22)
    assert rules.day_of(midnight + rules.MICROSECOND, "Asia/Shanghai") == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("counted", "elapsed_days", "pace"),
    [
        (100, 0, "done"), (101, 30, "done"), (0, 0, "on_pace"), (5, 0, "ahead"), (4, 0, "on_pace"),
        (50, 15, "on_pace"), (55, 15, "ahead"), (54, 15, "on_pace"), (45, 15, "on_pace"), (44, 15, "behind"),
        (99, 30, "on_pace"), (95, 30, "on_pace"), (94, 30, "behind"), (94, 300, "behind"), (0, -5, "on_pace"),
    ],
)  # fmt: skip
def test_pace_is_five_hundredths_of_the_target_around_the_straight_line(
    counted: int, elapsed_days: int, pace: str
) -> None:
    assert rules.pace(counted, 100, OPENS, CUTOFF, OPENS + timedelta(days=elapsed_days)) == pace


def test_half_the_time_expects_half_the_target() -> None:
    assert rules.expected(100, OPENS, CUTOFF, OPENS + (CUTOFF - OPENS) / 2) == 50
    assert rules.expected(100, OPENS, CUTOFF, OPENS - timedelta(days=1)) == 0
    assert rules.expected(100, OPENS, CUTOFF, CUTOFF + timedelta(days=1)) == 100
