"""Files of events in a campaign: flips, adjustments, reviews, leavers, roster changes.

Each shows the state just before an instant, however much later it is made. Later events are left out or shown as open.
"""

from __future__ import annotations

from datetime import datetime

from apps.campaigns.models import Campaign
from apps.campaigns.models.adjustment import FOR_EVER
from apps.campaigns.population import effective_as_of
from apps.core.sql import sql_literal
from apps.core.time_zones import company_zone
from apps.exports.csv_columns import Column, Table, Write, constant, day, instant, number, text, word, yes_no
from apps.reports.standings_report import Standings
from apps.standings.evaluation import exclusion_case_sql


def flips_table(standings: Standings) -> Table:
    """Every flip between red and not red of the filtered people, by person and time."""
    rows = f"""FROM (SELECT listed.staff_no, listed.name, turn.* FROM standings_standingchange turn
            JOIN listed ON listed.employee_id = turn.employee_id
            WHERE turn.campaign_id = {sql_literal(standings.campaign.pk)} AND turn.at < {sql_literal(standings.now)}
              AND listed.employee_id IN (SELECT employee_id FROM listed WHERE {standings.where})) turn
        ORDER BY turn.staff_no, turn.at, turn.id"""
    columns = {
        "staff_no": text("staff_no"),
        "name": text("name"),
        "at": instant("turn.at"),
        "red": yes_no("red"),
        "counted": number("counted"),
        "target": number("target"),
        "exempt": yes_no("exempt"),
        "cause": word("cause"),
        "as_of": constant(standings.now),
    }
    return Table(columns, rows, standings.rule.time_zone, standings.sources)


def review_columns(now: datetime) -> dict[str, Column]:
    """The columns of a file of reviews, in order. Never the employee's text or ticked contacts."""
    return {
        "staff_no": text("person.staff_no"),
        "name": text("person.name"),
        "state": word("review.state"),
        "asked_at": instant("review.asked_at"),
        "due_at": instant("review.due_at"),
        "answer": word("review.answer_kind"),
        "answered_by": text("review.answered_by_label"),
        "answered_at": instant("CASE WHEN review.state = 'answered' THEN review.closed_at END"),
        "as_of": constant(now),
    }


def reviews_table(campaign: Campaign, now: datetime) -> Table:
    """Every review of a campaign as of `now`, oldest first."""
    closed = f"closed_at < {sql_literal(now)}"
    rows = f"""FROM (SELECT id, employee_id, asked_at, due_at, CASE WHEN {closed} THEN state ELSE 'open' END AS state,
            CASE WHEN {closed} THEN answer_kind END AS answer_kind,
            CASE WHEN {closed} THEN answered_by_label ELSE '' END AS answered_by_label,
            CASE WHEN {closed} THEN closed_at END AS closed_at
          FROM reviews_review WHERE campaign_id = {sql_literal(campaign.pk)} AND asked_at < {sql_literal(now)}) review
        JOIN employees_employee person ON person.id = review.employee_id ORDER BY review.asked_at, review.id"""
    return Table(review_columns(now), rows, campaign.rule.time_zone)


def write_reviews(campaign: Campaign, now: datetime, write: Write) -> None:
    """Write the CSV of every review of a campaign, oldest first, in the format of the standings."""
    reviews_table(campaign, now).write(write)


def adjustments_table(campaign: Campaign, now: datetime) -> Table:
    """All adjustment requests of a campaign, one line for each person, by request and staff number."""
    return Table(_adjustment_columns(campaign, now), _adjustment_rows(campaign, now), campaign.rule.time_zone)


def _adjustment_rows(campaign: Campaign, now: datetime) -> str:
    at = sql_literal(now)
    asked = f"""SELECT id, kind, kind_text, reason, joined_after, file_name, asked_by_label, asked_at,
        ends_id,
        CASE WHEN decided_at < {at} THEN decision END AS decision,
        CASE WHEN decided_at < {at} THEN decided_at END AS decided_at,
        CASE WHEN decided_at < {at} THEN decided_by_label ELSE '' END AS decided_by_label,
        CASE WHEN decided_at < {at} THEN note ELSE '' END AS note
        FROM campaigns_adjustmentrequest WHERE campaign_id = {campaign.pk} AND asked_at < {at}"""
    row = f"""SELECT id, request_id, employee_id, target, exempt, starts_at, ends_at,
        CASE WHEN granted_at < {at} THEN granted_at END AS granted_at,
        CASE WHEN ended_at < {at} THEN ended_at END AS ended_at, left_out
        FROM campaigns_adjustment WHERE campaign_id = {campaign.pk}"""
    return f"""FROM ({row}) row JOIN ({asked}) asked ON asked.id = row.request_id
        JOIN employees_employee person ON person.id = row.employee_id
        LEFT JOIN ({asked}) ending ON ending.ends_id = row.request_id AND ending.decision = 'granted'
            AND ending.decided_at = row.ended_at
        ORDER BY row.request_id, person.staff_no COLLATE "C" """


def _adjustment_columns(campaign: Campaign, now: datetime) -> dict[str, Column]:
    """`state` is as of `now`, or as of the cut-off after it."""
    first, last = "row.starts_at::date", "(row.ends_at - interval '1 microsecond')::date"
    at = effective_as_of(campaign.rule, now)
    decided = "asked.decision IS NOT NULL"
    return {
        "request": number("row.request_id"),
        "staff_no": text("person.staff_no"),
        "name": text("person.name"),
        "kind": word("asked.kind"),
        "kind_text": text("asked.kind_text"),
        "target": number("row.target"),
        "exempt": yes_no("row.exempt"),
        "from": day(first),
        "until": day(f"CASE WHEN row.ends_at < {sql_literal(FOR_EVER)} THEN {last} END"),
        "reason": text("asked.reason"),
        "by_rule": yes_no("asked.joined_after IS NOT NULL"),
        "file": text("asked.file_name"),
        "asked_by": text("asked.asked_by_label"),
        "asked_at": instant("asked.asked_at"),
        "decided_by": text("asked.decided_by_label"),
        "decided_at": instant("asked.decided_at"),
        "granted_at": instant("row.granted_at"),
        "refusal": text(f"coalesce(nullif(asked.note, ''), CASE WHEN {decided} THEN row.left_out END)"),
        "end_asked_by": text("ending.asked_by_label"),
        "end_granted_by": text("ending.decided_by_label"),
        "end_reason": text("ending.reason"),
        "ended_at": instant("row.ended_at"),
        "state": word(f"""CASE WHEN asked.decision IS NULL THEN 'waiting' WHEN asked.decision <> 'granted'
            THEN asked.decision WHEN row.granted_at IS NULL THEN 'left_out' WHEN row.ended_at < {at} THEN 'ended'
            WHEN in_force(row.starts_at, row.ends_at, {at}) THEN 'in_force'
            WHEN row.starts_at >= {at} THEN 'later' ELSE 'over' END"""),
    }


def write_adjustments(campaign: Campaign, now: datetime, write: Write) -> None:
    """Write the CSV of all adjustment requests of a campaign, in the format of the standings."""
    adjustments_table(campaign, now).write(write)


def leavers_table(campaign: Campaign, now: datetime) -> Table:
    """Employees who left between the opening and `now`. They are in no total or result; their contacts count."""
    rule = campaign.rule_at(now)
    look = effective_as_of(rule, now)
    left = f"""SELECT employee_id, max(ends_at) AS left_at FROM employees_employment
        WHERE starts_at < {look} GROUP BY 1
        HAVING max(ends_at) < {look} AND max(ends_at) > {sql_literal(rule.opens_at)}"""
    reason = exclusion_case_sql(rule, now, "SELECT employee_id FROM leaver", "contact")
    scope = f"WHERE place.department = ANY({sql_literal(rule.scope)})" if rule.scope else ""
    begin = f"""WITH leaver AS MATERIALIZED ({left}), counting AS (
        SELECT employee_id, count(*) AS counted FROM contacts_contact contact
        WHERE employee_id IN (SELECT employee_id FROM leaver) AND recorded_at < {look} AND {reason} = '' GROUP BY 1)"""
    rows = f"""FROM leaver JOIN employees_employee person ON person.id = leaver.employee_id
        LEFT JOIN employees_placement place ON place.employee_id = leaver.employee_id
            AND in_force(place.starts_at, place.ends_at, leaver.left_at)
        LEFT JOIN employees_employee boss ON boss.id = place.manager_id
        LEFT JOIN counting ON counting.employee_id = leaver.employee_id {scope}
        ORDER BY person.staff_no COLLATE "C" """
    columns = {
        "staff_no": text("person.staff_no"),
        "name": text("person.name"),
        "email": text("person.email"),
        "department": text("place.department"),
        "manager_staff_no": text("boss.staff_no"),
        # The roster's own day; the stored instant is in the company's zone.
        "left_on": day(f"(leaver.left_at - interval '1 microsecond') AT TIME ZONE {sql_literal(company_zone())}"),
        "counted": number("coalesce(counting.counted, 0)"),
        "as_of": constant(now),
    }
    return Table(columns, rows, rule.time_zone, begin)


def roster_changes_table(campaign: Campaign, since: datetime, now: datetime) -> Table:
    """Employees who joined, left or moved from `since` until just before `now`, by time and staff number."""
    from_then = f"{sql_literal(since)} <= {{at}} AND {{at}} < {sql_literal(now)} AND {{at}} < 'infinity'"
    joined, left, moved = (from_then.format(at=at) for at in ("work.starts_at", "work.ends_at", "place.starts_at"))
    changes = f"""
        SELECT work.employee_id, work.starts_at AS at, 'joined' AS change, NULL::bigint AS was_id, place.id AS place_id
        FROM employees_employment work LEFT JOIN employees_placement place ON place.employee_id = work.employee_id
            AND in_force_from(place.starts_at, place.ends_at, work.starts_at) WHERE {joined}
        UNION ALL
        SELECT work.employee_id, work.ends_at, 'left', place.id, NULL
        FROM employees_employment work LEFT JOIN employees_placement place ON place.employee_id = work.employee_id
            AND in_force(place.starts_at, place.ends_at, work.ends_at) WHERE {left}
        UNION ALL
        SELECT place.employee_id, place.starts_at, 'moved', was.id, place.id
        FROM employees_placement place JOIN employees_placement was
            ON was.employee_id = place.employee_id AND was.ends_at = place.starts_at WHERE {moved}"""
    rows = f"""FROM ({changes}) turn JOIN employees_employee person ON person.id = turn.employee_id
        LEFT JOIN employees_placement was ON was.id = turn.was_id
        LEFT JOIN employees_employee boss_was ON boss_was.id = was.manager_id
        LEFT JOIN employees_placement place ON place.id = turn.place_id
        LEFT JOIN employees_employee boss ON boss.id = place.manager_id
        ORDER BY turn.at, person.staff_no COLLATE "C", turn.change"""
    columns = {
        "at": instant("turn.at"),
        "staff_no": text("person.staff_no"),
        "name": text("person.name"),
        "change": word("turn.change"),
        "department_before": text("was.department"),
        "department": text("place.department"),
        "manager_before": text("boss_was.staff_no"),
        "manager_staff_no": text("boss.staff_no"),
        "since": constant(since),
        "as_of": constant(now),
    }
    return Table(columns, rows, campaign.rule.time_zone)
