"""The employees of a request for many: who is adjusted, who is left out and why, as one list with a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.db import connection
from psycopg2.sql import SQL

from apps.campaigns.models import Adjustment, AdjustmentRequest, CampaignRule
from apps.campaigns.population import effective_as_of
from apps.core.sql import compose, statement
from apps.core.time_zones import company_zone

SkipReason = Adjustment.SkipReason
HAS_OTHER_ADJUSTMENT = statement("campaigns", "adjustments", "has_other_adjustment")
REQUESTED_TARGETS = statement("campaigns", "adjustments", "requested_targets")
STORE_TARGETS = statement("campaigns", "adjustments", "store_targets")


@dataclass(frozen=True)
class BulkTarget:
    """One employee of a request for many, with the requested terms; `skip_reason` says why the request skips them.

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
    skip_reason: str = ""

    @property
    def until(self) -> datetime:
        return self.ends_at if self.ended_at is None else min(self.ends_at, self.ended_at)


@dataclass(frozen=True)
class BulkTargets:
    """Who a request adjusts, who it leaves out and why, and who has matched its rule since the request.

    `digest` identifies the whole list: a decision names the digest of the list that the user saw.
    """

    listed: list[BulkTarget]
    skipped: list[BulkTarget]
    newcomers: list[BulkTarget]

    @property
    def digest(self) -> str:
        terms = (
            (row.staff_no, row.old_target, row.target, row.exempt, row.starts_at, row.ends_at, row.skip_reason)
            # Newcomers are left out: they are a hint for HR, and no part of what is decided.
            for row in (*self.listed, *self.skipped)
        )
        # Separators that no cell contains, so that two lists never give one text.
        return hashlib.sha256("\n".join("\0".join(map(str, each)) for each in terms).encode()).hexdigest()


def has_other_adjustment_sql(rule: CampaignRule, at: datetime, rechecked_request_id: int) -> str:
    """Return the SQL condition that `employee` has a granted adjustment, now or later, from another request."""
    as_of = SQL(effective_as_of(rule, at))
    return compose(HAS_OTHER_ADJUSTMENT, campaign=rule.campaign_id, request=rechecked_request_id, as_of=as_of)


def skip_self(target: BulkTarget, employee_id: int | None) -> BulkTarget:
    return replace(target, skip_reason=SkipReason.SELF.value) if target.employee_id == employee_id else target


def split_skipped(targets: Iterable[BulkTarget], newcomers: Iterable[BulkTarget] = ()) -> BulkTargets:
    rows = list(targets)
    return BulkTargets(
        [row for row in rows if not row.skip_reason], [row for row in rows if row.skip_reason], list(newcomers)
    )  # fmt: skip


def store_listed(request: AdjustmentRequest, listed: list[BulkTarget]) -> None:
    values: dict[str, Any] = {
        "request": request.pk, "campaign": request.campaign_id,
        "employees": [target.employee_id for target in listed], "targets": [target.target for target in listed],
        "exemptions": [target.exempt for target in listed], "starts": [target.starts_at for target in listed],
        "ends": [target.ends_at for target in listed],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(STORE_TARGETS, values)


def requested_targets(request: AdjustmentRequest, rule: CampaignRule) -> BulkTargets:
    """Return the list as requested and, once it is granted, with the employees who were left out."""
    values: dict[str, Any] = {
        "time_zone": company_zone(), "opens_at": rule.opens_at, "cutoff_at": rule.cutoff_at, "target": rule.target,
        "request": request.pk,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(REQUESTED_TARGETS, values)
        return split_skipped(BulkTarget(*row) for row in cursor.fetchall())
