"""Words of a group's forecast: an interval of people, never a chance of one person."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from apps.dashboard.labels.base import Text, number
from apps.forecasts.model.learning import MIN_CONTACTS, MIN_DAYS


@dataclass(frozen=True)
class ExpectedLine:
    """How many of `people` are expected at the target at the deadline; `interval` is empty where `reason` says why.

    `today`: how many are there now. The exempt are in neither.
    """

    reason: Text = ""
    interval: str = ""
    people: int = 0
    today: int = 0
    rough: bool = False
    basis: Text = ""
    made_at: datetime | None = None


def too_early() -> ExpectedLine:
    text = _(
        "Too early to say how many will be at the target: a forecast is made each night, from %(days)s days and "
        "%(contacts)s contacts of all employees on."
    )
    return ExpectedLine(text % {"days": MIN_DAYS, "contacts": MIN_CONTACTS})


def too_few() -> ExpectedLine:
    return ExpectedLine(_("The result of too few people is open to say how many will reach the target."))


def interval(low: int, high: int) -> str:
    """47 to 53, or one number where both ends are equal."""
    return number(low) if low == high else _("%(low)s to %(high)s") % {"low": number(low), "high": number(high)}
