"""The CTEs that provide a report's rows; every report query builds on them.

`current` has one row for each employee of the population: employee_id, counted, target, exempt, target_reached_at,
last_counted_on, status_since, verdict_changed_at, pending_since. Today these are the cached standings; employees with
a pending evaluation are evaluated from the facts in the same statement. For a past instant all employees are. A frozen
campaign has its own query (apps/reports/queries/frozen.sql) with the same columns in `listed`.

`days` has the counted contacts by local day. `listed` adds name, department and manager, and `red`, `remaining` and
`pace`. `quiet_days` is the number of days without a new counted contact, NULL from the cut-off on. `active_recently`
says whether a contact has counted within STALLED_AFTER_DAYS. `under_review` is NULL for a reader who may not know it.
`counted_before`, `change` and `turned` compare with an earlier instant; without one they are NULL.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial

from psycopg2.sql import SQL

from apps.campaigns import rules
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import effective_as_of
from apps.core.sql import compose, statement
from apps.standings.evaluation import evaluation_ctes, pending_sql
from apps.standings.report_people import People, Team, WholeCompany

_statement = partial(statement, "standings", "base_query")
BASE = _statement("base")
HISTORICAL_STANDINGS = _statement("historical_standings")
CURRENT_STANDINGS = _statement("current_standings")
CACHED_STANDINGS = _statement("cached_standings")
NOTHING_PENDING = _statement("nothing_pending")
JOIN_HISTORICAL_PLACEMENT = _statement("join_historical_placement")
HISTORICAL_HAS_TEAM = _statement("historical_has_team")
JOIN_CURRENT_PLACEMENT = _statement("join_current_placement")
CURRENT_HAS_TEAM = _statement("current_has_team")
HIRE_DAY = _statement("hire_day")
JOIN_HIRE = _statement("join_hire")
PACE = _statement("pace")
QUIET_DAYS = _statement("quiet_days")
EARLIER = _statement("earlier")
JOIN_EARLIER = _statement("join_earlier")
CHANGES = _statement("changes")
NO_CHANGES = _statement("no_changes")


def base_ctes(
    campaign: Campaign, rule: CampaignRule, people: People, at: datetime, *, historical: bool,
    under_review: str = "", before: str = "", assume_up_to_date: bool = False, since: datetime | None = None,
) -> str:  # fmt: skip
    """Return the CTEs, starting with WITH, ready for a SELECT.

    `historical`: evaluate from the facts as of `at`, with the org tree of that instant. `under_review`: a SELECT of
    the ids of employees under review, for a reader who may know them. `before`: CTEs that `people` refers to.
    `assume_up_to_date`: read the cache as if no evaluation were pending. The caller must check that in the same
    statement (apps/reports/fast_path.py). `since`: compare with the standings as of this earlier instant.
    """
    as_of = effective_as_of(rule, at)
    if historical:
        standings = compose(HISTORICAL_STANDINGS, evaluation=SQL(evaluation_ctes(rule, at, "SELECT id FROM chosen")))
        placement = compose(JOIN_HISTORICAL_PLACEMENT, as_of=SQL(as_of))
        has_team = compose(HISTORICAL_HAS_TEAM, as_of=SQL(as_of))
    else:
        cached = compose(CACHED_STANDINGS, campaign=campaign.pk)
        # Two texts instead of one with a condition: PostgreSQL plans 350 lines even when nothing is pending (ADR 50).
        standings = cached if assume_up_to_date else _current(campaign, rule, at)
        placement, has_team = JOIN_CURRENT_PLACEMENT, CURRENT_HAS_TEAM
    reviewed = compose("current.employee_id IN ({under_review})", under_review=SQL(under_review))
    # Which form is faster depends on the number of people alone; both give the same rows.
    join_hire, hire_day = _hire(rule, as_of, each=not _are_many(people))
    earlier, join_earlier, changes = comparison_sql(campaign, since, "current")
    return compose(
        BASE, before=SQL(before), chosen=SQL(people.ids_sql(as_of if historical else None)), standings=SQL(standings),
        pace=SQL(pace_sql(rule, at)), quiet_days=SQL(quiet_days_sql(rule, at, hire_day)), week_ago=_week_ago(rule, at),
        has_team=SQL(has_team), join_placement=SQL(placement), join_hire=SQL(join_hire),
        earlier=SQL(earlier), join_earlier=SQL(join_earlier), changes=SQL(changes),
        # NULL and not false: "no" would tell a manager that no review exists (ADR 29).
        under_review=SQL(reviewed if under_review else "NULL::boolean"),
    )  # fmt: skip


def comparison_sql(campaign: Campaign, since: datetime | None, standing: str) -> tuple[str, str, str]:
    """The CTE (empty, or ending in a comma), the join and the columns that compare `standing` with an earlier instant.

    The instant has its own rule, and the one evaluation that every list as of the past has.
    """
    if since is None:
        return "", "", NO_CHANGES
    evaluation = evaluation_ctes(campaign.rule_at(since), since, "SELECT id FROM chosen")
    return compose(EARLIER, evaluation=SQL(evaluation)), compose(JOIN_EARLIER, standing=SQL(standing)), CHANGES


def _current(campaign: Campaign, rule: CampaignRule, at: datetime) -> str:
    # No employee has a standing before the opening, even with a row in the outbox.
    pending = pending_sql(campaign.pk) if rule.opens_at < at else NOTHING_PENDING
    evaluation = evaluation_ctes(rule, at, "SELECT employee_id FROM pending_employee")
    return compose(CURRENT_STANDINGS, campaign=campaign.pk, pending=SQL(pending), evaluation=SQL(evaluation))


def _are_many(people: People) -> bool:
    # EmployeeQuery counts as small: it selects a page of a list.
    return isinstance(people, WholeCompany) or (isinstance(people, Team) and not people.is_small)


def _hire(rule: CampaignRule, as_of: str, *, each: bool) -> tuple[str, str]:
    """The join that follows the table `employee` (or no text), and the SQL of a late joiner's first day, or NULL.

    `each`: a subquery for each employee. Otherwise one join finds all late joiners, which is cheaper for many employees
    because late joiners are few.
    """
    second_day = rules.start_of_day(rule.opens_on + timedelta(days=1), rule.time_zone)
    values = {"time_zone": rule.time_zone, "second_day": second_day, "as_of": SQL(as_of)}
    return ("", compose(HIRE_DAY, **values)) if each else (compose(JOIN_HIRE, **values), "hire.day")


def _week_ago(rule: CampaignRule, at: datetime) -> date:
    """The day STALLED_AFTER_DAYS before `at`: an employee without a counted contact since then has stalled."""
    # By local days, as daily counts are stored: hours would need the contacts themselves.
    return rules.day_of(at, rule.time_zone) - timedelta(days=rules.STALLED_AFTER_DAYS)


def pace_sql(rule: CampaignRule, at: datetime) -> str:
    """The SQL of rules.pace over the columns counted and target."""
    elapsed, length = rules.elapsed(rule.opens_at, rule.cutoff_at, at)
    return compose(
        PACE, counted_factor=length * rules.PACE_PARTS, elapsed=elapsed * rules.PACE_PARTS, length=length
    )  # fmt: skip


def quiet_days_sql(rule: CampaignRule, at: datetime, hire_day: str) -> str:
    """The SQL of the whole days since `last_counted_on`, the day of the last counted contact, today included.

    NULL from the cut-off on, because no new contact can count any more.
    """
    if at >= rule.cutoff_at:
        return "NULL::integer"
    today = rules.day_of(at, rule.time_zone)
    return compose(QUIET_DAYS, today=today, opens_on=rule.opens_on, hire_day=SQL(hire_day))
