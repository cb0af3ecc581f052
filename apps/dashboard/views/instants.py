"""The days in an address: the end of the day that a page shows, and of the one that it is compared with."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import BadRequest
from django.utils.translation import gettext as _

# The earliest year of a page: arithmetic on days near the start of the calendar overflows.
FIRST_YEAR = 1970


class InvalidParameter(BadRequest):
    """A value in the address that cannot be used. The error page shows the message, which names the parameter."""


def end_of_day(name: str, text: str, zone: ZoneInfo) -> datetime:
    """The end of the day in the parameter `name`. Raises InvalidParameter."""
    try:
        day = date.fromisoformat(text)
        # Before that year time zones have offsets with seconds, and the first year has no day before.
        if day.year < FIRST_YEAR:
            raise ValueError(text)
        return datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    except (ValueError, OverflowError) as unreadable:
        raise InvalidParameter(_("“%(name)s” has to be a day such as 2026-11-03.") % {"name": name}) from unreadable


def day_before(end: datetime, zone: ZoneInfo) -> date:
    """The local day that ends at an instant."""
    return (end - timedelta(microseconds=1)).astimezone(zone).date()
