"""One standing in words, for `/` and for a team member's page."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import Http404
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.campaigns import rules
from apps.dashboard.labels import base
from apps.dashboard.labels import rules as rule_labels
from apps.dashboard.views.page_context import PageContext
from apps.employees.models import Employee
from apps.standings import report_people


@dataclass(frozen=True)
class Period:
    """The position of an instant in the campaign's period, in words."""

    days_left: int
    ended: bool
    opened: bool
    deadline: str
    last_minute: str
    in_reader_zone: str
    time_left: str
    opening: str


@dataclass(frozen=True)
class Card:
    """One standing; `state` is red, reached, exempt, or, under the target, updating or counting.

    Updating: a re-evaluation is pending. Counting: between the deadline and the result.
    """

    row: Any
    state: str
    period: Period
    expected: float
    gap: int
    needed: int | None
    last_week: float
    announcement: str

    @property
    def pace_text(self) -> str:
        """The pace in words: softer than red, and empty when it adds nothing."""
        if self.row.exempt or not base.pace_label(self.row.pace, self.period.days_left):
            return ""
        if self.row.pace == "behind" and self.gap > 0:
            return _("%(count)s behind pace") % {"count": base.number(self.gap)}
        if self.row.pace == "ahead" and self.gap < 0:
            return _("%(count)s ahead of pace") % {"count": base.number(-self.gap)}
        return _("On pace") if self.row.pace == "on_pace" else ""


def period_of(scope: PageContext) -> Period:
    """The deadline in the campaign's zone, and in the reader's when it differs."""
    rule, instant = scope.rule, scope.instant
    last = rule.cutoff_at - timedelta(minutes=1)
    days = rules.days_left(rule.cutoff_at, rule.time_zone, instant)
    opened = instant >= rule.opens_at
    if not opened:
        wait = (rule.opens_on - instant.astimezone(scope.zone).date()).days
        left = ngettext("opens in %(days)s day", "opens in %(days)s days", wait) % {"days": wait}
    elif days == 1:
        left = _("ends today at %(time)s (%(city)s)") % rule_labels.instant_labels(last, scope.zone)
    elif days:
        left = ngettext("%(days)s day left", "%(days)s days left", days) % {"days": days}
    else:
        left = _("the deadline has passed")
    opening = _("opens %(day)s, %(time)s") % rule_labels.instant_labels(rule.opens_at, scope.zone)
    labels = rule_labels.instant_labels(last, scope.zone)
    return Period(
        days_left=days,
        ended=days == 0,
        opened=opened,
        deadline=_("until %(day)s, %(time)s in %(city)s") % labels,
        last_minute=_("%(day)s, %(time)s in %(city)s") % labels,
        in_reader_zone=in_reader_zone(last, scope.zone, scope.employee),
        time_left=left,
        opening=opening,
    )


def in_reader_zone(moment: datetime, zone: ZoneInfo, employee: Employee | None) -> str:
    """The same instant in the reader's zone; empty when the clocks agree."""
    name = employee.time_zone if employee else ""
    try:
        own = ZoneInfo(name) if name else None
    # The roster may hold a zone that this machine's tz database does not know.
    except (ZoneInfoNotFoundError, ValueError):
        own = None
    if own is None or moment.astimezone(own).utcoffset() == moment.astimezone(zone).utcoffset():
        return ""
    return _("%(day)s, %(time)s in %(city)s") % rule_labels.instant_labels(moment, own)


def card_of(scope: PageContext, row: Any, days: list[Any]) -> Card:
    """Words and numbers of one row; `days` is its curve, for the contacts of the last week."""
    rule, period = scope.rule, period_of(scope)
    expected = rules.expected(row.target, rule.opens_at, rule.cutoff_at, scope.instant)
    return Card(
        row=row,
        state=_state(row, scope),
        period=period,
        expected=expected,
        # Positive: behind. The sign decides between the two sentences about pace.
        gap=round(expected - row.counted),
        needed=rules.needed_per_day(row.remaining, period.days_left) if period.opened else None,
        last_week=last_week(days, scope.instant.astimezone(scope.zone).date()),
        announcement=_announcement(row, scope),
    )


def standing_of(scope: PageContext, employee: Employee) -> tuple[Card, list[Any]]:
    """The standing of an employee whom the reader may see, with its curve. Raises Http404 when there is none."""
    standings = scope.standings(report_people.OneEmployee(employee))
    row = standings.row_of(employee.pk)
    if row is None:
        raise Http404("There is no standing")
    days = standings.curve()
    return card_of(scope, row, days), days


def _state(row: Any, scope: PageContext) -> str:
    if row.red and scope.counting:
        return "counting"
    if row.red:
        # An evaluation is pending, so the stored red may be wrong; a wrong red is the worst fault.
        return "updating" if row.stale and scope.as_of is None else "red"
    return "exempt" if row.exempt and row.remaining else "reached"


def _announcement(row: Any, scope: PageContext) -> str:
    """The sentence for the live region: what a screen reader says when the number changes."""
    numbers = {"counted": base.number(row.counted), "target": base.number(row.target)}
    if row.counted >= row.target:
        if row.counted == row.target:
            return _("That was contact number %(target)s. You have reached the target.") % numbers
        return _("%(counted)s of %(target)s counted. You have reached the target.") % numbers
    if row.exempt:
        return _("%(counted)s of %(target)s counted. You are exempt.") % numbers
    numbers["remaining"] = base.number(row.remaining)
    if scope.counting:
        return _("%(counted)s of %(target)s counted so far. Counting is not finished.") % numbers
    if row.stale:
        return _("%(counted)s of %(target)s counted, %(remaining)s to go. Updating.") % numbers
    return _("%(counted)s of %(target)s counted, %(remaining)s to go. You are red.") % numbers


def is_prorated(scope: PageContext, row: Any, terms: list[Any]) -> bool:
    """Whether the target is lower than the campaign's only because the employee joined after the first day."""
    adjusted = any(term.target is not None and term.starts_at < scope.instant for term in terms)
    return bool(scope.rule.prorate_joiners and row.target < scope.rule.target and not adjusted)


def last_week(days: list[Any], today: date) -> float:
    """Counted contacts a day over the seven days that end today."""
    return sum(day.recorded for day in days if today - timedelta(days=7) < day.day <= today) / 7
