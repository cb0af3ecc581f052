"""Granting for many: the list looked up again, and who is left out of it written down."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils.translation import gettext as _

from apps.quotas.models import AdjustmentRequest, CampaignRule
from apps.quotas.services.adjusting import Held, conflict
from apps.quotas.services.by_file import check_file
from apps.quotas.services.candidates import BulkTargets
from apps.quotas.services.joining_late import check_rule


def recheck(request: AdjustmentRequest, rule: CampaignRule, at: datetime, employee_id: int | None) -> BulkTargets:
    """The stored list against the facts of now: who would be left out of a grant by that employee, and who came."""
    check = check_file if request.from_file else check_rule
    return check(request, rule, at, employee_id)


def exclude_changed(request: AdjustmentRequest, held: Held, seen: str) -> None:
    """Write down who is left out of a grant. Raises AdjustmentRefused when the granter looked at another list."""
    found = recheck(request, held.rule, held.now, held.employee_id)
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
