"""Jobs that run once per period, however often they are requested."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection


def claim_job(job: str, period: str, detail: dict[str, Any] | None = None) -> bool:
    """Record in the caller's transaction that `job` is done for `period`. False: it was already done, so do nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_job (job, period, detail, done_at) VALUES (%s, %s, %s::jsonb, hundred_clock())"
            " ON CONFLICT (job, period) DO NOTHING RETURNING id",
            [job, period, json.dumps(detail or {})],
        )
        return cursor.fetchone() is not None
