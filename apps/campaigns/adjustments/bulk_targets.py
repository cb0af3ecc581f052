"""The employees of a request for many: who is adjusted, who is left out and why, as one list with a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import connection

from apps.campaigns.models import Adjustment, AdjustmentRequest, CampaignRule
from apps.campaigns.population import effective_as_of
from apps.core.sql import sql_literal
from apps.core.time_zones import company_zone

SkipReason = Adjustment.SkipReason
ROWS = """
SELECT person.id, person.staff_no, person.name, coalesce(place.department, ''), (
        SELECT (min(starts_at) AT TIME ZONE {zone})::date FROM employees_employment
        WHERE employee_id = person.id AND ends_at > {opens_at} AND starts_at < {cutoff_at}),
    {target}, row.target, row.exempt, row.starts_at, row.ends_at, row.ended_at, row.left_out
FROM campaigns_adjustment row JOIN employees_employee person ON person.id = row.employee_id
LEFT JOIN employees_treenode place ON place.employee_id = person.id
WHERE row.request_id = {request} ORDER BY person.staff_no COLLATE "C"
"""


@dataclass(frozen=True)
class BulkTarget:
    """One employee of a request for many, with the requested terms; `left_out` gives the reason for leaving them out.

    `old_target` is the campaign's. Exactly one of `target` and `exempt` is set, for [starts_at, ends_at).
    """

    employee_id: int
    staff_no: str
    name: str
    department: str
    joined_on: date | None
    old_target: int
    target: int | None
    exempt: bool | None
    starts_at: datetime
    ends_at: datetime
    ended_at: datetime | None = None
    left_out: str = ""

    @property
    def until(self) -> datetime:
        """Return the instant it ends or was ended."""
        return self.ends_at if self.ended_at is None else min(self.ends_at, self.ended_at)


@dataclass(frozen=True)
class BulkTargets:
    """Who a request adjusts, who it leaves out and why, and who has matched its rule since the request.

    `digest` identifies the whole list: a decision names the digest of the list that the user saw.
    """

    listed: list[BulkTarget]
    left_out: list[BulkTarget]
    newcomers: list[BulkTarget]

    @property
    def digest(self) -> str:
        said = (
            (one.staff_no, one.old_target, one.target, one.exempt, one.starts_at, one.ends_at, one.left_out)
            for one in (*self.listed, *self.left_out)
        )
        return hashlib.sha256("\n".join("\0".join(map(str, each)) for each in said).encode()).hexdigest()


def has_other_adjustment_sql(rule: CampaignRule, at: datetime, *, besides: int, waiting: bool) -> str:
    """Return a condition, as SQL: `person` has a current or future adjustment from another request than `besides`.

    With `waiting`, requests that are not decided yet count too.
    """
    look = effective_as_of(rule, at)
    return f"""EXISTS (SELECT 1 FROM campaigns_adjustment own
        JOIN campaigns_adjustmentrequest asked ON asked.id = own.request_id
        WHERE own.employee_id = person.id AND own.campaign_id = {rule.campaign_id} AND own.left_out = ''
          AND own.request_id <> {besides} AND (own.ended_at IS NULL OR own.ended_at >= {look})
          AND own.ends_at >= {look}
          AND ({sql_literal(waiting)} AND asked.decision IS NULL OR own.granted_at IS NOT NULL))"""


def but(one: BulkTarget, employee_id: int | None) -> BulkTarget:
    """Return the target, left out when it is the acting employee."""
    return replace(one, left_out=SkipReason.SELF.value) if one.employee_id == employee_id else one


def parted(found: Iterable[BulkTarget], newcomers: Iterable[BulkTarget] = ()) -> BulkTargets:
    """Split a list into employees who are adjusted and employees who are left out."""
    rows = list(found)
    return BulkTargets(
        [one for one in rows if not one.left_out], [one for one in rows if one.left_out], list(newcomers)
    )  # fmt: skip


def store_listed(request: AdjustmentRequest, listed: list[BulkTarget]) -> None:
    """Store the requested adjustments, all in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO campaigns_adjustment"
            " (request_id, campaign_id, employee_id, target, exempt, starts_at, ends_at, left_out)"
            " SELECT %s, %s, listed.*, '' FROM unnest("
            "%s::bigint[], %s::int[], %s::boolean[], %s::timestamptz[], %s::timestamptz[]) AS listed",
            [
                *(request.pk, request.campaign_id, [one.employee_id for one in listed]),
                *([one.target for one in listed], [one.exempt for one in listed]),
                *([one.starts_at for one in listed], [one.ends_at for one in listed]),
            ],
        )


def asked_for(request: AdjustmentRequest, rule: CampaignRule) -> BulkTargets:
    """Return the list as requested and, once it is granted, with the employees who were left out."""
    statement = ROWS.format(
        zone=sql_literal(company_zone()), opens_at=sql_literal(rule.opens_at), cutoff_at=sql_literal(rule.cutoff_at),
        target=rule.target, request=sql_literal(request.pk),
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return parted(BulkTarget(*row) for row in cursor.fetchall())
