"""All that the employee's own page needs of campaign and contacts, in two statements: each round trip costs more than
its rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Any

from django.db import DEFAULT_DB_ALIAS

from apps.campaigns.models import Campaign
from apps.campaigns.population import employee_ids_sql
from apps.contacts.models import Contact, ContactIdentity
from apps.core.prepared_statements import execute_prepared_sql
from apps.core.sql import sql_literal
from apps.employees.models import Employee
from apps.reports.employee_detail import ReasonChange
from apps.reports.standings_report import COLUMNS, Row, Standings
from apps.reports.team_report import Day
from apps.standings.evaluation import exclusion_reason, internal_since_sql
from apps.standings.models import StandingChange

FLIP = ("at", "red", "counted", "target", "exempt", "cause")
# Beside the row: its days, its flips (newest first), and whether the employee ever had a review or an adjustment.
EXTRA_COLUMNS = """
ARRAY(SELECT day FROM days WHERE days.employee_id = listed.employee_id ORDER BY day),
ARRAY(SELECT count FROM days WHERE days.employee_id = listed.employee_id ORDER BY day),
EXISTS (SELECT FROM reviews_review asked
        WHERE asked.campaign_id = {campaign} AND asked.employee_id = listed.employee_id),
EXISTS (SELECT FROM campaigns_adjustment terms
        WHERE terms.campaign_id = {campaign} AND terms.employee_id = listed.employee_id)
"""
TURNS = """
ARRAY(SELECT turn.{column} FROM standings_standingchange turn
      WHERE turn.campaign_id = {campaign} AND turn.employee_id = listed.employee_id ORDER BY turn.at DESC, turn.id DESC)
"""
# Each contact is evaluated once; what is needed of all contacts stands beside the few rows returned.
CONTACTS = """
WITH {internal}judged AS MATERIALIZED (
    SELECT contacts_contact.*, {reason} AS reason, {earlier} AS earlier
    FROM contacts_contact WHERE employee_id = {employee}::bigint {recorded})
SELECT *, (SELECT array_agg(ARRAY[mine.kind, mine.value] ORDER BY mine.id) FROM contacts_contactidentity mine
    WHERE mine.employee_id = {employee}::bigint AND mine.contact_id = numbered.id) AS held FROM (
    SELECT judged.*, row_number() OVER (ORDER BY recorded_at DESC, id DESC) AS nth,
           row_number() OVER (PARTITION BY reason ORDER BY recorded_at DESC, id DESC) AS nth_of_reason,
           count(*) OVER (PARTITION BY reason) AS of_reason,
           row_number() OVER (PARTITION BY reason, earlier) AS nth_of_move,
           count(*) OVER (PARTITION BY reason, earlier) AS of_move
    FROM judged) numbered
WHERE nth <= {latest} OR nth_of_move = 1 OR (nth_of_reason <= {each} AND reason NOT IN ('', 'ended'))
ORDER BY nth
"""


@dataclass(frozen=True)
class OwnStanding:
    """An employee's row with its days and flips, and whether there ever was a review or an adjustment."""

    row: Row
    days: list[Day]
    flips: list[StandingChange]
    asked: bool
    adjusted: bool


def own_standing(standings: Standings, employee: Employee) -> OwnStanding | None:
    """None when the employee is not in the campaign's population."""
    campaign = standings.campaign.pk
    turns = ",".join(TURNS.format(column=column, campaign=campaign) for column in FLIP)
    rows = standings.ask(
        f"SELECT {COLUMNS}, {EXTRA_COLUMNS.format(campaign=campaign)}, {turns} FROM listed"
        f" WHERE employee_id = {employee.pk}::bigint"
    )
    if not rows:
        return None
    (*row, days, counts, asked, adjusted), turned = rows[0][: -len(FLIP)], rows[0][-len(FLIP) :]
    flips = [
        StandingChange(campaign=standings.campaign, employee=employee, **dict(zip(FLIP, turn, strict=True)))
        for turn in zip(*turned, strict=True)
    ]
    by_day = dict(zip(days, counts, strict=True))
    period = standings.days()
    totals = accumulate(by_day.get(day, 0) for day in period)
    curve = [Day(day, by_day.get(day, 0), total) for day, total in zip(period, totals, strict=True)]
    return OwnStanding(Row(*row), curve, flips, asked, adjusted)


@dataclass(frozen=True)
class OwnContacts:
    """An employee's contacts at an instant. Show them to that employee alone.

    `latest`: the newest. `fixable`: by reason, the newest active contacts that do not count, each with `of_reason`, how
    many have it. `by_reason`: how many have which reason, '' counts. `changes`: reason changes since an earlier
    instant, None when none was given.
    """

    latest: list[Any]
    fixable: dict[str, list[Any]]
    by_reason: dict[str, int]
    changes: list[ReasonChange] | None


def own_contacts(
    campaign: Campaign | None, employee: Employee, at: datetime, *, before: datetime | None, latest: int, each: int
) -> OwnContacts:
    """The `latest` newest contacts, and the newest `each` of every reason. Changes are evaluated from the facts at both
    ends.
    """
    internal, reason, earlier = _judged(campaign, employee, at, before)
    statement = CONTACTS.format(
        internal=internal, reason=reason, earlier=earlier, employee=employee.pk,
        recorded=f"AND recorded_at < {sql_literal(at)}" if campaign else "", latest=latest, each=each,
    )  # fmt: skip
    contacts: list[Any] = list(Contact.objects.raw(execute_prepared_sql(statement, DEFAULT_DB_ALIAS), params=None))
    for contact in contacts:
        contact.brought = [
            ContactIdentity(contact=contact, kind=kind, value=value) for kind, value in contact.held or ()
        ]
    newest = [contact for contact in contacts if contact.nth <= latest]
    fixable: dict[str, list[Any]] = {}
    for contact in contacts:
        if contact.reason not in ("", "ended") and contact.nth_of_reason <= each:
            fixable.setdefault(contact.reason, []).append(contact)
    moves = [contact for contact in contacts if contact.nth_of_move == 1]
    changes = [ReasonChange(move.earlier, move.reason, move.of_move) for move in moves if move.earlier != move.reason]
    by_reason = {move.reason: move.of_reason for move in moves}
    return OwnContacts(newest, fixable, by_reason, None if before is None else changes)


def _judged(
    campaign: Campaign | None, employee: Employee, at: datetime, before: datetime | None
) -> tuple[str, str, str]:
    """A CTE or nothing, and the reasons of a contact at `as_of` and at the earlier instant.

    By the rule of that time; NULL for contacts not recorded yet.
    """
    never = "NULL::text"
    if campaign is None:
        return "", "CASE WHEN ended_at IS NULL THEN '' ELSE 'ended' END", never
    whose = employee_ids_sql([employee.pk])
    then = campaign.rule
    if before is not None and then.in_force_from >= before:
        then = campaign.rule_at(before)
    # Internal identities are looked up once, unless the two instants have different rules.
    shared = "internal" if then == campaign.rule else ""
    cte = f"internal AS MATERIALIZED ({internal_since_sql(then, whose)}), " if shared else ""
    reason = exclusion_reason(campaign.rule, at, whose, internal=shared).sql.replace("%%", "%")
    if before is None:
        return cte, reason, never
    earlier = exclusion_reason(then, before, whose, internal=shared).sql.replace("%%", "%")
    return cte, reason, f"CASE WHEN recorded_at < {sql_literal(before)} THEN {earlier} END"
