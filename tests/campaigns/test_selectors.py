"""Which campaign a page shows when the user chose none: the result of the night must not vanish from first pages."""

from datetime import date
from typing import Any

import pytest

from apps.campaigns.selectors import select_campaign
from tests.fixtures import Clock
from tests.people import november


def shown() -> str:
    campaign = select_campaign(None, None).campaign
    return campaign.name if campaign else ""


def opened(name: str, first: date, last: date, **terms: Any) -> None:
    november(name=name, opens_on=first, deadline=last, **terms)


@pytest.mark.parametrize(
    ("at", "name"),
    [
        ("2026-10-31T12:00:00+08:00", "November"),  # the next that opens
        ("2026-11-15T12:00:00+08:00", "November"),  # runs, although another opens sooner than it ends
        ("2026-11-19T12:00:00+08:00", "Short"),  # both run: the nearest cut-off
        ("2026-12-01T00:00:00+08:00", "November"),  # over, and its result can be disputed
        ("2026-12-14T23:59:59+08:00", "November"),
        ("2026-12-15T00:00:00+08:00", "Spring"),  # the next that opens
        ("2027-04-02T12:00:00+08:00", "Spring"),
    ],
)
def test_the_default_campaign(clock: Clock, at: str, name: str) -> None:
    clock.set("2026-10-01T12:00:00+08:00")
    opened("November", date(2026, 11, 1), date(2026, 11, 30))
    opened("Short", date(2026, 11, 18), date(2026, 11, 20))
    opened("Spring", date(2027, 4, 1), date(2027, 4, 30))
    clock.set(at)
    assert shown() == name
