"""Files of events in a campaign: flips, adjustments, reviews, leavers, roster changes.

Each shows the state just before an instant, however much later it is made. Later events are left out or shown as open.
"""

from __future__ import annotations

from datetime import datetime

from apps.campaigns.models import Campaign
from apps.campaigns.models.adjustment import FOR_EVER
from apps.campaigns.population import effective_as_of
from apps.core.sql import sql_literal, statement
from apps.core.time_zones import company_zone
from apps.exports.csv_columns import Column, Table, code, constant, day, instant, number, text, yes_no
from apps.reports.standings_report import Standings
from apps.standings.evaluation import exclusion_case_sql

FLIPS = statement("exports", "events", "flips")
REVIEWS = statement("exports", "events", "reviews")
# Names are not unique: the number says which person acted. The audit trail has it too.
ACTORS = statement("exports", "events", "actors")
ADJUSTMENT_REQUESTS = statement("exports", "events", "adjustment_requests")
ADJUSTMENTS = statement("exports", "events", "adjustments")
ADJUSTMENT_STATE = statement("exports", "events", "adjustment_state")
LEAVER_CONTACTS = statement("exports", "events", "leaver_contacts")
LEAVERS = statement("exports", "events", "leavers")
ROSTER_CHANGES = statement("exports", "events", "roster_changes")


def flips_table(standings: Standings) -> Table:
    """Every flip between red and not red of the filtered people, by person and time."""
    rows = FLIPS.format(campaign=standings.campaign.pk, now=sql_literal(standings.now), where=standings.where)
    columns = {
        "staff_no": text("staff_no"),
        "name": text("name"),
        "at": instant("change.at"),
        "red": yes_no("red"),
        "counted": number("counted"),
        "target": number("target"),
        "exempt": yes_no("exempt"),
        "cause": code("cause"),
        "as_of": constant(standings.now),
    }
    return Table(columns, rows, standings.rule.time_zone, standings.sources)


def review_columns(now: datetime) -> dict[str, Column]:
    """The columns of a file of reviews, in order. Never the employee's text or ticked contacts."""
    return {
        "staff_no": text("employee.staff_no"),
        "name": text("employee.name"),
        "state": code("review.state"),
        "asked_at": instant("review.asked_at"),
        "due_at": instant("review.due_at"),
        "answer": code("review.answer_kind"),
        "answered_by": text("review.answered_by_label"),
        "answered_at": instant("CASE WHEN review.state = 'answered' THEN review.closed_at END"),
        "as_of": constant(now),
    }


def reviews_table(campaign: Campaign, now: datetime) -> Table:
    rows = REVIEWS.format(campaign=campaign.pk, now=sql_literal(now))
    return Table(review_columns(now), rows, campaign.rule.time_zone)


def adjustments_table(campaign: Campaign, now: datetime) -> Table:
    """All adjustment requests of a campaign, one line for each person, by request and staff number."""
    requests = ADJUSTMENT_REQUESTS.format(actors=ACTORS, campaign=campaign.pk, now=sql_literal(now))
    return Table(_adjustment_columns(campaign, now), ADJUSTMENTS, campaign.rule.time_zone, requests)


def _adjustment_columns(campaign: Campaign, now: datetime) -> dict[str, Column]:
    """`state` is as of `now`, or as of the cut-off after it."""
    # Periods end before an instant; readers expect the last day that belongs to them.
    first, last = "adjustment.starts_at::date", "(adjustment.ends_at - interval '1 microsecond')::date"
    decided = "request.decision IS NOT NULL"
    return {
        "request": number("adjustment.request_id"),
        "staff_no": text("employee.staff_no"),
        "name": text("employee.name"),
        "kind": code("request.kind"),
        "kind_text": text("request.kind_text"),
        "target": number("adjustment.target"),
        "exempt": yes_no("adjustment.exempt"),
        "from": day(first),
        "until": day(f"CASE WHEN adjustment.ends_at < {sql_literal(FOR_EVER)} THEN {last} END"),
        "reason": text("request.reason"),
        "by_rule": yes_no("request.joined_after IS NOT NULL"),
        "file": text("request.file_name"),
        "asked_by": text("request.asked_by_label"),
        "asked_at": instant("request.asked_at"),
        "decided_by": text("request.decided_by_label"),
        "decided_at": instant("request.decided_at"),
        "granted_at": instant("adjustment.granted_at"),
        "refusal": text(f"coalesce(nullif(request.note, ''), CASE WHEN {decided} THEN adjustment.left_out END)"),
        "end_asked_by": text("ending.asked_by_label"),
        "end_granted_by": text("ending.decided_by_label"),
        "end_reason": text("ending.reason"),
        "ended_at": instant("adjustment.ended_at"),
        "state": code(ADJUSTMENT_STATE.format(at=effective_as_of(campaign.rule, now))),
        "asked_by_staff_no": text("request.asked_by_staff_no"),
        "decided_by_staff_no": text("request.decided_by_staff_no"),
        "end_asked_by_staff_no": text("ending.asked_by_staff_no"),
        "end_granted_by_staff_no": text("ending.decided_by_staff_no"),
    }


def leavers_table(campaign: Campaign, now: datetime) -> Table:
    """Employees who left between the opening and `now`. They are in no total or result; their contacts count."""
    rule = campaign.rule_at(now)
    at = effective_as_of(rule, now)
    contacts = LEAVER_CONTACTS.format(
        at=at,
        opens_at=sql_literal(rule.opens_at),
        reason=exclusion_case_sql(rule, now, "SELECT employee_id FROM leaver", "contact"),
    )
    rows = LEAVERS.format(scope=f"placement.department = ANY({sql_literal(rule.scope)})" if rule.scope else "true")
    columns = {
        "staff_no": text("employee.staff_no"),
        "name": text("employee.name"),
        "email": text("employee.email"),
        "department": text("placement.department"),
        "manager_staff_no": text("manager.staff_no"),
        # The roster's own day; the stored instant is in the company's zone.
        "left_on": day(f"(leaver.left_at - interval '1 microsecond') AT TIME ZONE {sql_literal(company_zone())}"),
        "counted": number("coalesce(counting.counted, 0)"),
        "as_of": constant(now),
        "manager_name": text("manager.name"),
    }
    return Table(columns, rows, rule.time_zone, contacts)


def roster_changes_table(campaign: Campaign, since: datetime, now: datetime) -> Table:
    """Employees who joined, left or moved from `since` until just before `now`, by time and staff number."""
    rows = ROSTER_CHANGES.format(since=sql_literal(since), now=sql_literal(now))
    columns = {
        "at": instant("change.at"),
        "staff_no": text("employee.staff_no"),
        "name": text("employee.name"),
        "change": code("change.change"),
        "department_before": text("former.department"),
        "department": text("placement.department"),
        "manager_before": text("former_manager.staff_no"),
        "manager_staff_no": text("manager.staff_no"),
        "since": constant(since),
        "as_of": constant(now),
        "manager_name": text("manager.name"),
    }
    return Table(columns, rows, campaign.rule.time_zone)
