"""Tags of the pages about adjustments: effect, period, and why an employee is excluded."""

from datetime import date
from typing import Any

from django import template

from apps.campaigns.models import Adjustment
from apps.dashboard.labels import adjustments, base

register = template.Library()


@register.filter
def effect(adjustment: Any) -> str:
    return adjustments.effect(adjustment.target, adjustment.exempt)


@register.simple_tag
def period(adjustment: Any, rule: Any) -> str:
    return adjustments.period(adjustment, rule.opens_at)


@register.filter
def kind_of(request: Any) -> base.Text:
    return adjustments.kind_of(request)


@register.filter
def of_many(request: Any) -> str:
    return adjustments.of_many(request)


@register.filter
def left_out(code: str) -> base.Text:
    return Adjustment.SkipReason(code).label if code in Adjustment.SkipReason.values else code


@register.filter
def short_day(day: date | None) -> str:
    return base.short_date(day) if day else "–"


@register.simple_tag
def over_at_deadline(adjustment: Any, rule: Any) -> bool:
    """Whether it ends before the cut-off, so that the campaign's own target applies again."""
    return bool(adjustment.until < rule.cutoff_at)
