"""Tags of the pages: icons, tracks, numbers, and times that say what they are."""

from datetime import datetime, timedelta
from typing import Any

from django import template
from django.template import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from lucide.templatetags.lucide import lucide

from apps.dashboard import words

register = template.Library()


@register.simple_tag
def icon(name: str, **attributes: str) -> str:
    """An inline SVG of Lucide, hidden from screen readers: the word beside it says what it means."""
    classes = f"icon {attributes.pop('extra', '')}".strip()
    return lucide(name, size=16, aria_hidden="true", focusable="false", **{"class": classes}, **attributes)


@register.simple_tag
def track(counted: int, target: int, pace: float | None = None, label: str = "", tiny: bool = False) -> SafeString:
    """A bar of counted / target with a mark where a steady pace would be; lengths are attributes, never styles."""
    share = _share(counted, target)
    mark = SafeString("")
    if pace is not None and 0 < pace < target:
        mark = format_html('<rect class="pace" x="{}%" y="-4" width="3" height="20" rx="1.5"/>', _share(pace, target))
    hidden = format_html('role="img" aria-label="{}"', label) if label else SafeString('aria-hidden="true"')
    height = 6 if tiny else 12
    return format_html(
        '<svg class="track{}" {}><rect class="rail" width="100%" height="{}" rx="{}"/>'
        '<rect class="{}" width="{}%" height="{}" rx="{}"/>{}</svg>',
        " tiny" if tiny else "",
        hidden,
        height,
        height // 2,
        "done" if counted >= target else "fill",
        share,
        height,
        height // 2,
        mark,
    )


def _share(part: float, whole: int) -> str:
    return f"{min(100.0, 100 * part / whole) if whole > 0 else 100:.4g}"


@register.filter
def num(value: float | None) -> str:
    return "" if value is None else words.number(value)


@register.filter
def share_of(part: int, whole: int) -> str:
    """Whole per cent, but never 100 before the last one has arrived, nor 0 when somebody has."""
    if not whole:
        return "–"
    per_cent = round(100 * part / whole)
    per_cent = min(per_cent, 99) if part < whole else per_cent
    return f"{max(per_cent, 1) if part else 0} %"


@register.simple_tag(takes_context=True)
def when(context: Context, moment: datetime | None) -> str:
    """today 13:58, yesterday 09:12, 3 Nov 17:20 — in the zone in force, with the whole instant behind it."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    now: datetime | None = context.get("now")
    today = timezone.localtime(now).date() if now else None
    clock = date_format(local, "H:i")
    if today and local.date() == today:
        text = _("today %(time)s") % {"time": clock}
    elif today and local.date() == today - timedelta(days=1):
        text = _("yesterday %(time)s") % {"time": clock}
    elif today and local.year == today.year:
        text = f"{words.short_date(local.date())} {clock}"
    else:
        text = date_format(local, pgettext("date format, with year and time", "j M Y H:i"))
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), text)


@register.filter
def clock(moment: datetime | None) -> str:
    return words.clock_time(moment) if moment else ""


@register.filter
def short_language(name: str) -> str:
    """The name on the switch: short, in its own language."""
    return {"简体中文": "中文", "Simplified Chinese": "中文"}.get(str(name), str(name))


@register.filter
def reason_label(code: str) -> words.Text:
    return words.REASONS[code].label if code in words.REASONS else code


@register.filter
def reason_cure(code: str) -> words.Text:
    return words.REASONS[code].cure if code in words.REASONS else ""


@register.filter
def ending(code: str) -> words.Text:
    return words.ENDINGS.get(code, "")


@register.filter
def source_label(code: str) -> words.Text:
    return words.SOURCES.get(code, code)


@register.filter
def pace_label(code: str) -> words.Text:
    return words.PACES.get(code, code)


@register.filter
def restorable(end_reason: str) -> bool:
    return end_reason in words.RESTORABLE


@register.simple_tag
def undo_of(message: Any) -> str:
    """Where a message is taken back: a view that ended a contact tags its message `undo-<id>`."""
    for tag in (getattr(message, "extra_tags", "") or "").split():
        if tag.startswith("undo-"):
            return reverse("contact-restore", args=[int(tag.removeprefix("undo-"))])
    return ""
