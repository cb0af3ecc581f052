"""Data quality indicators, shown beside a total of contacts so that readers see how it came about.

They are: the share of today and yesterday, contacts that ended within a week, duplicates among the submitted contacts,
and employees with no counted contact. All refer to the employees and the instant of that total.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from apps.campaigns import rules
from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal, statement
from apps.reports.activity_facts import churned_early_sql, submissions_sql
from apps.reports.standings_report import Standings
from apps.reports.totals import Totals
from apps.standings.report_people import WholeCompany

FACTS = statement("reports", "data_quality", "facts")
FACT_SUMS = statement("reports", "data_quality", "fact_sums")
RECENT = statement("reports", "data_quality", "recent")
EACH_FACT = statement("reports", "data_quality", "each_fact")
# Above this share of the company it is cheaper to read the facts of all employees than those of each member.
LARGE_TEAM_SHARE = 0.1


@dataclass(frozen=True)
class QualityIndicators:
    """The indicators beside `counted`, as of `at`: now, a past instant, or the cut-off of a finished campaign.

    `since_yesterday`: counted contacts recorded on the local day of `at` or the day before; a midnight belongs to the
    day that ends. `churned_early`: contacts of the period that ended within rules.EARLY_CHURN_DAYS days of being
    recorded. `duplicates`: how many of the `submitted` contacts existed already. `at_zero`: how many of the `people`
    have no counted contact.
    """

    counted: int
    since_yesterday: int
    churned_early: int
    submitted: int
    duplicates: int
    people: int
    at_zero: int
    at: datetime


def quality_indicators(standings: Standings, totals: Totals) -> QualityIndicators:
    """The indicators of these employees beside their totals. For a frozen campaign they are as of its cut-off."""
    at = min(standings.totals_as_of, standings.rule.cutoff_at)
    yesterday = rules.day_of(at, standings.rule.time_zone) - timedelta(days=1)
    sums = _facts(standings, at, yesterday)
    if standings.summary:
        # The query of a summarised team reads no days; the sums have them.
        sums["recent"] = sum(count for day, count in standings.by_day.items() if day >= yesterday)
    return QualityIndicators(
        totals.counted, sums["recent"], sums["ended"], sums["submitted"], sums["duplicates"], totals.people,
        totals.at_zero, at=at,
    )  # fmt: skip


def _facts(standings: Standings, at: datetime, yesterday: date) -> Counter[str]:
    """The sums of facts by kind, of employees with a standing; without summaries also the recent contacts."""
    rule, summary = standings.rule, standings.summary
    is_company = standings.people == WholeCompany() and not standings.is_filtered
    members = f"SELECT employee_id FROM {f'listed WHERE {standings.where}' if standings.is_filtered else 'current'}"
    if summary is not None:
        members = summary.members_sql
    per_member = not is_company and (summary is None or summary.share < LARGE_TEAM_SHARE)
    facts = FACTS.format(
        members=members,
        # With sums few members are looked up; a materialised list of a large team would be read in full.
        materialized="NOT MATERIALIZED" if summary else "MATERIALIZED",
        early_churn=churned_early_sql(rule, at, standings.result),
        submissions=submissions_sql(rule, at),
        contact_filter="contact.employee_id IN (SELECT employee_id FROM member)" if per_member else "true",
        submission_filter="submission.employee_id IN (SELECT employee_id FROM member)" if per_member else "true",
    )
    select = FACT_SUMS.format(
        joined=EACH_FACT if summary else "JOIN member USING (employee_id)",
        submissions=submissions_sql(rule, at),
        is_company=sql_literal(is_company),
    )
    if summary is None:
        recent = RECENT.format(yesterday=f"{sql_literal(yesterday.isoformat())}::date")
        rows = standings.query(f"{select} {recent}", f", {facts}")
    else:
        rows = read_rows(f"WITH {facts} {select}")
    sums: Counter[str] = Counter()
    for kind, count in rows:
        sums[kind] += int(count or 0)
    return sums
