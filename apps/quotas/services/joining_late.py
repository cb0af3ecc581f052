"""Adjusting many by one rule: who joined after a day gets the target pro rata, seen as a list before it is applied.

Every question here is one statement, however many people there are.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date, datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.employees.services import company_zone
from apps.ledger.rules import clean_text
from apps.ledger.services import Actor
from apps.quotas.adjustments import FOR_EVER
from apps.quotas.models import AdjustmentRequest, Campaign, CampaignRule
from apps.quotas.querysets import everyone, judged_at, literal, population_sql
from apps.quotas.services.adjusting import (
    AdjustmentRefused,
    conflict,
    hold,
    keyed,
    note_step,
    sent_before,
    words_of,
)
from apps.quotas.services.candidates import (
    Candidate,
    Candidates,
    LeftOut,
    asked_for,
    but,
    own_sql,
    parted,
    store_listed,
)

# The first day of work is the roster's: a day of the company's zone, in which the roster's dates became instants.
JOINED = """
SELECT person.id, person.staff_no, person.name, coalesce(place.department, '') AS department, joined.day, {share},
    {own}
FROM ({population}) population
JOIN employees_employee person ON person.id = population.employee_id
JOIN (SELECT employee_id, (min(starts_at) AT TIME ZONE {zone})::date AS day FROM employees_employment
      WHERE ends_at > {opens_at} AND starts_at < {cutoff_at} GROUP BY 1) joined USING (employee_id)
LEFT JOIN employees_placement place ON place.employee_id = person.id
    AND place.starts_at < {look} AND place.ends_at >= {look}
WHERE joined.day > {after} AND {share} < {target} AND {in_department}
ORDER BY person.staff_no COLLATE "C"
"""


def share_sql(rule: CampaignRule, day: str) -> str:
    """rules.pro_rata in SQL for a column of first days."""
    whole = (rule.deadline - rule.opens_on).days + 1
    left = f"least({literal(rule.deadline)}::date - {day} + 1, {whole})"
    return f"greatest(({rule.target}::bigint * {left} + {whole - 1}) / {whole}, 1)::int"


def who_joined(
    rule: CampaignRule, at: datetime, joined_after: date, department: str, *, besides: int = 0, waiting: bool = True
) -> list[Candidate]:
    """Everybody of the campaign whose first day in it is after that day and whose share is less than the target.

    Whoever has another adjustment than those of the request `besides` is left out as OWN; with `waiting`, also for one
    that is not decided yet.
    """
    placed = f"place.department = {literal(department)}" if department else "true"
    statement = JOINED.format(
        share=share_sql(rule, "joined.day"), own=own_sql(rule, at, besides=besides, waiting=waiting),
        look=judged_at(rule, at), population=population_sql(rule, at, everyone()),
        zone=literal(company_zone()), opens_at=literal(rule.opens_at), cutoff_at=literal(rule.cutoff_at),
        after=f"{literal(joined_after)}::date", target=rule.target, in_department=placed,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [
            Candidate(
                person, staff_no, name, placed, joined_on, rule.target, share, None, rule.opens_at, FOR_EVER,
                left_out=LeftOut.OWN.value if own else "",
            )
            for person, staff_no, name, placed, joined_on, share, own in cursor.fetchall()
        ]  # fmt: skip


def preview_rule(
    rule: CampaignRule, at: datetime, *, joined_after: date, department: str, besides_employee: int | None
) -> Candidates:
    """What asking for this rule would ask for; nobody asks for themself. Raises AdjustmentRefused for another day."""
    if not rule.opens_on <= joined_after < rule.deadline:
        raise AdjustmentRefused("joined_after", _("Choose a day from the opening to the day before the deadline."))
    found = [but(one, besides_employee) for one in who_joined(rule, at, joined_after, clean_text(department))]
    return parted(found)


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
        store_listed(request, found.listed)
        note_step(request, "asked", by, people=len(found.listed), joined_after=joined_after.isoformat())
    return request


def check_rule(request: AdjustmentRequest, rule: CampaignRule, at: datetime, employee_id: int | None) -> Candidates:
    """The stored list against the facts of now: who would be left out of a grant by that employee, and who came."""
    if request.joined_after is None:
        raise ValueError("this request has no rule")
    found = who_joined(rule, at, request.joined_after, request.department, besides=request.pk, waiting=False)
    now = {one.employee_id: one for one in found}
    asked = asked_for(request, rule).listed
    rows = [replace(one, left_out=_changed(now.pop(one.employee_id, None), one)) for one in asked]
    return parted([but(one, employee_id) for one in rows], [one for one in now.values() if not one.left_out])


def _changed(current: Candidate | None, asked: Candidate) -> str:
    if current is None:
        return LeftOut.GONE.value
    return current.left_out or ("" if current.target == asked.target else LeftOut.CHANGED.value)
