"""Evaluate employees: one statement turns facts into standings for any set of employees and records every change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from django.db import connection, transaction

from apps.campaigns.models import Campaign
from apps.campaigns.population import employee_ids_sql
from apps.contacts.services.submissions import lock_employees
from apps.core.clock import db_now
from apps.core.locks import lock_facts
from apps.core.outbox import pop_outbox
from apps.core.sql import sql_literal
from apps.employees.models import Employee
from apps.standings.evaluation import clean_sql, employees_holding_identity_sql, evaluation_ctes
from apps.standings.models import StandingChange

# The most employee rows that one transaction locks, and the most outbox rows that it takes.
AT_MOST = 5_000

TAKEN = "SELECT *, NULL::timestamptz AS queued_at FROM unnest(%s::text[], %s::bytea[]) AS taken(kind, digest)"
MARK = """
WITH chosen AS MATERIALIZED ({employees}), {judgement}, {clean},
old AS (SELECT * FROM standings_standing WHERE campaign_id = {campaign} AND employee_id IN (SELECT id FROM chosen)),
old_days AS MATERIALIZED (
    SELECT * FROM standings_dailycount WHERE campaign_id = {campaign} AND employee_id IN (SELECT id FROM chosen)),
changed AS (
    SELECT verdict.*, is_red(verdict.counted, verdict.target, verdict.exempt) AS red, old.red AS was_red,
           {since} AS status_since, clean.last_disqualified_at
    FROM verdict JOIN clean USING (employee_id) LEFT JOIN old USING (employee_id)
    WHERE old.id IS NULL OR old.target_reached_at IS DISTINCT FROM verdict.target_reached_at
       OR old.last_disqualified_at IS DISTINCT FROM clean.last_disqualified_at
       OR old.last_counted_on IS DISTINCT FROM verdict.last_counted_on
       OR (old.counted, old.target, old.exempt) <> (verdict.counted, verdict.target, verdict.exempt)),
gone AS (
    DELETE FROM standings_standing WHERE id IN (SELECT id FROM old)
    AND NOT EXISTS (SELECT 1 FROM people WHERE people.employee_id = standings_standing.employee_id)
    RETURNING employee_id),
gone_days AS (
    DELETE FROM standings_dailycount WHERE id IN (
        SELECT id FROM old_days LEFT JOIN daily USING (employee_id, day) WHERE daily.day IS NULL)
    RETURNING employee_id),
days AS (
    INSERT INTO standings_dailycount (campaign_id, employee_id, day, count)
    SELECT {campaign}, employee_id, day, daily.count FROM daily LEFT JOIN old_days USING (employee_id, day)
    WHERE old_days.count IS DISTINCT FROM daily.count
    ON CONFLICT (campaign_id, employee_id, day) DO UPDATE SET count = excluded.count
    RETURNING employee_id),
{kept},
written AS (
    INSERT INTO standings_standing (campaign_id, employee_id, counted, target, exempt, target_reached_at,
    status_since, verdict_changed_at,
        last_disqualified_at, last_counted_on)
    SELECT {campaign}, employee_id, counted, target, exempt, target_reached_at, status_since, {now},
    last_disqualified_at, last_counted_on
    FROM changed
    ON CONFLICT (campaign_id, employee_id) DO UPDATE SET counted = excluded.counted, target = excluded.target,
        exempt = excluded.exempt, target_reached_at = excluded.target_reached_at, last_disqualified_at =
        excluded.last_disqualified_at,
        last_counted_on = excluded.last_counted_on,
        verdict_changed_at = CASE WHEN standings_standing.target_reached_at IS DISTINCT FROM excluded.target_reached_at
                OR (standings_standing.counted, standings_standing.target, standings_standing.exempt)
                   <> (excluded.counted, excluded.target, excluded.exempt)
            THEN excluded.verdict_changed_at ELSE standings_standing.verdict_changed_at END,
        status_since = CASE WHEN standings_standing.red = is_red(excluded.counted, excluded.target, excluded.exempt)
                THEN standings_standing.status_since ELSE excluded.status_since END),
flips AS (
    INSERT INTO standings_standingchange (campaign_id, employee_id, at, red, counted, target, exempt, cause)
    SELECT {campaign}, employee_id, {now}, red, counted, target, exempt, {cause} FROM changed WHERE was_red <> red
    RETURNING red)
SELECT count(*), coalesce(sum(counted), 0), count(*) FILTER (WHERE is_red(counted, target, exempt)),
       (SELECT count(*) FROM flips WHERE red), (SELECT count(*) FROM flips WHERE NOT red),
       (SELECT count(*) FROM changed)
FROM verdict
"""

# The previous figures of each changed employee, as a delta for the summaries (build_summaries.py). Nothing is inserted
# for a campaign without summaries.
KEPT = """kept AS (
    INSERT INTO standings_summarydelta (campaign_id, employee_id, counted, target, exempt, days, counts)
    SELECT {campaign}, employee_id, old.counted, old.target, old.exempt,
           coalesce(had.days, '{{}}'), coalesce(had.counts, '{{}}')
    FROM (SELECT employee_id FROM changed UNION SELECT employee_id FROM gone UNION SELECT employee_id FROM gone_days
          UNION SELECT employee_id FROM days) touched
    LEFT JOIN old USING (employee_id)
    LEFT JOIN (
        SELECT employee_id, array_agg(day) AS days, array_agg(count) AS counts FROM old_days GROUP BY 1
    ) had USING (employee_id)
    WHERE EXISTS (SELECT FROM standings_summarystate WHERE campaign_id = {campaign} AND state IN ('building',
    'ready')))"""
# A repair that restores the verdict of the last change also restores its instant: nothing has happened since then.
SINCE_REPAIRED = """coalesce((
        SELECT CASE WHEN flip.red = is_red(verdict.counted, verdict.target, verdict.exempt) THEN flip.at END
        FROM standings_standingchange flip
        WHERE flip.campaign_id = {campaign} AND flip.employee_id = verdict.employee_id AND flip.cause = 'mark'
        ORDER BY flip.at DESC, flip.id DESC LIMIT 1), {now})"""


@dataclass
class Mark:
    """The figures of an evaluation: employees, counted contacts, red employees, changes of status, rows written."""

    employees: int = 0
    counted: int = 0
    red: int = 0
    turned_red: int = 0
    turned_green: int = 0
    written: int = 0

    def __iadd__(self, other: Mark) -> Mark:
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        return self


def mark_standings(
    *, campaign: Campaign, employees: list[int], now: datetime, cause: str = StandingChange.Cause.MARK
) -> Mark:
    """Evaluate these employees from the facts, just before `now`; write only differences, record every status change.

    The caller's transaction holds the facts lock and the locks on the campaign's row and the employees' rows. It reads
    `now` after it has them. An employee who is not in the population loses the standing.
    """
    if not employees:
        return Mark()
    # Read the newest rule under the locks: an older version could overwrite a newer verdict.
    rule = campaign.rules.latest("version")
    since = SINCE_REPAIRED if cause == StandingChange.Cause.REPAIR else "{now}"
    statement = MARK.format(
        judgement=evaluation_ctes(rule, now, "SELECT id FROM chosen"), clean=clean_sql(rule),
        employees=employee_ids_sql(employees), campaign=campaign.pk,
        now=sql_literal(now), cause=sql_literal(str(cause)),
        since=since.format(campaign=campaign.pk, now=sql_literal(now)),
        kept=KEPT.format(campaign=campaign.pk),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return Mark(*map(int, cursor.fetchone()))


def lock_campaigns(at: datetime, only: Campaign | None = None) -> list[Campaign]:
    """Return the campaigns to evaluate at `at`; lock their rows against a freeze until the transaction ends."""
    wanted = Campaign.objects.to_mark(at)
    if only is not None:
        wanted = wanted.filter(pk=only.pk)
    ids = sorted(wanted.values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM campaigns_campaign WHERE id = ANY(%s) ORDER BY id FOR SHARE", [ids])
    # Read again under the lock: a freeze may have come first.
    return list(wanted.filter(pk__in=ids).order_by("pk"))


def mark_touched() -> int:
    """Take rows from the outbox and evaluate their employees in every campaign; return how many rows it took.

    One transaction deletes the outbox rows and stores the verdicts, so no evaluation is lost.
    """
    with transaction.atomic():
        lock_facts()
        touched = pop_outbox(AT_MOST)
        # After the rows are taken: a campaign that opens in between must not miss them.
        campaigns = lock_campaigns(db_now())
        ids = sorted({*touched.employees, *_holders(touched.identities)})
        for begin in range(0, len(ids), AT_MOST):
            employees = ids[begin : begin + AT_MOST]
            lock_employees(employees)
            now = db_now()
            for campaign in campaigns:
                mark_standings(campaign=campaign, employees=employees, now=now)
    return touched.rows


def _holders(identities: Sequence[tuple[str, bytes]]) -> list[int]:
    """The ids of the employees whose verdict may depend on one of these identities."""
    if not identities:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT employee_id FROM ({employees_holding_identity_sql(TAKEN)}) holder",
            [[kind for kind, _ in identities], [digest for _, digest in identities]],
        )
        return [employee for (employee,) in cursor.fetchall()]


def mark_range(campaign: Campaign, employees: list[int]) -> Mark:
    """Lock and evaluate these employees. The caller's transaction holds the facts lock and the campaign's row."""
    lock_employees(employees)
    return mark_standings(campaign=campaign, employees=employees, now=db_now())


def ranges() -> Iterator[list[int]]:
    """Yield the ids of all employees in order, in lists of at most AT_MOST."""
    last = 0
    while employees := list(Employee.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:AT_MOST]):
        yield employees
        last = employees[-1]
