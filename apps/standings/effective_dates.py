"""Process effective dates: employees join, leave and move, adjustments begin and end, campaigns open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.core.audit import SYSTEM
from apps.core.clock import db_now
from apps.core.events import record_event
from apps.core.locks import lock_facts, lock_org_tree
from apps.core.models import Setting
from apps.core.outbox import identity_tracking_on, queue_reevaluation, set_identity_tracking
from apps.core.sql import statement
from apps.employees.models import Employee
from apps.employees.org_tree import rebuild_tree
from apps.standings.start_run import reevaluate_all

# The name of the stored setting, older than the word effective date.
PROCESSED_UNTIL = "time_followed_until"
# The first call covers all of the past, so that an imported company needs no special start.
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
# After a longer interruption, employees are not notified of what ended before that.
NEWS_FOR = timedelta(days=2)

EMPLOYMENT_AND_PLACEMENT = statement("standings", "effective_dates", "employment_and_placement")
ADJUSTMENTS = statement("standings", "effective_dates", "adjustments")
RECORD_ENDINGS = statement("standings", "effective_dates", "record_endings")
OPENED_CAMPAIGNS = statement("standings", "effective_dates", "opened_campaigns")
QUEUE_IDENTITIES = statement("standings", "effective_dates", "queue_identities")


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
        processed_until = Setting.objects.select_for_update().get(name=PROCESSED_UNTIL)
        until = now or db_now()
        since = datetime.fromisoformat(processed_until.value)
        # A concurrent call has processed the window while this one waited for the row.
        if until <= since:
            return 0
        window = {"since": since, "until": until}
        with connection.cursor() as cursor:
            people = _ids(cursor, EMPLOYMENT_AND_PLACEMENT, window)
            adjusted, opened = _ids(cursor, ADJUSTMENTS, window), _ids(cursor, OPENED_CAMPAIGNS, window)
            if people:
                # The tree shows one day; a move that begins today changes it without a write.
                rebuild_tree(until)
                cursor.execute(QUEUE_IDENTITIES, {"employees": sorted(people)})
            # The first call covers all of the past, of which employees are not notified.
            cursor.execute(RECORD_ENDINGS, {"since": max(since, until - NEWS_FOR), "until": until})
        # In the transaction that stores `until`: no window is processed without its outbox rows.
        queue_reevaluation(people | adjusted)
        for campaign in Campaign.objects.filter(pk__in=opened).order_by("pk"):
            reevaluate_all(campaign, cause="opened", by=SYSTEM)
            # An older version can open in this window although HR has postponed the opening.
            if not campaign.backdated and campaign.rule.opens_at <= until:
                record_event("campaign_opened", subject=campaign.pk, campaign_id=campaign.pk)
        processed_until.value = until.isoformat()
        processed_until.save(update_fields=["value"])
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
    evaluated = Campaign.objects.filter(state__in=["draft", "open", "closing"], snapshot_at=None).prefetch_related(
        "rules"
    )
    # A draft may have no rule yet, and `rule` raises then.
    return any(campaign.rules.exists() and campaign.rule.exclusive for campaign in evaluated)


def _ids(cursor: Any, select: str, window: dict[str, datetime]) -> set[int]:
    cursor.execute(select, window)
    return {row_id for (row_id,) in cursor.fetchall()}
