"""Data quality indicators: what stands beside a total of contacts, so that readers see how the total came about.

They are: the share of the last 24 hours, contacts that ended within a week, duplicates among the submitted contacts,
and employees with no counted contact. All refer to the employees and the instant of that total.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from apps.campaigns import rules
from apps.campaigns.models import CampaignRule
from apps.core.sql import sql_literal
from apps.reports.activity_facts import churned_early_sql, submissions_sql
from apps.reports.indexed_pages import facts_of, recorded_sql, who_sql
from apps.reports.standings_report import Standings, Totals
from apps.reports.summaries import TeamSummary
from apps.results.models import FrozenResult
from apps.standings.evaluation import claimed_sql, exclusion_conditions, internal_sql
from apps.standings.population import WholeCompany

# Above this share of the company it is cheaper to read all facts than those of each employee.
LARGE_TEAM_SHARE = 0.1


@dataclass(frozen=True)
class QualityIndicators:
    """The indicators beside `counted`, as of `at`: now, a past instant, or the cut-off of a finished campaign.

    `last_day`: counted contacts recorded in the 24 hours before `at`. `churned_early`: contacts of the period that
    ended within rules.EARLY_CHURN_DAYS days of being recorded. `duplicates`: how many of the `submitted` contacts
    existed already. `at_zero`: how many of the `people` have no counted contact.
    """

    counted: int
    last_day: int
    churned_early: int
    submitted: int
    duplicates: int
    people: int
    at_zero: int
    at: datetime

    @property
    def last_day_share(self) -> float:
        """Share of the counted contacts, 0 to 1."""
        return rules.share(self.last_day, self.counted)

    @property
    def churn_share(self) -> float:
        """Share of early churn in counted plus early-churned contacts. Contacts that ended later are in neither."""
        return rules.share(self.churned_early, self.counted + self.churned_early)

    @property
    def duplicate_share(self) -> float:
        """Share of the submitted contacts."""
        return rules.share(self.duplicates, self.submitted)

    @property
    def zero_share(self) -> float:
        """Share of the people."""
        return rules.share(self.at_zero, self.people)


def quality_indicators(standings: Standings, totals: Totals) -> QualityIndicators:
    """The indicators of these employees beside their totals: one statement, or two for very many employees.

    For a frozen campaign the verdicts are those of the result, and the instant is its cut-off.
    """
    at = min(standings.now, standings.rule.cutoff_at)
    sums = _figures(standings, at, standings.summary) or _figures(standings, at, None) or Counter()
    return QualityIndicators(
        totals.counted, sums["last_day"], sums["ended"], sums["submitted"], sums["duplicates"], totals.people,
        totals.at_zero, at=at,
    )  # fmt: skip


def _figures(standings: Standings, at: datetime, summary: TeamSummary | None) -> Counter[str] | None:
    """The sums of facts by kind; None when the tree differs from the one of `summary`."""
    rule, source = standings.rule, _fact_source(standings, summary)
    time_slice = TimeSlice(at - timedelta(days=1), at)
    if summary is not None:
        time_slice = shortest_slice(rule, at)
    early_churn, submissions = churned_early_sql(rule, at, standings.result), submissions_sql(rule, at)
    members = source.among("submission.employee_id")
    # A file that covers many employees belongs to no team: only the company's indicator includes it.
    for_many = f"{submissions} AND submission.employee_id IS NULL AND {sql_literal(_whole(standings))}"
    of_members = " UNION ALL ".join(f"SELECT kind, n FROM fact {join}" for join in source.joined)
    fact = f"""fact AS MATERIALIZED (
            SELECT 'ended' AS kind, contact.employee_id, count(*) AS n {early_churn}
                AND {source.among("contact.employee_id")} GROUP BY 2
            UNION ALL SELECT 'submitted', submission.employee_id, sum(submission.handed_in) {submissions}
                AND {members} GROUP BY 2
            UNION ALL SELECT 'duplicates', submission.employee_id, sum(submission.duplicates) {submissions}
                AND {members} GROUP BY 2)"""

    def recently(assume_up_to_date: bool) -> str:
        return _recent(standings, at, source.recorded(time_slice, assume_up_to_date), clean_known=summary is not None)

    rows = source.rows(
        lambda assume_up_to_date: f", {recently(assume_up_to_date)}, {fact}",
        f"""SELECT kind, sum(n) FROM ({of_members}) of_members GROUP BY 1
        UNION ALL SELECT 'last_day', {time_slice.sign}n FROM recently
        UNION ALL SELECT 'submitted', sum(submission.handed_in) {for_many}
        UNION ALL SELECT 'duplicates', sum(submission.duplicates) {for_many}""",
    )
    if rows is None:
        return None
    sums: Counter[str] = Counter()
    for kind, n in rows:
        sums[kind] += int(n or 0)
    if time_slice.days:
        sums["last_day"] += sum(standings.by_day.get(day, 0) for day in time_slice.days)
    return sums


@dataclass(frozen=True)
class TimeSlice:
    """Which contacts are evaluated for the last 24 hours: added to whole local days, or subtracted from them."""

    since: datetime
    until: datetime
    sign: str = ""
    days: tuple[date, ...] = ()

    @property
    def when(self) -> str:
        """The SQL condition on a `contact` row."""
        return f"contact.recorded_at >= {sql_literal(self.since)} AND contact.recorded_at < {sql_literal(self.until)}"


def shortest_slice(rule: CampaignRule, at: datetime) -> TimeSlice:
    """The shortest time to evaluate, given the counted contacts of every local day."""
    since, today, zone = at - timedelta(days=1), rules.day_of(at, rule.time_zone), rule.time_zone
    midnight = rules.start_of_day(today, zone)
    if since >= midnight:
        return TimeSlice(midnight, since, "-", (today,))
    slices, yesterday = [TimeSlice(since, midnight, "", (today,))], today - timedelta(days=1)
    # After a day of 23 hours, the 24 hours before the next day begin on the day before.
    if (begin := rules.start_of_day(yesterday, zone)) <= since:
        slices.append(TimeSlice(begin, since, "-", (yesterday, today)))
    return min(slices, key=lambda time_slice: time_slice.until - time_slice.since)


@dataclass(frozen=True)
class _FactSource:
    """The employees of the totals (CTE `who`), and whether facts are read per employee or for all."""

    # Returns the rows of a SELECT over more CTEs. The CTEs begin with a comma and take whether no re-evaluation is
    # pending (fast_path.py). None when the summaries are no longer valid.
    rows: Callable[[Callable[[bool], str], str], list[tuple] | None]
    each: bool
    # Joins that follow `fact` and restrict it to these employees.
    joined: list[str]
    # SELECT of the employees' contacts of a time slice; with summaries also `last_disqualified_at`
    # (indexed_pages.recorded_sql).
    recorded: Callable[[TimeSlice, bool], str]

    def among(self, employee: str) -> str:
        """The condition on an employee id that skips the facts of other employees, where that is faster."""
        return f"{employee} IN (SELECT employee_id FROM who)" if self.each else "true"


def _fact_source(standings: Standings, summary: TeamSummary | None) -> _FactSource:
    if summary is not None:
        # For large teams: each fact is checked for membership, instead of reading the members first.
        def of_many(ctes: Callable[[bool], str], select: str) -> list[tuple] | None:
            extra_condition = summary.everyone_placed if summary.near_company_size else "true"
            return summary.ask(
                lambda up_to_date: who_sql(summary, assume_up_to_date=up_to_date) + ctes(up_to_date),
                select,
                summary.holds,
                extra_condition,
            )

        return _FactSource(
            of_many,
            each=summary.share < LARGE_TEAM_SHARE,
            joined=facts_of(summary),
            recorded=lambda time_slice, up_to_date: recorded_sql(
                summary, time_slice.when, assume_up_to_date=up_to_date
            ),
        )
    who = f"SELECT employee_id FROM {f'listed WHERE {standings.where}' if standings.narrowed else 'current'}"

    def of_each(ctes: Callable[[bool], str], select: str) -> list[tuple]:
        return standings.ask(select, f", who AS MATERIALIZED ({who}){ctes(False)}")

    def of_them(time_slice: TimeSlice, _up_to_date: bool) -> str:
        return f"""SELECT contact.* FROM contacts_contact contact
            WHERE contact.employee_id IN (SELECT employee_id FROM who) AND {time_slice.when}"""

    return _FactSource(of_each, not _whole(standings), ["JOIN who USING (employee_id)"], of_them)


def _whole(standings: Standings) -> bool:
    return standings.people == WholeCompany() and not standings.narrowed


def _recent(standings: Standings, at: datetime, recorded: str, *, clean_known: bool) -> str:
    """CTEs; the last one, `recently`, has one row (n): how many of the `recorded` contacts count.

    `clean_known`: the contacts have the column last_disqualified_at.
    """
    if standings.result is not None and standings.result.reasons_kept:
        return f"recently AS MATERIALIZED ({_counted_in_result(standings.result, standings.rule, recorded)})"
    own = exclusion_conditions(standings.rule, at, internal="false", claimed="false", contact="recent")
    counting = f"FROM ({recorded}) recent WHERE {' AND '.join(f'NOT {condition}' for condition in own.values())}"
    clean, doubtful = "0", f"doubtful AS MATERIALIZED (SELECT employee_id, id {counting})"
    if clean_known:
        # One pass over up to half a million rows. Few of them need a comparison with all colleagues. PostgreSQL expects
        # few elements in an array, so it looks them up one by one.
        clean = "(SELECT clean FROM recent)"
        doubtful = f"""recent AS MATERIALIZED (
            SELECT count(*) FILTER (WHERE clean) AS clean, array_agg(employee_id) FILTER (WHERE NOT clean) AS employees,
                array_agg(id) FILTER (WHERE NOT clean) AS contacts
            FROM (SELECT employee_id, id, (recorded_at > last_disqualified_at) IS TRUE AS clean {counting}) judged),
        doubtful AS MATERIALIZED (
            SELECT one.employee_id, one.id FROM recent, unnest(employees, contacts) AS one (employee_id, id))"""
    contacts = {"contacts": "SELECT employee_id, id FROM doubtful"}
    refused = " UNION ".join(sql(standings.rule, at, **contacts) for sql in (internal_sql, claimed_sql))
    return f"""{doubtful}, refused AS MATERIALIZED ({refused}), recently AS MATERIALIZED (
            SELECT {clean} + count(*) AS n FROM doubtful WHERE id NOT IN (SELECT contact_id FROM refused))"""


def _counted_in_result(result: FrozenResult, rule: CampaignRule, recorded: str) -> str:
    """SELECT of (n): the contacts that counted in a frozen result, in time and without a reason. Nothing is
    re-evaluated.
    """
    return f"""SELECT count(*) AS n FROM ({recorded}) recent WHERE recent.recorded_at >= {sql_literal(rule.opens_at)}
        AND recent.stored_at <= {sql_literal(result.snapshot_at)} AND NOT EXISTS (
            SELECT 1 FROM results_frozenreason kept WHERE kept.campaign_id = {rule.campaign_id}
              AND kept.employee_id = recent.employee_id AND kept.contact_id = recent.id)"""
