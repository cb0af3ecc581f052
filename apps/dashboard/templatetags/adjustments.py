"""Tags of the pages about adjustments: what one says, for when, and why somebody is left out."""

from datetime import date
from typing import Any

from django import template

from apps.dashboard import adjustment_words, words
from apps.quotas.models import Adjustment

register = template.Library()


@register.filter
def effect(adjustment: Any) -> str:
    return adjustment_words.effect(adjustment.target, adjustment.exempt)


@register.simple_tag
def period(adjustment: Any, rule: Any) -> str:
    return adjustment_words.period(adjustment, rule.opens_at)


@register.filter
def kind_of(request: Any) -> words.Text:
    return adjustment_words.kind_of(request)


@register.filter
def of_many(request: Any) -> str:
    return adjustment_words.of_many(request)


@register.filter
def left_out(code: str) -> words.Text:
    return Adjustment.SkipReason(code).label if code in Adjustment.SkipReason.values else code


@register.filter
def short_day(day: date | None) -> str:
    return words.short_date(day) if day else "–"


@register.simple_tag
def over_at_deadline(adjustment: Any, rule: Any) -> bool:
    """Whether it will be over when the deadline judges, so that the campaign's own terms hold again."""
    return bool(adjustment.until < rule.cutoff_at)
