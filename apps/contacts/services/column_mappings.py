"""What an employee said the columns of a header mean, kept for the next file with that header."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from apps.contacts.models import ColumnMapping
from apps.employees.models import Employee


def remembered_roles(employee: Employee, header: Sequence[str]) -> list[str] | None:
    """The roles that were chosen for a header like this one, one a column; None when none were."""
    kept = ColumnMapping.objects.filter(employee=employee, header=_key(header)).first()
    return list(kept.roles) if kept and len(kept.roles) == len(header) else None


def remember_roles(employee: Employee, header: Sequence[str], roles: Sequence[str]) -> None:
    """Keep a choice; the last one counts."""
    ColumnMapping.objects.update_or_create(employee=employee, header=_key(header), defaults={"roles": list(roles)})


def _key(header: Sequence[str]) -> bytes:
    return hashlib.sha256("\0".join(header).encode("utf-8", "surrogatepass")).digest()
