"""Template tags of past days: the choice of a day, its instant in words, and addresses that keep it."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template import Context
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _

from apps.dashboard.labels import base
from apps.dashboard.templatetags.dashboard import when

register = template.Library()
MONDAY, FRIDAY = 0, 4


@register.simple_tag
def page_url(scope: Any, name: str, *args: object) -> str:
    """The address of a page with the campaign, and with the past day where that page can show it."""
    address: str = scope.url(name, *args)
    return address


@register.simple_tag
def past_days(scope: Any) -> list[tuple[str, date]]:
    """The usual past days, newest first, as (label, day): each once, and none before the campaign's first day."""
    return _usual_days(scope, scope.today)


@register.simple_tag
def compared_days(scope: Any) -> list[tuple[str, date]]:
    """The usual days to compare the page with, as `past_days`: before its day, or before the deadline of a result."""
    day = scope.day or (scope.rule.deadline if scope.result else scope.today)
    if day == scope.today:
        return _usual_days(scope, day)
    labels = (_("The day before"), _("The Monday before"), _("The Friday before"), _("A week before"))
    return _usual_days(scope, day, labels)


def _usual_days(scope: Any, today: date, labels: tuple[str, ...] = ()) -> list[tuple[str, date]]:
    before, monday, friday, week = labels or (_("Yesterday"), _("Last Monday"), _("Last Friday"), _("A week ago"))

    def last(weekday: int) -> date:
        return today - timedelta(days=(today.weekday() - weekday - 1) % 7 + 1)

    days = {today - timedelta(days=7): week, last(FRIDAY): friday, last(MONDAY): monday}
    days[today - timedelta(days=1)] = before
    return [(days[day], day) for day in sorted(days, reverse=True) if day >= scope.rule.opens_on]


@register.simple_tag
def day_query(scope: Any, filters: Any = None, day: date | None = None) -> str:
    """The query string of this page for the end of a day, or for now: the campaign, the filters and the days."""
    since = scope.since_day
    return _query(scope, filters, as_of=day, since=since if since and (day is None or day > since) else None)


@register.simple_tag
def since_query(scope: Any, filters: Any, since: date | None = None) -> str:
    """The query string of this page compared with the end of a day, or not compared."""
    return _query(scope, filters if since else replace(filters, change=""), as_of=scope.day, since=since)


def _query(scope: Any, filters: Any, **days: date | None) -> str:
    values = {"campaign": scope.sticky_params.get("campaign", ""), **(filters.query if filters else {})}
    values |= {name: day.isoformat() if day else "" for name, day in days.items()}
    # Always with the mark: a link that is only '?' drops the filters, an empty one keeps the address.
    return "?" + urlencode({key: value for key, value in values.items() if value})


@register.simple_tag(takes_context=True)
def as_of_text(context: Context, moment: datetime) -> str:
    """The instant of numbers, after "as of": a midnight as "the end of Fri 27 Nov", another one as `when`."""
    local = timezone.localtime(moment)
    if local.time() != time():
        return when(context, moment)
    day = (local - timedelta(microseconds=1)).date()
    now: datetime | None = context.get("now")
    is_this_year = now is not None and timezone.localtime(now).year == day.year
    text = _("the end of %(day)s") % {"day": base.full_date(day) if is_this_year else base.long_date(day)}
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), text)
