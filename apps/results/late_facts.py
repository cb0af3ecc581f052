"""Contacts that came too late for a result: grounds for a correction."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from apps.core.sql import statement
from apps.results.models import FrozenResult

LATE_FACTS = statement("results", "results", "late_facts")


@dataclass(frozen=True)
class LateFacts:
    """Contacts of one employee with times before the cut-off that arrived after the result."""

    staff_no: str
    name: str
    contacts: int
    last_stored_at: datetime


def late_facts(result: FrozenResult) -> list[LateFacts]:
    """Employees with contacts that came too late for the result, most first: only the number, never a contact."""
    rule = result.campaign.rule
    with connection.cursor() as cursor:
        cursor.execute(
            LATE_FACTS,
            {"snapshot_at": result.snapshot_at, "opens_at": rule.opens_at, "cutoff_at": rule.cutoff_at},
        )
        return [LateFacts(*row) for row in cursor.fetchall()]
