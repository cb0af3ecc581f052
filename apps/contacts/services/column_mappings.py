"""The column roles an employee chose for a header, remembered for the next file with that header."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from apps.contacts.models import ColumnMapping
from apps.employees.models import Employee


def remembered_roles(employee: Employee, header: Sequence[str]) -> list[str] | None:
    """Return the roles chosen earlier for this header, one for each column; None when there are none."""
    kept = ColumnMapping.objects.filter(employee=employee, header=_key(header)).first()
    return list(kept.roles) if kept and len(kept.roles) == len(header) else None


def remember_roles(employee: Employee, header: Sequence[str], roles: Sequence[str]) -> None:
    """Store the roles chosen for a header; a later choice replaces an earlier one."""
    ColumnMapping.objects.update_or_create(employee=employee, header=_key(header), defaults={"roles": list(roles)})


def _key(header: Sequence[str]) -> bytes:
    return hashlib.sha256("\0".join(header).encode("utf-8", "surrogatepass")).digest()
