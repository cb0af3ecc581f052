"""Tags of the pages about files: labels of lines, columns and encodings."""

from datetime import date
from typing import Any

from django import template

from apps.contacts.drafts import REJECTED
from apps.dashboard.labels import base, files, roster

register = template.Library()
ROSTER_DAYS = {"started_on", "left_on", "effective_on"}
register.filter("time_left", base.time_left)
register.filter("roster_field", roster.role)


@register.filter
def encoding_label(name: str) -> str:
    return str(files.ENCODINGS.get(name, name))


@register.filter
def is_rejected(code: str) -> bool:
    return code in REJECTED


@register.filter
def rejection(reject: dict[str, Any]) -> str:
    return files.rejection(reject["code"], reject["column"], reject["reason"])


@register.filter
def too_large(error: dict[str, Any]) -> str:
    return files.too_large(error["line"], error["limit"], error["unit"])


@register.filter
def cells(entry: Any) -> str:
    # A rejected line may have a million characters.
    return " · ".join(cell for cell in entry["cells"] if cell)[:200] or "–"


@register.filter
def roster_rejection(reject: dict[str, Any]) -> str:
    dependents = reject.get("dependents", 0)
    return roster.rejection(reject["code"], reject["column"], reject["about"], dependents)


@register.filter
def roster_value(text: str | None, field: str) -> str | None:
    """A value of the roster as the page shows it: a day in words."""
    try:
        return base.long_date(date.fromisoformat(text or "")) if field in ROSTER_DAYS else text
    except ValueError:
        return text
