"""Evaluate employees: one statement turns facts into standings for any set of employees and records every change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from psycopg2.sql import SQL

from apps.campaigns.models import Campaign
from apps.campaigns.population import employee_ids_sql
from apps.contacts.services.submissions import lock_employees
from apps.core.clock import db_now
from apps.core.locks import lock_facts
from apps.core.outbox import pop_outbox
from apps.core.sql import compose, named_row, statement
from apps.employees.models import Employee
from apps.standings.evaluation import employees_holding_identity_sql, evaluation_ctes
from apps.standings.models import StandingChange

# The most employee rows that one transaction locks, and the most outbox rows that it takes.
BATCH_SIZE = 5_000

MARK = statement("standings", "marking", "mark")
STATUS_SINCE = statement("standings", "marking", "status_since")
STATUS_SINCE_REPAIRED = statement("standings", "marking", "status_since_repaired")
GIVEN_IDENTITIES = statement("standings", "marking", "given_identities")


@dataclass
class Mark:
    """The figures of an evaluation: employees, counted contacts, red employees, changes of status, rows written."""

    employees: int = 0
    counted: int = 0
    red: int = 0
    turned_red: int = 0
    # "turned not red". Runs store these names as JSON and mark_standings prints them, so the name stays.
    turned_green: int = 0
    written: int = 0


def mark_standings(
    *, campaign: Campaign, employees: list[int], now: datetime, cause: str = StandingChange.Cause.MARK
) -> Mark:
    """Evaluate these employees from the facts, just before `now`; write only differences, record every status change.

    The caller's transaction holds the facts lock and the locks on the campaign's row and the employees' rows. It reads
    `now` after it has them. An employee who is not in the population loses the standing.
    """
    if not employees:
        return Mark()
    # Read the newest rule under the locks: an older version could overwrite a newer standing.
    rule = campaign.rules.latest("version")
    status_since = compose(STATUS_SINCE, now=now, opens_at=rule.opens_at)
    if cause == StandingChange.Cause.REPAIR:
        status_since = compose(STATUS_SINCE_REPAIRED, campaign=campaign.pk, now=now)
    mark = compose(
        MARK, employees=SQL(employee_ids_sql(employees)), campaign=campaign.pk, now=now, cause=str(cause),
        evaluation=SQL(evaluation_ctes(rule, now, "SELECT id FROM chosen")),
        status_since=SQL(status_since),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(mark)
        return Mark(**named_row(cursor))


def lock_campaigns(at: datetime, only: Campaign | None = None) -> list[Campaign]:
    """Return the campaigns to evaluate at `at`; lock their rows against a freeze until the transaction ends."""
    # The filter runs again under the lock (lock_shared): a freeze may have fixed the snapshot meanwhile.
    campaigns = Campaign.objects.to_mark(at)
    if only is not None:
        campaigns = campaigns.filter(pk=only.pk)
    return list(campaigns.lock_shared(*campaigns.values_list("pk", flat=True)))


def mark_outbox() -> int:
    """Take rows from the outbox and evaluate their employees in every campaign; return how many rows it took.

    One transaction deletes the outbox rows and stores the standings, so no evaluation is lost.
    """
    with transaction.atomic():
        lock_facts()
        # The outbox before the campaigns, which breaks no lock order: it is read with SKIP LOCKED.
        touched = pop_outbox(BATCH_SIZE)
        # After the rows are taken: a campaign that opens in between must not miss them.
        campaigns = lock_campaigns(db_now())
        # Sorted, because every transaction locks employees by id.
        ids = sorted({*touched.employees, *_holders(touched.identities)})
        for begin in range(0, len(ids), BATCH_SIZE):
            employees = ids[begin : begin + BATCH_SIZE]
            lock_employees(employees)
            # Read after the locks: an instant from before them could miss a fact that was committed in between.
            now = db_now()
            for campaign in campaigns:
                mark_standings(campaign=campaign, employees=employees, now=now)
    return touched.rows


def _holders(identities: Sequence[tuple[str, bytes]]) -> list[int]:
    if not identities:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            employees_holding_identity_sql(GIVEN_IDENTITIES),
            {"kinds": [kind for kind, _ in identities], "digests": [digest for _, digest in identities]},
        )
        return [employee for (employee,) in cursor.fetchall()]


def mark_range(campaign: Campaign, employees: list[int]) -> Mark:
    """Lock and evaluate these employees. The caller's transaction holds the facts lock and the campaign's row."""
    lock_employees(employees)
    return mark_standings(campaign=campaign, employees=employees, now=db_now())


def ranges() -> Iterator[list[int]]:
    """Yield the ids of all employees in order, in lists of at most BATCH_SIZE."""
    # By the last id and not by OFFSET, which would read all earlier rows again for each list.
    last = 0
    while employees := list(
        Employee.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH_SIZE]
    ):
        yield employees
        last = employees[-1]
