"""Template tags: icons, progress tracks, numbers, and times."""

import json
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from lucide.templatetags.lucide import lucide

from apps.dashboard.labels import audit, base, exports, reviews
from apps.reports import standings_columns

register = template.Library()
_FILTERS: dict[str, Callable[..., str]] = {
    "full_day": base.full_date, "long_day": base.long_date, "short_day": base.short_date, "people": base.people,
    "signed": base.signed,
}  # fmt: skip
for _filter, _function in _FILTERS.items():
    register.filter(_filter, _function)
register.filter("actor", audit.actor)


@register.filter
def minus(number: str) -> str:
    """A number's text with the minus sign that `signed` writes, in place of the hyphen."""
    return number.replace("-", "−")


def _register_labels(name: str, labels: Mapping[str, Any]) -> None:
    """A filter from a code to its label; an unknown code stays as it is."""

    def label(code: str) -> base.Text:
        return labels.get(code, code)

    register.filter(name, label)


_register_labels("source_label", base.SOURCES)
_register_labels("change_label", base.CHANGES)
_register_labels("answer_label", reviews.KINDS)
_register_labels("kind_label", base.IDENTITY_KINDS)
_register_labels("correction_label", exports.PAST_CORRECTIONS)


@register.simple_tag
def icon(name: str, **attributes: str) -> str:
    """An inline SVG of Lucide, hidden from screen readers: the text beside it carries the meaning."""
    return _icon(name, tuple(attributes.items()))


@lru_cache(maxsize=512)
def _icon(name: str, given: tuple[tuple[str, str], ...]) -> str:
    """Cached per process: a page has twenty of them."""
    attributes = dict(given)
    classes = f"icon {attributes.pop('extra', '')}".strip()
    # `focusable`: old Edge makes every SVG a stop of the Tab key.
    return lucide(name, size=16, aria_hidden="true", focusable="false", **{"class": classes}, **attributes)


@register.simple_tag
def track(counted: int, target: int, pace: float | None = None, label: str = "", tiny: bool = False) -> SafeString:
    """A bar of counted / target with a mark where a steady pace would be; lengths are attributes, never styles."""
    share = _share(counted, target)
    mark = SafeString("")
    if pace is not None and 0 < pace < target:
        mark = format_html('<rect class="pace" x="{}%" y="-4" width="3" height="20" rx="1.5"/>', _share(pace, target))
    # Without a label the number beside the bar says the same, and a screen reader would read it twice.
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
    return "" if value is None else base.number(value)


@register.filter
def decimal(value: float) -> str:
    """One decimal, but none when it is zero."""
    return base.number(round(value, 1))


@register.filter
def share_of(part: int, whole: int) -> str:
    """Whole per cent, but 100 only when all are at the target, and 0 only when none is."""
    if not whole:
        return "–"
    per_cent = round(100 * part / whole)
    # Rounding must not claim that all are there, nor that none is.
    per_cent = min(per_cent, 99) if part < whole else per_cent
    return f"{max(per_cent, 1) if part else 0} %"


@register.simple_tag(takes_context=True)
def when(context: Context, moment: datetime | None) -> str:
    """today 13:58, yesterday 09:12, 3 Nov 17:20 — in the zone in force, with the full instant in the markup."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    now: datetime | None = context.get("now")
    # `now` is the instant of the page: on a page about a past day, 'today' is that day.
    today = timezone.localtime(now).date() if now else None
    clock = f"{local:%H:%M}"
    if today and local.date() == today:
        text = _("today %(time)s") % {"time": clock}
    elif today and local.date() == today - timedelta(days=1):
        text = _("yesterday %(time)s") % {"time": clock}
    elif today and local.year == today.year:
        text = f"{base.short_date(local.date())} {clock}"
    else:
        text = date_format(local, pgettext("date format, with year and time", "j M Y H:i"))
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), text)


@register.simple_tag(takes_context=True)
def waiting_for(context: Context, moment: datetime) -> str:
    """The elapsed time: 3 s, 4 min, 2 h."""
    seconds = max(int((context["now"] - moment).total_seconds()), 0)
    if seconds < 60:
        return ngettext("for %(count)s second", "for %(count)s seconds", seconds) % {"count": seconds}
    if seconds < 3600:
        return ngettext("for %(count)s minute", "for %(count)s minutes", seconds // 60) % {"count": seconds // 60}
    return ngettext("for %(count)s hour", "for %(count)s hours", seconds // 3600) % {"count": seconds // 3600}


@register.simple_tag
def reached_text(row: Any) -> str:
    """The target, and the day the employee reached it."""
    if row.target_reached_at is None:
        return _("Target reached")
    day = base.full_date(timezone.localtime(row.target_reached_at).date())
    return _("%(target)s reached on %(day)s") % {"target": base.number(row.target), "day": day}


@register.simple_tag
def query(scope: Any, **more: str) -> str:
    """A query string with the campaign and `more`, for pages of now."""
    # Always with the mark: a link that is only '?' drops the filters, an empty one keeps the address.
    return "?" + urlencode({**scope.params_for(""), **{key: value for key, value in more.items() if value}})


@register.filter
def cell(row: standings_columns.Row, column: standings_columns.Column) -> str:
    """The text of a plain column of the list of standings."""
    value = getattr(row, column.source)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return base.short_date(timezone.localtime(value).date())
    if isinstance(value, date):
        return base.short_date(value)
    return base.number(value) if isinstance(value, int) else str(value)


@register.filter
def json_text(value: object) -> str:
    """JSON for an attribute (Django then escapes it as text)."""
    return json.dumps(value)


@register.filter
def display_name(contact: Any) -> str:
    """The contact's name, else one of its identities, else that it was erased."""
    if contact.name:
        return contact.name
    # Erased identities stay as rows without a value.
    values = [identity.value for identity in contact.loaded_identities if identity.value]
    return values[0] if values else _("erased")


@register.filter
def clock(moment: datetime | None) -> str:
    return base.clock_time(moment) if moment else ""


@register.filter
def short_language(name: str) -> str:
    """The name on the switch: short, in its own language."""
    # The header is narrow on a phone.
    return {"简体中文": "中文", "Simplified Chinese": "中文"}.get(str(name), str(name))


@register.filter
def reason_label(code: str, final: object = None) -> base.Text:
    """`final`: the result on the page, if any."""
    return base.REASONS[code].label_for(bool(final)) if code in base.REASONS else code


@register.filter
def reason_fix(code: str, final: object = None) -> base.Text:
    """What would fix it; for a result, what the reason was. `final` as above."""
    return base.REASONS[code].sentence_for(bool(final)) if code in base.REASONS else ""


@register.simple_tag
def why_not_counted(contact: Any, final: object) -> str:
    """labels.base.why_not_counted, with the result on the page as `final`."""
    return base.why_not_counted(contact, final=bool(final))


@register.filter
def last_day(end: datetime) -> str:
    """The last day before an instant, in the zone in force."""
    return base.full_date(timezone.localtime(end - timedelta(microseconds=1)).date())


@register.filter
def restorable(end_reason: str) -> bool:
    return end_reason in base.RESTORABLE


@register.simple_tag
def undo_of(message: Any) -> str:
    """The address that undoes a message: of an ended contact by the tag `undo-<id>`, of an add by `undo-add-<id>`."""
    for tag in (getattr(message, "extra_tags", "") or "").split():
        if tag.startswith("undo-add-"):
            return reverse("contact-add-undo", args=[tag.removeprefix("undo-add-")])
        if tag.startswith("undo-"):
            return reverse("contact-restore", args=[int(tag.removeprefix("undo-"))])
    return ""


@register.filter
def day_of(moment: datetime) -> str:
    """The local day of an instant, in the zone in force."""
    return base.full_date(timezone.localtime(moment).date())
