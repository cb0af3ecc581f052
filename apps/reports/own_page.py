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
from apps.core.sql import sql_literal, statement
from apps.employees.models import Employee
from apps.reports.employee_detail import ReasonChange
from apps.reports.standings_columns import SELECT_LIST, Row
from apps.reports.standings_report import Standings
from apps.reports.team_report import Day
from apps.standings.evaluation import exclusion_reason, internal_since_sql
from apps.standings.models import StandingChange

CHANGE_FIELDS = ("at", "red", "counted", "target", "exempt", "cause")
EXTRA_COLUMNS = statement("reports", "own_page", "extra_columns")
STATUS_CHANGES = statement("reports", "own_page", "status_changes")
CONTACTS = statement("reports", "own_page", "contacts")


@dataclass(frozen=True)
class OwnStanding:
    """An employee's row with its days and status changes; whether there ever was a review or an adjustment, whether
    an offer of help waits for an answer, and the campaign's newest stored forecast as JSON.
    """

    row: Row
    days: list[Day]
    status_changes: list[StandingChange]
    has_reviews: bool
    has_adjustments: bool
    has_help_offers: bool
    forecast: str | None


def own_standing(standings: Standings, employee: Employee) -> OwnStanding | None:
    campaign = standings.campaign.pk
    # One array for each field: a subquery gives one value beside the row.
    changes = ",".join(STATUS_CHANGES.format(column=column, campaign=campaign) for column in CHANGE_FIELDS)
    # The cast makes it one prepared statement for all employees.
    rows = standings.query(
        f"SELECT {SELECT_LIST}, {EXTRA_COLUMNS.format(campaign=campaign)}, {changes} FROM listed"
        f" WHERE employee_id = {employee.pk}::bigint"
    )
    if not rows:
        return None
    *row, days, counts, has_reviews, has_adjustments, has_help_offers, forecast = rows[0][: -len(CHANGE_FIELDS)]
    columns = rows[0][-len(CHANGE_FIELDS) :]
    status_changes = [
        StandingChange(campaign=standings.campaign, employee=employee, **dict(zip(CHANGE_FIELDS, values, strict=True)))
        for values in zip(*columns, strict=True)
    ]
    by_day = dict(zip(days, counts, strict=True))
    period = standings.days()
    totals = accumulate(by_day.get(day, 0) for day in period)
    curve = [Day(day, by_day.get(day, 0), total) for day, total in zip(period, totals, strict=True)]
    return OwnStanding(Row(*row), curve, status_changes, has_reviews, has_adjustments, has_help_offers, forecast)


@dataclass(frozen=True)
class OwnContacts:
    """An employee's contacts at an instant. Show them to that employee alone.

    `latest`: the newest that have not ended. `fixable`: by reason, the newest active contacts that do not count, each
    with `of_reason`, how many have it. `by_reason`: how many have which reason, '' counts. `changes`: reason changes
    since an earlier instant, None when none was given.
    """

    latest: list[Any]
    fixable: dict[str, list[Any]]
    by_reason: dict[str, int]
    changes: list[ReasonChange] | None


def own_contacts(
    campaign: Campaign | None, employee: Employee, at: datetime, *, before: datetime | None, latest: int, each: int
) -> OwnContacts:
    """The `latest` newest contacts that have not ended, and the newest `each` of every reason.

    Changes are evaluated from the facts at both ends.
    """
    internal, reason, earlier = _reason_expressions(campaign, employee, at, before)
    select = CONTACTS.format(
        internal=internal, reason=reason, earlier=earlier, employee=employee.pk,
        recorded=f"recorded_at < {sql_literal(at)}" if campaign else "true", latest=latest, each=each,
    )  # fmt: skip
    contacts: list[Any] = list(Contact.objects.raw(execute_prepared_sql(select, DEFAULT_DB_ALIAS), params=None))
    for contact in contacts:
        contact.page_identities = [
            ContactIdentity(contact=contact, kind=kind, value=value) for kind, value in contact.held or ()
        ]
    newest = [contact for contact in contacts if contact.nth <= latest and contact.reason != "ended"]
    fixable: dict[str, list[Any]] = {}
    for contact in contacts:
        # An ended contact is done with; the other reasons may be corrected.
        if contact.reason not in ("", "ended") and contact.nth_of_reason <= each:
            fixable.setdefault(contact.reason, []).append(contact)
    firsts = [contact for contact in contacts if contact.nth_of_change == 1]
    changes = [
        ReasonChange(contact.earlier, contact.reason, contact.of_change)
        for contact in firsts
        if contact.earlier != contact.reason
    ]
    by_reason = {contact.reason: contact.of_reason for contact in firsts}
    return OwnContacts(newest, fixable, by_reason, None if before is None else changes)


def _reason_expressions(
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
    # The rule may have changed between the two instants.
    if before is not None and then.in_force_from >= before:
        then = campaign.rule_at(before)
    # Internal identities are looked up once, unless the two instants have different rules.
    shared = "internal" if then == campaign.rule else ""
    cte = f"internal AS MATERIALIZED ({internal_since_sql(then, whose)}), " if shared else ""
    # The expression is written for a statement with parameters; this one has none.
    reason = exclusion_reason(campaign.rule, at, whose, internal=shared).sql.replace("%%", "%")
    if before is None:
        return cte, reason, never
    earlier = exclusion_reason(then, before, whose, internal=shared).sql.replace("%%", "%")
    return cte, reason, f"CASE WHEN recorded_at < {sql_literal(before)} THEN {earlier} END"
