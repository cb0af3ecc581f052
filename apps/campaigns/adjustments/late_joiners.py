"""Adjust many by one rule: employees who joined after a day get a pro-rata target.

HR previews them as a list before the request. Each query here is one statement, however many employees there are.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date, datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _
from psycopg2.sql import SQL

from apps.campaigns.adjustments.bulk_targets import (
    BulkTarget,
    BulkTargets,
    SkipReason,
    has_other_adjustment_sql,
    requested_targets,
    skip_self,
    split_skipped,
    store_listed,
)
from apps.campaigns.adjustments.requests import (
    cleaned_reason,
    conflict,
    find_by_key,
    lock_for_adjustment,
    note_step,
    refuse_many_bulk_requests,
    with_key,
)
from apps.campaigns.models import AdjustmentRequest, Campaign, CampaignRule
from apps.campaigns.models.adjustment import FOR_EVER
from apps.campaigns.population import ALL_EMPLOYEES, effective_as_of, population_sql, prorated_target_sql
from apps.core.audit import Actor
from apps.core.errors import Refused
from apps.core.sql import compose, statement
from apps.core.text import clean_text
from apps.core.time_zones import company_zone

LATE_JOINERS = statement("campaigns", "adjustments", "late_joiners")


def find_late_joiners(
    rule: CampaignRule, at: datetime, joined_after: date, department: str, rechecked_request_id: int = 0
) -> list[BulkTarget]:
    """Return the campaign's employees whose first day is after `joined_after` and whose pro-rata target is lower.

    An employee with an adjustment from another request is skipped as OWN (see has_other_adjustment_sql).
    """
    has_other = has_other_adjustment_sql(rule, at, rechecked_request_id)
    in_department = compose("placement.department = {department}", department=department) if department else "true"
    late_joiners = compose(
        LATE_JOINERS, prorated_target=SQL(prorated_target_sql(rule, "joined.day")),
        has_other_adjustment=SQL(has_other), population=SQL(population_sql(rule, at, ALL_EMPLOYEES)),
        as_of=SQL(effective_as_of(rule, at)),
        time_zone=company_zone(), opens_at=rule.opens_at, cutoff_at=rule.cutoff_at, joined_after=joined_after,
        target=rule.target, in_department=SQL(in_department),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(late_joiners)
        return [
            BulkTarget(
                employee, staff_no, name, department, joined_on, rule.target, share, None, rule.opens_at, FOR_EVER,
                skip_reason=SkipReason.OWN.value if own else "",
            )
            for employee, staff_no, name, department, joined_on, share, own in cursor.fetchall()
        ]  # fmt: skip


def preview_rule(
    rule: CampaignRule, at: datetime, *, joined_after: date, department: str, acting_employee_id: int | None
) -> BulkTargets:
    """Return the request this rule would make. HR users cannot adjust themselves, so `acting_employee_id` is skipped.

    Raises Refused when the day is outside the campaign, and for a rule that gives joiners such targets by itself.
    """
    if rule.prorate_joiners:
        raise Refused("invalid", _("Late joiners in this campaign already have a pro-rata target."))
    if not rule.opens_on <= joined_after < rule.deadline:
        raise Refused("invalid", _("Choose a day from the opening to the day before the deadline."), "joined_after")
    targets = find_late_joiners(rule, at, joined_after, clean_text(department))
    return split_skipped(skip_self(target, acting_employee_id) for target in targets)


def request_prorated_targets(
    *,
    campaign: Campaign,
    joined_after: date,
    reason: str,
    expected_digest: str,
    by: Actor,
    department: str = "",
    key: uuid.UUID | None = None,
) -> AdjustmentRequest:
    """Request the pro-rata target for everyone on the previewed list (`expected_digest`, its digest).

    It is one request, granted or refused as a whole. Raises Refused, also when the list has changed.
    """
    fields = cleaned_reason(AdjustmentRequest.Kind.JOINED_LATE, "", reason)
    with transaction.atomic():
        context = lock_for_adjustment(campaign.pk, by)
        if existing := find_by_key(key, by):
            return existing
        refuse_many_bulk_requests(by, context.now)
        preview = preview_rule(
            context.rule, context.now, joined_after=joined_after, department=department,
            acting_employee_id=context.employee_id,
        )  # fmt: skip
        if preview.digest != expected_digest:
            raise conflict(_("The list has changed since you saw it. Check it again."))
        if not preview.listed:
            raise conflict(_("This list is empty."))
        request = AdjustmentRequest.objects.create(
            **with_key(key), campaign=campaign, joined_after=joined_after, department=clean_text(department),
            **context.request_fields, **fields,
        )  # fmt: skip
        store_listed(request, preview.listed)
        note_step(request, "asked", by, people=len(preview.listed), joined_after=joined_after.isoformat())
    return request


def check_rule(request: AdjustmentRequest, rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets:
    """Compare the stored list with the current facts.

    Returns who would be left out of a grant by that employee, and who now matches the rule as well.
    """
    if request.joined_after is None:
        raise ValueError("this request has no rule")
    current = find_late_joiners(rule, at, request.joined_after, request.department, request.pk)
    matching = {target.employee_id: target for target in current}
    rows = [
        replace(target, skip_reason=_skip_reason(matching.pop(target.employee_id, None), target))
        for target in requested_targets(request, rule).listed
    ]
    # They joined, or were entered, after the request: another request is for them.
    newcomers = [target for target in matching.values() if not target.skip_reason]
    return split_skipped((skip_self(row, employee_id) for row in rows), newcomers)


def _skip_reason(current: BulkTarget | None, requested: BulkTarget) -> str:
    if current is None:
        return SkipReason.GONE.value
    return current.skip_reason or ("" if current.target == requested.target else SkipReason.CHANGED.value)
