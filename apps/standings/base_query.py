"""The CTEs that provide a report's rows; every report query builds on them.

`current` has one row for each employee of the population: employee_id, counted, target, exempt, target_reached_at,
last_counted_on, status_since, verdict_changed_at, pending_since. Today these are the cached standings; employees with
a pending evaluation are evaluated from the facts in the same statement. For a past instant all employees are. For a
frozen campaign the rows are the stored result, and the query reads no facts.

`days` has the counted contacts by local day. `listed` adds name, department and manager, and `red`, `remaining` and
`pace`. `quiet_days` is the number of days without a new counted contact, NULL from the cut-off on. `moved` says whether
a contact has counted within STALLED_AFTER_DAYS. `under_review` is NULL for a reader who may not know it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.campaigns import rules
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import effective_as_of
from apps.core.sql import sql_literal
from apps.standings.evaluation import evaluation_ctes, pending_sql
from apps.standings.population import People, Team, WholeCompany


def base_ctes(
    campaign: Campaign,
    rule: CampaignRule,
    people: People,
    at: datetime,
    *,
    historical: bool,
    under_review: str = "",
    before: str = "",
    assume_up_to_date: bool = False,
) -> str:
    """Return the CTEs, starting with WITH, ready for a SELECT.

    `historical`: evaluate from the facts as of `at`, with the org tree of that instant. `under_review`: a SELECT of
    the ids of employees under review, for a reader who may know them. `before`: CTEs that `people` refers to.
    `assume_up_to_date`: read the cache as if no evaluation were pending. The caller must check that in the same
    statement (apps/reports/fast_path.py).
    """
    look = effective_as_of(rule, at)
    chosen = people.chosen(look if historical else None)
    if historical:
        parts = _past(rule, at)
    else:
        parts = _believed(campaign) if assume_up_to_date else _today(campaign, rule, at)
    asked = f"current.employee_id IN ({under_review})" if under_review else "NULL::boolean"
    many = isinstance(people, WholeCompany) or (isinstance(people, Team) and not people.few)
    hired = Hired(rule, look, each=not many)
    listed = _listed(rule, at, look, asked, hired, historical=historical)
    return f"WITH {before}chosen AS MATERIALIZED ({chosen}), {parts}, listed AS ({listed})"


def _past(rule: CampaignRule, at: datetime) -> str:
    return f"""{evaluation_ctes(rule, at, "SELECT id FROM chosen")},
    current AS (
        SELECT employee_id, counted, target, exempt, target_reached_at, last_counted_on, NULL::timestamptz AS
        status_since,
               NULL::timestamptz AS verdict_changed_at, NULL::timestamptz AS pending_since
        FROM verdict),
    days AS (SELECT employee_id, day, count FROM daily)"""


def _today(campaign: Campaign, rule: CampaignRule, at: datetime) -> str:
    # No employee has a standing before the opening, even with a row in the outbox.
    nothing = "SELECT NULL::bigint AS employee_id, NULL::timestamptz AS queued_at WHERE false"
    notes = pending_sql(campaign.pk) if rule.opens_at < at else nothing
    return f"""stale AS MATERIALIZED (
        SELECT note.employee_id, note.queued_at FROM ({notes}) note WHERE note.employee_id IN (SELECT id FROM chosen)),
    {evaluation_ctes(rule, at, "SELECT employee_id FROM stale")},
    current AS (
        SELECT employee_id, counted, target, exempt, target_reached_at, last_counted_on, status_since,
        verdict_changed_at,
               NULL::timestamptz AS pending_since
        FROM standings_standing WHERE campaign_id = {campaign.pk} AND employee_id IN (SELECT id FROM chosen)
          AND employee_id NOT IN (SELECT employee_id FROM stale)
        UNION ALL
        SELECT verdict.employee_id, verdict.counted, verdict.target, verdict.exempt, verdict.target_reached_at,
               verdict.last_counted_on, stored.status_since, stored.verdict_changed_at, stale.queued_at
        FROM verdict JOIN stale USING (employee_id) LEFT JOIN standings_standing stored
          ON stored.campaign_id = {campaign.pk} AND stored.employee_id = verdict.employee_id),
    days AS (
        SELECT employee_id, day, count FROM standings_dailycount WHERE campaign_id = {campaign.pk}
          AND employee_id IN (SELECT id FROM chosen) AND employee_id NOT IN (SELECT employee_id FROM stale)
        UNION ALL
        SELECT employee_id, day, count FROM daily)"""


def _believed(campaign: Campaign) -> str:
    theirs = f"campaign_id = {campaign.pk} AND employee_id IN (SELECT id FROM chosen)"
    return f"""current AS (
        SELECT employee_id, counted, target, exempt, target_reached_at, last_counted_on, status_since,
        verdict_changed_at,
               NULL::timestamptz AS pending_since
        FROM standings_standing WHERE {theirs}),
    days AS (SELECT employee_id, day, count FROM standings_dailycount WHERE {theirs})"""


@dataclass(frozen=True)
class Hired:
    """The day on which a late joiner's employment began: one in force just before `look` (SQL).

    A late joiner began after the campaign's first day. `each`: a subquery for each employee. Otherwise one join finds
    all late joiners, which is cheaper for many employees because late joiners are few.
    """

    rule: CampaignRule
    look: str
    each: bool

    @property
    def joined(self) -> str:
        """The join that follows the table `person`, or an empty text."""
        if self.each:
            return ""
        return f"""LEFT JOIN (SELECT work.employee_id, {self._found} GROUP BY 1) hired
            ON hired.employee_id = person.id"""

    @property
    def day(self) -> str:
        """The SQL of the local day on which the employment began, or NULL."""
        return f"(SELECT {self._found} AND work.employee_id = person.id)" if self.each else "hired.day"

    @property
    def _found(self) -> str:
        day_after = rules.start_of_day(self.rule.opens_on + timedelta(days=1), self.rule.time_zone)
        return f"""max((work.starts_at AT TIME ZONE {sql_literal(self.rule.time_zone)})::date) AS day
            FROM employees_employment work WHERE work.starts_at >= {sql_literal(day_after)}
            AND in_force(work.starts_at, work.ends_at, {self.look})"""


def _listed(rule: CampaignRule, at: datetime, look: str, asked: str, hired: Hired, *, historical: bool) -> str:
    if historical:
        place = f"""LEFT JOIN employees_placement place ON place.employee_id = person.id
            AND in_force(place.starts_at, place.ends_at, {look})"""
        has_team = f"""EXISTS (SELECT 1 FROM employees_placement report WHERE report.manager_id = person.id
            AND in_force(report.starts_at, report.ends_at, {look}))"""
    else:
        place = "LEFT JOIN employees_treenode place ON place.employee_id = person.id"
        has_team = "coalesce(place.last > place.first, false)"
    return f"""SELECT current.*, person.staff_no COLLATE "C" AS staff_no, person.name, person.email,
            coalesce(place.department, '') AS department, coalesce(boss.staff_no, '') AS manager_staff_no,
            is_red(counted, target, exempt) AS red, greatest(target - counted, 0) AS remaining,
            {pace_sql(rule, at)} AS pace, {quiet_sql(rule, at, hired)} AS quiet_days,
            coalesce(last_counted_on > {_week_ago(rule, at)}, false) AS moved,
            {has_team} AS has_team, {asked} AS under_review
        FROM current JOIN employees_employee person ON person.id = current.employee_id {place}
        LEFT JOIN employees_employee boss ON boss.id = place.manager_id {hired.joined}"""


def _week_ago(rule: CampaignRule, at: datetime) -> str:
    """The day STALLED_AFTER_DAYS before `at`: an employee without a counted contact since then has stalled."""
    day = rules.day_of(at, rule.time_zone) - timedelta(days=rules.STALLED_AFTER_DAYS)
    return f"{sql_literal(day.isoformat())}::date"


def pace_sql(rule: CampaignRule, at: datetime) -> str:
    """The SQL of rules.pace over the columns counted and target, with times in whole microseconds."""
    gone, length = rules.elapsed(rule.opens_at, rule.cutoff_at, at)
    have = f"counted::numeric * {length * rules.PACE_PARTS}"
    steady, band = f"target::numeric * {gone * rules.PACE_PARTS}::numeric", f"target::numeric * {length}"
    return f"""CASE WHEN counted >= target THEN 'done' WHEN {have} >= {steady} + {band} THEN 'ahead'
        WHEN {have} < {steady} - {band} THEN 'behind' ELSE 'on_pace' END"""


def quiet_sql(rule: CampaignRule, at: datetime, hired: Hired) -> str:
    """The SQL of the whole days since `last_counted_on`, the day of the last counted contact, today included.

    Without such a day the count starts on the campaign's first day, or on the employee's first day if that is later.
    NULL from the cut-off on, because no new contact can count any more.
    """
    if at >= rule.cutoff_at:
        return "NULL::integer"
    today = sql_literal(rules.day_of(at, rule.time_zone).isoformat())
    began = f"greatest({sql_literal(rule.opens_on.isoformat())}::date, {hired.day}) - 1"
    return f"greatest({today}::date - greatest(last_counted_on, {began}), 0)"
