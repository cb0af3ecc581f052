"""Column mappings that an account chose, kept for its next file with the same header."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from apps.core.audit import Actor
from apps.core.models import Setting

# Of a heading that a load stores: its page and the list of loads read all of them.
MAX_HEADING_CHARS = 200


def remember_columns(header: Sequence[str], roles: Sequence[str], by: Actor) -> None:
    """Store the roles an account chose for this header; the mapping applies to this account only."""
    Setting.objects.update_or_create(name=_columns_of(header, by.id), defaults={"value": list(roles)})


def remembered_columns(header: Sequence[str], account_id: int | None) -> list[str] | None:
    """Return the account's stored roles for this header, or None."""
    roles = Setting.objects.filter(name=_columns_of(header, account_id)).values_list("value", flat=True).first()
    return list(roles) if isinstance(roles, list) and len(roles) == len(header) else None


def _columns_of(header: Sequence[str], account_id: int | None) -> str:
    # A digest: one without a heading line holds an employee's data. A load stores its headings cut to that length.
    text = "\0".join(heading[:MAX_HEADING_CHARS] for heading in header)
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return f"roster_columns:{account_id or 0}:{digest}"
