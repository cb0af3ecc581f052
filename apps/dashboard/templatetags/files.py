"""Tags of the pages about files: labels of lines, columns and encodings."""

from typing import Any

from django import template

from apps.contacts.drafts import REJECTED
from apps.dashboard.labels import base, roster

register = template.Library()


@register.filter
def encoding_label(name: str) -> str:
    return str(base.ENCODINGS.get(name, name))


@register.filter
def column_label(column: str) -> str:
    return str(base.KINDS.get(column, column))


@register.filter
def is_rejected(code: str) -> bool:
    return code in REJECTED


@register.filter
def rejection(reject: dict[str, Any]) -> str:
    """The explanation of a stored reject."""
    return base.rejection(reject["code"], reject["column"], reject["reason"])


@register.filter
def too_large(error: dict[str, Any]) -> str:
    """Which limit a refused file exceeds."""
    return base.too_large(error["line"], error["limit"], error["unit"])


@register.filter
def cells(entry: Any) -> str:
    """The cells of a line, on one line."""
    return " · ".join(cell for cell in entry["cells"] if cell)[:200] or "–"


@register.filter
def time_left(seconds: int) -> str:
    return base.time_left(seconds)


@register.filter
def roster_field(name: str) -> str:
    return roster.role(name)


@register.filter
def roster_rejection(reject: dict[str, Any]) -> str:
    dependents = reject.get("dependents", 0)
    return roster.rejection(reject["code"], reject["column"], reject["about"], dependents)
