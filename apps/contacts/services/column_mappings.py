"""The column roles an employee chose for a header, remembered for the next file with that header."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from apps.contacts.columns import MAX_HEADER_CHARS
from apps.contacts.models import ColumnMapping
from apps.employees.models import Employee


def remembered_roles(employee: Employee, header: Sequence[str]) -> list[str] | None:
    """Return the roles chosen earlier for this header, one for each column; None when there are none."""
    mapping = ColumnMapping.objects.filter(employee=employee, header=_key(header)).first()
    return list(mapping.roles) if mapping and len(mapping.roles) == len(header) else None


def remember_roles(employee: Employee, header: Sequence[str], roles: Sequence[str]) -> None:
    """Store the roles chosen for a header; a later choice replaces an earlier one."""
    ColumnMapping.objects.update_or_create(employee=employee, header=_key(header), defaults={"roles": list(roles)})


def _key(header: Sequence[str]) -> bytes:
    # A preview stores its headings cut to that length.
    text = "\0".join(heading[:MAX_HEADER_CHARS] for heading in header)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
