"""Process effective dates: employees join, leave and move, adjustments begin and end, campaigns open."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.core.audit import SYSTEM
from apps.core.clock import db_now
from apps.core.locks import lock_facts, lock_org_tree
from apps.core.models import Setting
from apps.core.outbox import identity_tracking_on, queue_reevaluation, set_identity_tracking
from apps.employees.models import Employee
from apps.employees.org_tree import rebuild_tree
from apps.standings.start_run import reevaluate_all

PROCESSED_UNTIL = "time_followed_until"
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)

# A fact dated B is in force for every query with as_of after B, so the half-open window is [since, until).
PEOPLE = """
SELECT employee_id FROM employees_employment WHERE starts_at >= %(since)s AND starts_at < %(until)s
UNION SELECT employee_id FROM employees_employment WHERE ends_at >= %(since)s AND ends_at < %(until)s
UNION SELECT employee_id FROM employees_placement WHERE starts_at >= %(since)s AND starts_at < %(until)s
"""
ADJUSTED = """
SELECT employee_id FROM campaigns_adjustment
WHERE starts_at >= %(since)s AND starts_at < %(until)s AND granted_at IS NOT NULL
UNION SELECT employee_id FROM campaigns_adjustment
WHERE ends_at >= %(since)s AND ends_at < %(until)s AND granted_at IS NOT NULL
"""
OPENED = """
SELECT DISTINCT campaign.id FROM campaigns_campaign campaign
JOIN campaigns_campaignrule rule ON rule.campaign_id = campaign.id
WHERE campaign.state = 'open' AND rule.opens_at >= %(since)s AND rule.opens_at < %(until)s
"""
# A colleague who joins makes other employees' contacts internal, so their holders must be evaluated again.
COLLEAGUES = """
INSERT INTO core_outbox (kind, digest) SELECT kind, digest FROM employees_employeeidentity
WHERE employee_id = ANY(%(employees)s)
"""


def process_effective_dates(now: datetime | None = None) -> int:
    """Queue all employees for whom a dated fact began or ended since the last call; return how many.

    The scheduler calls this every minute, and every recount calls it first. Idempotent: the first caller processes the
    window. The window begins where the last one ended, so the next call also covers missed hours.
    """
    with transaction.atomic():
        lock_facts()
        # Before the first read: a roster import that runs over midnight may be writing another version of today's tree.
        lock_org_tree()
        Setting.objects.get_or_create(name=PROCESSED_UNTIL, defaults={"value": BEGINNING.isoformat()})
        followed = Setting.objects.select_for_update().get(name=PROCESSED_UNTIL)
        until = now or db_now()
        since = datetime.fromisoformat(followed.value)
        if until <= since:
            return 0
        window = {"since": since, "until": until}
        with connection.cursor() as cursor:
            people, adjusted = _ids(cursor, PEOPLE, window), _ids(cursor, ADJUSTED, window)
            opened = _ids(cursor, OPENED, window)
            if people:
                rebuild_tree(until)
                cursor.execute(COLLEAGUES, {"employees": sorted(people)})
        queue_reevaluation(people | adjusted)
        for campaign in Campaign.objects.filter(pk__in=opened).order_by("pk"):
            reevaluate_all(campaign, cause="opened", by=SYSTEM)
        followed.value = until.isoformat()
        followed.save(update_fields=["value"])
    return Employee.objects.count() if opened else len(people | adjusted)


def disable_unused_tracking() -> bool:
    """Stop tracking contact identities once no evaluated campaign counts exclusively; return True when it stopped.

    The exclusive facts lock separates the writers before from the writers after, as it does at an opening.
    """
    if not identity_tracking_on() or _exclusive_left():
        return False
    with transaction.atomic():
        lock_facts(exclusive=True)
        # Check again under the lock: an exclusive campaign may have opened meanwhile.
        if _exclusive_left():
            return False
        set_identity_tracking(False)
    return True


def _exclusive_left() -> bool:
    judged = Campaign.objects.filter(state__in=["draft", "open", "closing"], snapshot_at=None).prefetch_related("rules")
    return any(campaign.rules.exists() and campaign.rule.exclusive for campaign in judged)


def _ids(cursor: Any, statement: str, window: dict[str, datetime]) -> set[int]:
    cursor.execute(statement, window)
    return {employee for (employee,) in cursor.fetchall()}
