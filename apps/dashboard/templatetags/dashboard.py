"""Template tags: icons, progress tracks, numbers, and times."""

import json
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template import Context
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from lucide.templatetags.lucide import lucide

from apps.dashboard.labels import base, reviews
from apps.dashboard.template_constants import constant_tag

register = template.Library()


@register.simple_tag
@constant_tag
def icon(name: str, **attributes: str) -> str:
    """An inline SVG of Lucide, hidden from screen readers: the text beside it carries the meaning."""
    return _icon(name, tuple(attributes.items()))


@lru_cache(maxsize=512)
def _icon(name: str, given: tuple[tuple[str, str], ...]) -> str:
    """Cached per process: a page has twenty of them."""
    attributes = dict(given)
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
    return "" if value is None else base.number(value)


@register.filter
def num1(value: float) -> str:
    """One decimal, but none when it is zero."""
    return base.number(round(value, 1))


@register.filter
def share_of(part: int, whole: int) -> str:
    """Whole per cent, but 100 only when all are at the target, and 0 only when none is."""
    if not whole:
        return "–"
    per_cent = round(100 * part / whole)
    per_cent = min(per_cent, 99) if part < whole else per_cent
    return f"{max(per_cent, 1) if part else 0} %"


@register.simple_tag(takes_context=True)
def when(context: Context, moment: datetime | None) -> str:
    """today 13:58, yesterday 09:12, 3 Nov 17:20 — in the zone in force, with the full instant in the markup."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    now: datetime | None = context.get("now")
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
def age(context: Context, moment: datetime) -> str:
    """The elapsed time: 3 s, 4 min, 2 h."""
    seconds = max(int((context["now"] - moment).total_seconds()), 0)
    if seconds < 60:
        return ngettext("for %(count)s second", "for %(count)s seconds", seconds) % {"count": seconds}
    if seconds < 3600:
        return ngettext("for %(count)s minute", "for %(count)s minutes", seconds // 60) % {"count": seconds // 60}
    return ngettext("for %(count)s hour", "for %(count)s hours", seconds // 3600) % {"count": seconds // 3600}


@register.simple_tag
def reached(row: Any) -> str:
    """The target, and the day the employee reached it."""
    if row.target_reached_at is None:
        return _("Target reached")
    day = base.full_date(timezone.localtime(row.target_reached_at).date())
    return _("%(target)s reached on %(day)s") % {"target": base.number(row.target), "day": day}


@register.simple_tag
def query(scope: Any, **more: str) -> str:
    """A query string with the sticky parameters and `more`."""
    return "?" + urlencode({**scope.kept, **{key: value for key, value in more.items() if value}})


@register.simple_tag
def now_query(scope: Any, choice: Any = None) -> str:
    """The query string of this page as of now: the campaign and the filters, without a day."""
    kept = {"campaign": scope.kept.get("campaign", ""), **(choice.query if choice else {})}
    params = urlencode({key: value for key, value in kept.items() if value})
    return f"?{params}" if params else "?"


@register.filter
def json_text(value: object) -> str:
    """JSON for an attribute (Django then escapes it as text)."""
    return json.dumps(value)


@register.filter
def called(contact: Any) -> str:
    """The contact's name, else one of its identities, else that it was erased."""
    if contact.name:
        return contact.name
    values = [identity.value for identity in contact.known_by if identity.value]
    return values[0] if values else _("erased")


@register.simple_tag
def swatch(name: str) -> SafeString:
    """The symbol in a legend: a filled square in a band's colour, the shaded half, or a sub-team's diamond."""
    lines = {
        "diamond": '<path class="swatch-line" d="M6 1.5 10.5 6 6 10.5 1.5 6z"/>',
        "dots": '<path class="swatch-dots" d="M0 6h12"/>',
    }
    if shape := lines.get(name):
        return SafeString(f'<svg viewBox="0 0 12 12" aria-hidden="true">{shape}</svg>')  # nosec B703 # only constants
    return format_html(
        '<svg viewBox="0 0 12 12" aria-hidden="true"><rect class="swatch {}" width="12" height="12" rx="3"/></svg>',
        name,
    )


@register.simple_tag
def picture_rows(picture: Any) -> SafeString:
    """The body of a chart's table. With template loops it would cost as much as the rest of the page."""
    lines = []
    for first, *others in picture.rows:
        cells = "".join(f'<td class="n">{_cell(cell)}</td>' for cell in others)
        lines.append(f'<tr><th scope="row">{_cell(first)}</th>{cells}</tr>')
    return SafeString("".join(lines))  # nosec B703 # each cell is escaped by _cell


def _cell(cell: Any) -> str:
    return format_html('<a href="{}">{}</a>', cell.url, cell.text) if cell.url else conditional_escape(cell.text)


@register.filter
def clock(moment: datetime | None) -> str:
    return base.clock_time(moment) if moment else ""


@register.filter
def short_language(name: str) -> str:
    """The name on the switch: short, in its own language."""
    return {"简体中文": "中文", "Simplified Chinese": "中文"}.get(str(name), str(name))


@register.filter
def reason_label(code: str, final: object = None) -> base.Text:
    """`final`: the result on the page, if any."""
    label = base.reason(code, final=bool(final))
    return label.label if label else code


@register.filter
def reason_cure(code: str, final: object = None) -> base.Text:
    """What would fix it; for a result, what the reason was. `final` as above."""
    label = base.reason(code, final=bool(final))
    return label.cure if label else ""


@register.simple_tag
def why(contact: Any, final: object) -> str:
    """Why a contact does not count, or did not count in the result `final`; labels.base.why."""
    return base.why(contact, final=bool(final))


@register.filter
def source_label(code: str) -> base.Text:
    return base.SOURCES.get(code, code)


@register.filter
def pace_label(code: str) -> base.Text:
    return base.PACES.get(code, code)


@register.filter
def answer_label(kind: str) -> base.Text:
    return reviews.KINDS.get(kind, kind)


@register.filter
def last_day(end: datetime) -> str:
    """The last day before an instant, in the zone in force."""
    return base.full_date(timezone.localtime(end - timedelta(microseconds=1)).date())


@register.filter
def restorable(end_reason: str) -> bool:
    return end_reason in base.RESTORABLE


@register.simple_tag
def undo_of(message: Any) -> str:
    """The address that undoes a message: a view that ended a contact tags its message `undo-<id>`."""
    for tag in (getattr(message, "extra_tags", "") or "").split():
        if tag.startswith("undo-"):
            return reverse("contact-restore", args=[int(tag.removeprefix("undo-"))])
    return ""


@register.filter
def kind_label(kind: str) -> base.Text:
    return base.KINDS.get(kind, kind)


@register.filter
def full_day(day: date) -> str:
    return base.full_date(day)


@register.filter
def long_day(day: date) -> str:
    """With its year: it may be a year away."""
    return base.long_date(day)


@register.filter
def day_of(moment: datetime) -> str:
    """The local day of an instant, in the zone in force."""
    return base.full_date(timezone.localtime(moment).date())


@register.filter
def people(count: int) -> str:
    return base.people(count)
