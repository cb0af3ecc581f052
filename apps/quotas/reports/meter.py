"""The honest meter: what stands beside a total of contacts, so that it says how it came about.

How much of it is of the last 24 hours, how much was ended again within a week, how much was handed in twice, and how
many people have brought nobody. All of it is of the people and the instant of the total it stands beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.quotas import rules
from apps.quotas.models import CampaignRule, FrozenResult
from apps.quotas.querysets import claimed_sql, internal_sql, literal, reasons
from apps.quotas.reports.facts import ended_soon_sql, handed_in_sql
from apps.quotas.reports.people import Everyone
from apps.quotas.reports.standings import Standings, Totals


@dataclass(frozen=True)
class Meter:
    """The figures beside `counted`, as of `at`: now, a past instant, or the cut-off of what is over.

    `last_day` of the counted contacts were recorded in the 24 hours before `at`; `ended_soon` contacts of the period
    ended within rules.SOON_DAYS days of being recorded; of the `handed_in` people `duplicates` were there already;
    `at_zero` of the `people` have nobody who counts.
    """

    counted: int
    last_day: int
    ended_soon: int
    handed_in: int
    duplicates: int
    people: int
    at_zero: int
    at: datetime

    @property
    def last_day_share(self) -> float:
        """Share of the counted contacts, 0 to 1."""
        return rules.share(self.last_day, self.counted)

    @property
    def ended_share(self) -> float:
        """Share of what counts and what ended so soon, together: contacts that ended later are in neither."""
        return rules.share(self.ended_soon, self.counted + self.ended_soon)

    @property
    def duplicate_share(self) -> float:
        """Share of what was handed in."""
        return rules.share(self.duplicates, self.handed_in)

    @property
    def zero_share(self) -> float:
        """Share of the people."""
        return rules.share(self.at_zero, self.people)


def honest_meter(standings: Standings, totals: Totals) -> Meter:
    """The meter of these people beside their totals, in one statement.

    Of a frozen campaign the verdicts are those the result keeps; the instant is its cut-off.
    """
    rule, at = standings.rule, min(standings.now, standings.rule.cutoff_at)
    recent, counts = _recent(standings, at)
    theirs = "employee_id IN (SELECT employee_id FROM who)"
    ended = f"SELECT count(*) {ended_soon_sql(rule, at, standings.result)} AND contact.{theirs}"
    # A file for many people is of nobody's team: it stands in the company's figure alone.
    for_many = "OR handed.employee_id IS NULL" if _whole(standings) else ""
    handed = f"{handed_in_sql(rule, at)} AND (handed.{theirs} {for_many})"
    found = standings.ask(f""", who AS MATERIALIZED ({_who(standings)}), {recent}
        SELECT ({counts}), ({ended}), (SELECT coalesce(sum(handed.handed_in), 0) {handed}),
            (SELECT coalesce(sum(handed.duplicates), 0) {handed})""")
    last_day, ended_soon, handed_in, duplicates = map(int, found[0])
    return Meter(totals.counted, last_day, ended_soon, handed_in, duplicates, totals.people, totals.at_zero, at=at)


def _whole(standings: Standings) -> bool:
    return standings.people == Everyone() and not standings.narrowed


def _who(standings: Standings) -> str:
    """SELECT of (employee_id): whom the totals are about."""
    if not standings.narrowed:
        return "SELECT employee_id FROM current"
    return f"SELECT employee_id FROM listed WHERE {standings.where}"


def _recent(standings: Standings, at: datetime) -> tuple[str, str]:
    """CTEs of the contacts of the last 24 hours, and the SELECT of how many of them count."""
    # Of everybody by the index of the time, of a team person by person: the few who left are sorted out by the count.
    theirs = "true" if _whole(standings) else "contact.employee_id IN (SELECT employee_id FROM who)"
    recent = f"""recent AS MATERIALIZED (
        SELECT contact.* FROM contacts_contact contact WHERE {theirs}
          AND contact.recorded_at >= {literal(at - timedelta(days=1))} AND contact.recorded_at < {literal(at)})"""
    if standings.result is not None and standings.result.reasons_kept:
        return recent, _kept(standings.result, standings.rule)
    mine = {"contacts": "SELECT employee_id, id FROM recent"}
    conditions = reasons(
        standings.rule, at, internal="(internal.contact_id IS NOT NULL)", claimed="(claimed.contact_id IS NOT NULL)",
        contact="recent",
    )  # fmt: skip
    no_reason = " AND ".join(f"NOT {condition}" for condition in conditions.values())
    internal, claimed = internal_sql(standings.rule, at, **mine), claimed_sql(standings.rule, at, **mine)
    counts = f"""SELECT count(*) FROM recent LEFT JOIN recently_internal internal ON internal.contact_id = recent.id
        LEFT JOIN recently_claimed claimed ON claimed.contact_id = recent.id
        WHERE {no_reason} AND recent.employee_id IN (SELECT employee_id FROM who)"""
    ctes = f"recently_internal AS MATERIALIZED ({internal}), recently_claimed AS MATERIALIZED ({claimed})"
    return f"{recent}, {ctes}", counts


def _kept(result: FrozenResult, rule: CampaignRule) -> str:
    """How many of them counted in a frozen result: in time, and with no reason kept. No fact is judged again."""
    return f"""SELECT count(*) FROM recent WHERE recent.recorded_at >= {literal(rule.opens_at)}
        AND recent.employee_id IN (SELECT employee_id FROM who)
        AND recent.stored_at <= {literal(result.kept_until)} AND NOT EXISTS (
            SELECT 1 FROM quotas_frozenreason kept WHERE kept.campaign_id = {rule.campaign_id}
              AND kept.employee_id = recent.employee_id AND kept.contact_id = recent.id)"""
