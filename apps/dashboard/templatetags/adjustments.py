"""Tags of the pages about adjustments: effect, period, and why an employee is excluded."""

from datetime import date
from typing import Any

from django import template

from apps.campaigns.models import Adjustment
from apps.dashboard.labels import adjustments, base

register = template.Library()
register.filter("kind_of", adjustments.kind_of)
register.filter("bulk_effect", adjustments.bulk_effect)


@register.filter
def effect(adjustment: Any) -> str:
    return adjustments.effect(adjustment.target, adjustment.exempt)


@register.simple_tag
def period(adjustment: Any, rule: Any) -> str:
    return adjustments.period(adjustment, rule.opens_at)


@register.filter
def skip_reason(code: str) -> base.Text:
    return Adjustment.SkipReason(code).label if code in Adjustment.SkipReason.values else code


@register.filter
def short_day(day: date | None) -> str:
    return base.short_date(day) if day else "–"


@register.simple_tag
def ends_before_cutoff(adjustment: Any, rule: Any) -> bool:
    """Whether the campaign's own target applies again at the deadline."""
    return bool(adjustment.until < rule.cutoff_at)
