"""Labels for reviews: states, the reply deadline, the kinds of answers."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from apps.dashboard.labels import base

STATES: dict[str, base.Text] = {
    "open": pgettext_lazy("reviews", "Open"),
    "overdue": pgettext_lazy("reviews", "Overdue"),
    "answered": pgettext_lazy("reviews", "Answered"),
    "withdrawn": pgettext_lazy("reviews", "Withdrawn"),
}
KINDS: dict[str, base.Text] = {
    "reason": gettext_lazy("Answered with a reason"),
    "adjustment": gettext_lazy("Answered by an adjustment"),
    "correction": gettext_lazy("Answered by a correction"),
}


def reply_day(review: Any, zone: ZoneInfo) -> str:
    """The last local day on which the reply is in time: Mon 30 Nov."""
    return base.full_date(_last_day(review, zone))


def reply_left(review: Any, at: datetime, zone: ZoneInfo) -> str:
    """How long until the reply is due, or how long it is overdue."""
    days = (_last_day(review, zone) - at.astimezone(zone).date()).days
    if days > 0:
        return ngettext("in %(days)s day", "in %(days)s days", days) % {"days": days}
    if days == 0:
        return _("today")
    return ngettext("%(days)s day overdue", "%(days)s days overdue", -days) % {"days": -days}


def _last_day(review: Any, zone: ZoneInfo) -> date:
    # The reply is due at a midnight: the day before it is the last one in time.
    return (review.due_at - timedelta(microseconds=1)).astimezone(zone).date()
