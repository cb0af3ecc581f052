"""Events: what happened, stored in the transaction of the cause.

apps.notifications plans from an event whom to notify, and deletes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from apps.core.enqueue import enqueue_notifications
from apps.core.sql import execute

MAX_SUBJECT_CHARS = 100


def record_event(
    kind: str,
    *,
    subject: object,
    campaign_id: int | None = None,
    employees: Iterable[int] | None = None,
    account_id: int | None = None,
    actor_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Record an event in the caller's transaction: one row, or one for each of the `employees` whom it concerns.

    A recipient is notified once of a kind and `subject`. `account_id`: the account that it concerns. `actor_id`: the
    account that caused it, which is not notified among others. `data`: numbers, days and codes for the text; never a
    name, an identity or a free text.
    """
    key = str(subject)
    if len(key) > MAX_SUBJECT_CHARS:
        raise ValueError(f"the subject of {kind} is longer than {MAX_SUBJECT_CHARS} characters")
    concerned = [None] if employees is None else sorted(set(employees))
    execute(
        "INSERT INTO core_event (kind, subject, campaign_id, employee_id, account_id, actor_id, data)"
        " SELECT %s, %s, %s, unnest(%s::bigint[]), %s, %s, %s::jsonb",
        [kind, key, campaign_id, concerned, account_id, actor_id, json.dumps(data or {})],
    )
    enqueue_notifications()
