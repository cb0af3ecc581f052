"""Labels for announcements: the state of a version."""

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from apps.campaigns.models import Announcement
from apps.dashboard.labels import base

STATES: dict[str, tuple[base.Text, str, str]] = {
    "waiting": (_("waiting"), "amber", "hourglass"),
    "scheduled": (_("scheduled"), "brand-soft", "calendar-clock"),
    "shown": (_("shown"), "green", "circle-check"),
    "replaced": (_("replaced"), "", "minus"),
    "withdrawn": (_("withdrawn"), "", "ban"),
}


def states_of(announcements: Iterable[Announcement], now: datetime) -> list[tuple[Announcement, base.Badge]]:
    """Each version with its state at `now`; they are the versions of one campaign, the newest first."""
    lines, is_shown = [], False
    for announcement in announcements:
        code = _code(announcement, now, is_replaced=is_shown)
        is_shown = is_shown or code == "shown"
        lines.append((announcement, base.Badge(code, *STATES[code])))
    return lines


def _code(announcement: Announcement, now: datetime, *, is_replaced: bool) -> str:
    if announcement.withdrawn_at is not None:
        return "withdrawn"
    if announcement.waiting or announcement.shown_from is None:
        return "waiting"
    if is_replaced:
        return "replaced"
    return "shown" if announcement.shown_from <= now else "scheduled"
