"""Check a request for many again when it is granted, and store who is left out."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils.translation import gettext as _

from apps.campaigns.adjustments.bulk_targets import BulkTargets
from apps.campaigns.adjustments.bulk_upload import check_file
from apps.campaigns.adjustments.late_joiners import check_rule
from apps.campaigns.adjustments.requests import Held, conflict
from apps.campaigns.models import AdjustmentRequest, CampaignRule


def recheck(request: AdjustmentRequest, rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets:
    """Compare the stored list with the current facts.

    Returns who would be left out of a grant by that employee, and who now matches the rule as well.
    """
    check = check_file if request.from_file else check_rule
    return check(request, rule, at, employee_id)


def exclude_changed(request: AdjustmentRequest, held: Held, seen: str) -> None:
    """Store who is left out of a grant. Raises AdjustmentRefused when the approver saw another list."""
    found = recheck(request, held.rule, held.now, held.employee_id)
    if found.digest != seen:
        raise conflict(_("The list has changed since you looked at it. Look again."))
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_adjustment row SET left_out = changed.why"
            " FROM unnest(%s::bigint[], %s::text[]) AS changed(employee_id, why)"
            " WHERE row.request_id = %s AND row.employee_id = changed.employee_id AND row.left_out = ''",
            [
                [one.employee_id for one in found.left_out],
                [one.left_out for one in found.left_out],
                request.pk,
            ],
        )
