"""Template tags of past days: the choice of a day, its instant in words, and addresses that keep it."""

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
FRIDAY = 4


@register.simple_tag
def page_url(scope: Any, name: str, *args: object) -> str:
    """The address of a page with the campaign, and with the past day where that page can show it."""
    address: str = scope.url(name, *args)
    return address


@register.simple_tag
def past_days(scope: Any) -> list[tuple[str, date]]:
    """The usual past days, newest first, as (label, day): each once, and none before the campaign's first day."""
    today: date = scope.today
    friday = today - timedelta(days=(today.weekday() - FRIDAY - 1) % 7 + 1)
    labels = {today - timedelta(days=7): _("A week ago"), friday: _("Last Friday")}
    labels[today - timedelta(days=1)] = _("Yesterday")
    return [(labels[day], day) for day in sorted(labels, reverse=True) if day >= scope.rule.opens_on]


@register.simple_tag
def day_query(scope: Any, filters: Any = None, day: date | None = None) -> str:
    """The query string of this page for the end of a day, or for now: the campaign, the filters and the day."""
    values = {"campaign": scope.sticky_params.get("campaign", ""), **(filters.query if filters else {})}
    values["as_of"] = day.isoformat() if day else ""
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
