"""The daily limit of contacts that an employee records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection

from apps.contacts.drafts import IDENTITIES_OF_ONE
from apps.core.sql import statement

RECORDED_TODAY = statement("contacts", "recording", "recorded_today")


def remaining_today(employee_ids: Iterable[int], at: datetime) -> dict[int, int]:
    """Return how many more contacts each of these employees may record on the day of `at`.

    Contacts from the feed do not count towards the limit; ended contacts still do, and those with many identities count
    as several. Negative when the last one did. The caller holds the locks on the employees' rows.
    """
    employees = sorted(set(employee_ids))
    # The company's day, not the employee's: a limit per local day would start anew with another time zone.
    start = at.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(
            RECORDED_TODAY,
            {
                "employees": employees,
                "day_starts_at": start,
                "day_ends_at": start + timedelta(days=1),
                "identities_of_one": IDENTITIES_OF_ONE,
            },
        )
        recorded = dict(cursor.fetchall())
    limit = settings.MAX_CONTACTS_PER_EMPLOYEE_AND_DAY
    return {employee_id: limit - recorded.get(employee_id, 0) for employee_id in employees}
