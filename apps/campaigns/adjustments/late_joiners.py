"""Adjust many by one rule: employees who joined after a day get a pro-rata target.

HR previews them as a list before the request. Each query here is one statement, however many employees there are.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date, datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.campaigns.adjustments.bulk_targets import (
    BulkTarget,
    BulkTargets,
    SkipReason,
    asked_for,
    but,
    has_other_adjustment_sql,
    parted,
    store_listed,
)
from apps.campaigns.adjustments.requests import (
    AdjustmentRefused,
    cleaned_reason,
    conflict,
    find_by_key,
    lock_for_adjustment,
    note_step,
    with_key,
)
from apps.campaigns.models import AdjustmentRequest, Campaign, CampaignRule
from apps.campaigns.models.adjustment import FOR_EVER
from apps.campaigns.population import all_employees_sql, effective_as_of, population_sql
from apps.core.audit import Actor
from apps.core.identity import clean_text
from apps.core.sql import sql_literal
from apps.core.time_zones import company_zone

# The first day of work comes from the roster. It is a day in the company's time zone, in which the roster's dates
# became instants.
JOINED = """
SELECT person.id, person.staff_no, person.name, coalesce(place.department, '') AS department, joined.day, {share},
    {own}
FROM ({population}) population
JOIN employees_employee person ON person.id = population.employee_id
JOIN (SELECT employee_id, (min(starts_at) AT TIME ZONE {zone})::date AS day FROM employees_employment
      WHERE ends_at > {opens_at} AND starts_at < {cutoff_at} GROUP BY 1) joined USING (employee_id)
LEFT JOIN employees_placement place ON place.employee_id = person.id
    AND in_force(place.starts_at, place.ends_at, {look})
WHERE joined.day > {after} AND {share} < {target} AND {in_department}
ORDER BY person.staff_no COLLATE "C"
"""


def prorated_target_sql(rule: CampaignRule, day: str) -> str:
    """Return the target for a column of first days, as SQL: target x days left / all days, rounded up, at least 1.

    Calendar days, including the first day and the deadline.
    """
    whole = (rule.deadline - rule.opens_on).days + 1
    left = f"least({sql_literal(rule.deadline)}::date - {day} + 1, {whole})"
    return f"greatest(({rule.target}::bigint * {left} + {whole - 1}) / {whole}, 1)::int"


def find_late_joiners(
    rule: CampaignRule, at: datetime, joined_after: date, department: str, *, besides: int = 0, waiting: bool = True
) -> list[BulkTarget]:
    """Return the campaign's employees whose first day is after `joined_after` and whose pro-rata target is lower.

    An employee with an adjustment from another request than `besides` is left out as OWN; with `waiting`, also with one
    that is not decided yet.
    """
    placed = f"place.department = {sql_literal(department)}" if department else "true"
    statement = JOINED.format(
        share=prorated_target_sql(rule, "joined.day"),
        own=has_other_adjustment_sql(rule, at, besides=besides, waiting=waiting),
        look=effective_as_of(rule, at), population=population_sql(rule, at, all_employees_sql()),
        zone=sql_literal(company_zone()), opens_at=sql_literal(rule.opens_at), cutoff_at=sql_literal(rule.cutoff_at),
        after=f"{sql_literal(joined_after)}::date", target=rule.target, in_department=placed,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return [
            BulkTarget(
                person, staff_no, name, placed, joined_on, rule.target, share, None, rule.opens_at, FOR_EVER,
                left_out=SkipReason.OWN.value if own else "",
            )
            for person, staff_no, name, placed, joined_on, share, own in cursor.fetchall()
        ]  # fmt: skip


def preview_rule(
    rule: CampaignRule, at: datetime, *, joined_after: date, department: str, besides_employee: int | None
) -> BulkTargets:
    """Return the request this rule would make. HR users cannot adjust themselves, so `besides_employee` is left out.

    Raises AdjustmentRefused when the day is outside the campaign.
    """
    if not rule.opens_on <= joined_after < rule.deadline:
        raise AdjustmentRefused("joined_after", _("Choose a day from the opening to the day before the deadline."))
    found = [but(one, besides_employee) for one in find_late_joiners(rule, at, joined_after, clean_text(department))]
    return parted(found)


def request_prorated_targets(
    *,
    campaign: Campaign,
    joined_after: date,
    reason: str,
    seen: str,
    by: Actor,
    department: str = "",
    key: uuid.UUID | None = None,
) -> AdjustmentRequest:
    """Request the pro-rata target for everyone on the previewed list (`seen`, its digest).

    It is one request, granted or refused as a whole. Raises AdjustmentRefused, also when the list has changed.
    """
    said = cleaned_reason(AdjustmentRequest.Kind.JOINED_LATE, "", reason)
    with transaction.atomic():
        held = lock_for_adjustment(campaign.pk, by)
        if known := find_by_key(key, by):
            return known
        found = preview_rule(
            held.rule, held.now, joined_after=joined_after, department=department, besides_employee=held.employee_id
        )
        if found.digest != seen:
            raise conflict(_("The list has changed since you looked at it. Look again."))
        if not found.listed:
            raise conflict(_("Nobody is on this list."))
        request = AdjustmentRequest.objects.create(
            **with_key(key), campaign=campaign, joined_after=joined_after, department=clean_text(department),
            **held.asking, **said,
        )  # fmt: skip
        store_listed(request, found.listed)
        note_step(request, "asked", by, people=len(found.listed), joined_after=joined_after.isoformat())
    return request


def check_rule(request: AdjustmentRequest, rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets:
    """Compare the stored list with the current facts.

    Returns who would be left out of a grant by that employee, and who now matches the rule as well.
    """
    if request.joined_after is None:
        raise ValueError("this request has no rule")
    found = find_late_joiners(rule, at, request.joined_after, request.department, besides=request.pk, waiting=False)
    now = {one.employee_id: one for one in found}
    asked = asked_for(request, rule).listed
    rows = [replace(one, left_out=_changed(now.pop(one.employee_id, None), one)) for one in asked]
    return parted([but(one, employee_id) for one in rows], [one for one in now.values() if not one.left_out])


def _changed(current: BulkTarget | None, asked: BulkTarget) -> str:
    if current is None:
        return SkipReason.GONE.value
    return current.left_out or ("" if current.target == asked.target else SkipReason.CHANGED.value)
