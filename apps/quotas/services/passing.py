"""What time alone changes: people join and leave, move, adjustments begin and end, campaigns open."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from apps.employees.services import rebuild_tree
from apps.ledger.models import Setting
from apps.ledger.services import clock, hold_facts, note_employees

FOLLOWED = "time_followed_until"
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)

# A fact dated B is in force for every look after B, so the half-open window is [since, until).
PEOPLE = """
SELECT employee_id FROM employees_employment WHERE starts_at >= %(since)s AND starts_at < %(until)s
UNION SELECT employee_id FROM employees_employment WHERE ends_at >= %(since)s AND ends_at < %(until)s
UNION SELECT employee_id FROM employees_placement WHERE starts_at >= %(since)s AND starts_at < %(until)s
"""
ADJUSTED = """
SELECT employee_id FROM quotas_adjustment
WHERE starts_at >= %(since)s AND starts_at < %(until)s AND granted_at IS NOT NULL
UNION SELECT employee_id FROM quotas_adjustment
WHERE ends_at >= %(since)s AND ends_at < %(until)s AND granted_at IS NOT NULL
"""
OPENED = """
SELECT EXISTS (SELECT 1 FROM quotas_campaign campaign JOIN quotas_campaignrule rule ON rule.campaign_id = campaign.id
    WHERE campaign.state = 'open' AND rule.opens_at >= %(since)s AND rule.opens_at < %(until)s)
"""
# A colleague who joins makes other people's contacts internal.
COLLEAGUES = """
INSERT INTO ledger_outbox (kind, digest) SELECT kind, digest FROM employees_employeeidentity
WHERE employee_id = ANY(%(employees)s)
"""


def follow_time(now: datetime | None = None) -> int:
    """Note everyone for whom a dated fact began or ended since the last call; returns how many were noted.

    Called every minute and before every recount. Whoever calls first does it for all; missed hours are made up for
    at once, since the window begins where the last one ended.
    """
    with transaction.atomic():
        hold_facts()
        Setting.objects.get_or_create(name=FOLLOWED, defaults={"value": BEGINNING.isoformat()})
        followed = Setting.objects.select_for_update().get(name=FOLLOWED)
        until = now or clock()
        since = datetime.fromisoformat(followed.value)
        if until <= since:
            return 0
        window = {"since": since, "until": until}
        with connection.cursor() as cursor:
            people, adjusted = _ids(cursor, PEOPLE, window), _ids(cursor, ADJUSTED, window)
            cursor.execute(OPENED, window)
            if cursor.fetchone()[0]:
                adjusted |= _ids(cursor, "SELECT id FROM employees_employee", {})
            if people:
                rebuild_tree(until)
                cursor.execute(COLLEAGUES, {"employees": sorted(people)})
        note_employees(people | adjusted)
        followed.value = until.isoformat()
        followed.save(update_fields=["value"])
    return len(people | adjusted)


def _ids(cursor: Any, statement: str, window: dict[str, datetime]) -> set[int]:
    cursor.execute(statement, window)
    return {employee for (employee,) in cursor.fetchall()}
