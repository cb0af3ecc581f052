"""Jobs that run once per period, however often they are requested."""

import json
from typing import Any

from apps.core.sql import execute


def claim_job(job: str, period: str, detail: dict[str, Any] | None = None) -> bool:
    """Record in the caller's transaction that `job` is done for `period`. False: it was already done, so do nothing."""
    # The unique row decides: of two workers, the second waits for the first one's commit and then inserts nothing.
    return bool(
        execute(
            "INSERT INTO core_job (job, period, detail, done_at) VALUES (%s, %s, %s::jsonb, hundred_clock())"
            " ON CONFLICT (job, period) DO NOTHING",
            [job, period, json.dumps(detail or {})],
        )
    )
