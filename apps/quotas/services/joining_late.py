"""Adjusting many by one rule: who joined after a day gets the target pro rata, seen as a list before it is applied.

Every question here is one statement, however many people there are.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.employees.services import company_zone
from apps.ledger.rules import clean_text
from apps.ledger.services import Actor
from apps.quotas.adjustments import FOR_EVER
from apps.quotas.models import Adjustment, AdjustmentRequest, Campaign, CampaignRule
from apps.quotas.querysets import everyone, judged_at, literal, population_sql
from apps.quotas.services.adjusting import (
    AdjustmentRefused,
    Held,
    conflict,
    hold,
    keyed,
    note_step,
    sent_before,
    words_of,
)

LeftOut = Adjustment.LeftOut
# The first day of work is the roster's: a day of the company's zone, in which the roster's dates became instants.
JOINED = """
SELECT person.id, person.staff_no, person.name, coalesce(place.department, '') AS department, joined.day, {share},
    EXISTS (SELECT 1 FROM quotas_adjustment own JOIN quotas_adjustmentrequest asked ON asked.id = own.request_id
        WHERE own.employee_id = person.id AND own.campaign_id = {campaign} AND own.left_out = ''
          AND own.request_id <> {besides} AND (own.ended_at IS NULL OR own.ended_at >= {look})
          AND own.ends_at >= {look} AND ({waiting} OR own.granted_at IS NOT NULL))
FROM ({population}) population
JOIN employees_employee person ON person.id = population.employee_id
JOIN (SELECT employee_id, (min(starts_at) AT TIME ZONE {zone})::date AS day FROM employees_employment
      WHERE ends_at > {opens_at} AND starts_at < {cutoff_at} GROUP BY 1) joined USING (employee_id)
LEFT JOIN employees_placement place ON place.employee_id = person.id
    AND place.starts_at < {look} AND place.ends_at >= {look}
WHERE joined.day > {after} AND {share} < {target} AND {in_department}
ORDER BY person.staff_no COLLATE "C"
"""
ROWS = """
SELECT person.id, person.staff_no, person.name, coalesce(place.department, ''), (
        SELECT (min(starts_at) AT TIME ZONE {zone})::date FROM employees_employment
        WHERE employee_id = person.id AND ends_at > {opens_at} AND starts_at < {cutoff_at}),
    {target}, row.target, row.left_out
FROM quotas_adjustment row JOIN employees_employee person ON person.id = row.employee_id
LEFT JOIN employees_treenode place ON place.employee_id = person.id
WHERE row.request_id = {request} ORDER BY person.staff_no COLLATE "C"
"""


@dataclass(frozen=True)
class Joiner:
    """One person of the rule: the first day, the campaign's target and the new one; `left_out` says why not."""

    employee_id: int
    staff_no: str
    name: str
    department: str
    joined_on: date | None
    old_target: int
    target: int
    left_out: str = ""


@dataclass(frozen=True)
class Joiners:
    """Whom a rule adjusts, whom it leaves out and why, and who has come to it since it was asked for.

    `digest` stands for all of it: an act names the one that was looked at.
    """

    listed: list[Joiner]
    left_out: list[Joiner]
    newcomers: list[Joiner]

    @property
    def digest(self) -> str:
        lines = [f"{one.staff_no}\0{one.target}\0{one.left_out}\n" for one in (*self.listed, *self.left_out)]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def share_sql(rule: CampaignRule, day: str) -> str:
    """rules.pro_rata in SQL for a column of first days."""
    whole = (rule.deadline - rule.opens_on).days + 1
    left = f"least({literal(rule.deadline)}::date - {day} + 1, {whole})"
    return f"greatest(({rule.target}::bigint * {left} + {whole - 1}) / {whole}, 1)::int"


def who_joined(
    rule: CampaignRule, at: datetime, joined_after: date, department: str, *, besides: int = 0, waiting: bool = True
) -> list[Joiner]:
    """Everybody of the campaign whose first day in it is after that day and whose share is less than the target.

    Whoever has another adjustment than those of the request `besides` is left out as OWN; with `waiting`, also for one
    that is not decided yet.
    """
    placed = f"place.department = {literal(department)}" if department else "true"
    statement = JOINED.format(
        share=share_sql(rule, "joined.day"), campaign=rule.campaign_id, besides=besides, look=judged_at(rule, at),
        waiting=literal(waiting) + " AND asked.decision IS NULL", population=population_sql(rule, at, everyone()),
        zone=literal(company_zone()), opens_at=literal(rule.opens_at), cutoff_at=literal(rule.cutoff_at),
        after=f"{literal(joined_after)}::date", target=rule.target, in_department=placed,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [
            Joiner(person, staff_no, name, placed, joined_on, rule.target, share, LeftOut.OWN.value if own else "")
            for person, staff_no, name, placed, joined_on, share, own in cursor.fetchall()
        ]


def preview_rule(
    rule: CampaignRule, at: datetime, *, joined_after: date, department: str, besides_employee: int | None
) -> Joiners:
    """What asking for this rule would ask for; nobody asks for themself. Raises AdjustmentRefused for another day."""
    if not rule.opens_on <= joined_after < rule.deadline:
        raise AdjustmentRefused("joined_after", _("Choose a day from the opening to the day before the deadline."))
    found = [_but(one, besides_employee) for one in who_joined(rule, at, joined_after, clean_text(department))]
    return _parted(found, [])


def ask_by_rule(
    *,
    campaign: Campaign,
    joined_after: date,
    reason: str,
    seen: str,
    by: Actor,
    department: str = "",
    key: uuid.UUID | None = None,
) -> AdjustmentRequest:
    """Ask for the pro-rata target of everybody of the list that was looked at (`seen`, its digest).

    One request: it is granted or refused as one. Raises AdjustmentRefused, also when the list is another one by now.
    """
    said = words_of(AdjustmentRequest.Kind.JOINED_LATE, "", reason)
    with transaction.atomic():
        held = hold(campaign.pk, by)
        if known := sent_before(key, by):
            return known
        found = preview_rule(
            held.rule, held.now, joined_after=joined_after, department=department, besides_employee=held.employee_id
        )
        if found.digest != seen:
            raise conflict(_("The list has changed since you looked at it. Look again."))
        if not found.listed:
            raise conflict(_("Nobody is on this list."))
        request = AdjustmentRequest.objects.create(
            **keyed(key), campaign=campaign, joined_after=joined_after, department=clean_text(department),
            **held.asking, **said,
        )  # fmt: skip
        _store(request, held.rule, found.listed)
        note_step(request, "asked", by, people=len(found.listed), joined_after=joined_after.isoformat())
    return request


def _store(request: AdjustmentRequest, rule: CampaignRule, listed: list[Joiner]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO quotas_adjustment (request_id, campaign_id, employee_id, target, starts_at, ends_at, left_out)"
            " SELECT %s, %s, employee_id, target, %s, %s, ''"
            " FROM unnest(%s::bigint[], %s::int[]) AS listed(employee_id, target)",
            [
                *(request.pk, request.campaign_id, rule.opens_at, FOR_EVER),
                *([one.employee_id for one in listed], [one.target for one in listed]),
            ],
        )


def asked_for(request: AdjustmentRequest, rule: CampaignRule) -> Joiners:
    """The list as it was asked for and, once it is granted, with those who were left out."""
    statement = ROWS.format(
        zone=literal(company_zone()), opens_at=literal(rule.opens_at), cutoff_at=literal(rule.cutoff_at),
        target=rule.target, request=literal(request.pk),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return _parted([Joiner(*row) for row in cursor.fetchall()], [])


def check_rule(request: AdjustmentRequest, rule: CampaignRule, at: datetime, employee_id: int | None) -> Joiners:
    """The stored list against the facts of now: who would be left out of a grant by that employee, and who came."""
    if request.joined_after is None:
        raise ValueError("this request has no rule")
    found = who_joined(rule, at, request.joined_after, request.department, besides=request.pk, waiting=False)
    now = {one.employee_id: one for one in found}
    asked = asked_for(request, rule).listed
    rows = [replace(one, left_out=_changed(now.pop(one.employee_id, None), one.target)) for one in asked]
    return _parted([_but(one, employee_id) for one in rows], [one for one in now.values() if not one.left_out])


def leave_out_changed(request: AdjustmentRequest, held: Held, seen: str) -> None:
    """Write down who is left out of a grant. Raises AdjustmentRefused when the granter looked at another list."""
    found = check_rule(request, held.rule, held.now, held.employee_id)
    if found.digest != seen:
        raise conflict(_("The list has changed since you looked at it. Look again."))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE quotas_adjustment row SET left_out = changed.why"
            " FROM unnest(%s::bigint[], %s::text[]) AS changed(employee_id, why)"
            " WHERE row.request_id = %s AND row.employee_id = changed.employee_id AND row.left_out = ''",
            [
                [one.employee_id for one in found.left_out],
                [one.left_out for one in found.left_out],
                request.pk,
            ],
        )


def _changed(current: Joiner | None, target: int) -> str:
    if current is None:
        return LeftOut.GONE.value
    return current.left_out or ("" if current.target == target else LeftOut.CHANGED.value)


def _but(one: Joiner, employee_id: int | None) -> Joiner:
    """The person, left out when it is the one who acts."""
    return replace(one, left_out=LeftOut.SELF.value) if one.employee_id == employee_id else one


def _parted(found: Iterable[Joiner], newcomers: list[Joiner]) -> Joiners:
    rows = list(found)
    return Joiners([one for one in rows if not one.left_out], [one for one in rows if one.left_out], newcomers)
