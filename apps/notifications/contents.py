"""The text of each kind of notification, in the language in force.

A subject is constant: no number, no name and no campaign stands where a screen shows it to others. A summary stays true
later, because the list in the application shows it; details hold the numbers of the moment of sending.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.campaigns.rules import needed_per_day
from apps.notifications.facts import Facts


@dataclass(frozen=True)
class Content:
    """`page`: the name of the page that the link opens. `action`: the label of the link, verb and object."""

    subject: str
    summary: str
    details: Sequence[str] = ()
    page: str = "me"
    action: str = ""


def content_of(facts: Facts, now: datetime) -> Content:
    """The text of a notification in the language in force. Raises KeyError for an unknown kind."""
    return CONTENTS[facts.kind](facts, now)


def _standing(facts: Facts) -> list[str]:
    """The recipient's own numbers; nothing for a recipient without a standing."""
    if facts.counted is None or facts.target is None:
        return []
    numbers = {"counted": facts.counted, "target": facts.target, "remaining": facts.remaining}
    if facts.exempt:
        return [_("%(counted)s of your contacts count. You are exempt from the target.") % numbers]
    if not facts.remaining:
        return [_("%(counted)s of your contacts count. Your target is %(target)s.") % numbers]
    return [_("%(counted)s of your contacts count. Your target is %(target)s, so %(remaining)s are left.") % numbers]


def _time_left(facts: Facts, now: datetime) -> list[str]:
    days, last_day = facts.days_left(now), facts.deadline
    if not days or last_day is None:
        return []
    day = formats.date_format(last_day, "DATE_FORMAT")
    if days == 1:
        lines = [_("Today, %(day)s, is the last day.") % {"day": day}]
    else:
        left = ngettext("%(days)s day is left, today included.", "%(days)s days are left, today included.", days)
        lines = [left % {"days": days}, _("The last day is %(day)s.") % {"day": day}]
    needed = needed_per_day(facts.remaining, days)
    if facts.red and needed and days > 1:
        lines.append(_("%(number)s a day reach the target.") % {"number": needed})
    return [" ".join(lines)]


def _campaign_opened(facts: Facts, now: datetime) -> Content:
    summary = _("The campaign %(campaign)s has begun.") % {"campaign": facts.campaign}
    return Content(
        _("A campaign has begun"), summary, [*_standing(facts), *_time_left(facts, now)],
        action=_("Open your page"),
    )  # fmt: skip


def _rule_changed(facts: Facts, now: datetime) -> Content:
    summary = _("HR changed the rule of the campaign %(campaign)s.") % {"campaign": facts.campaign}
    return Content(
        _("The rule of a campaign has changed"), summary, [*_standing(facts), *_time_left(facts, now)],
        action=_("Open your page"),
    )  # fmt: skip


def _milestone_50(facts: Facts, now: datetime) -> Content:
    return _milestone(_("You have reached half of your target in %(campaign)s."), facts, now)


def _milestone_90(facts: Facts, now: datetime) -> Content:
    return _milestone(_("You have reached 90 %% of your target in %(campaign)s."), facts, now)


def _milestone(summary: str, facts: Facts, now: datetime) -> Content:
    return Content(
        _("You are getting closer to your target"), summary % {"campaign": facts.campaign},
        [*_standing(facts), *_time_left(facts, now)], action=_("Open your page"),
    )  # fmt: skip


def _milestone_100(facts: Facts, now: datetime) -> Content:
    summary = _("You have reached your target in %(campaign)s. Thank you!") % {"campaign": facts.campaign}
    detail = _("It counts as long as these contacts count. Hundred writes to you if that changes.")
    return Content(_("You have reached your target"), summary, [*_standing(facts), detail], action=_("Open your page"))


def _turned_red(facts: Facts, now: datetime) -> Content:
    summary = _("You are below your target in %(campaign)s again.") % {"campaign": facts.campaign}
    lost = int(facts.data.get("was_counted", 0)) - int(facts.data.get("counted", 0))
    details = []
    if lost > 0:
        text = ngettext(
            "%(number)s contact does not count any more.", "%(number)s contacts do not count any more.", lost
        )
        details.append(" ".join([text % {"number": lost}, _("Your contact list says why.")]))
    if int(facts.data.get("target", 0)) > int(facts.data.get("was_target", 0)):
        details.append(_("Your target was raised to %(target)s.") % {"target": facts.data["target"]})
    if facts.data.get("was_exempt"):
        details.append(_("Your exemption from the target has ended."))
    return Content(
        _("You are below your target again"), summary, [*details, *_standing(facts), *_time_left(facts, now)],
        page="contacts", action=_("Open your contacts"),
    )  # fmt: skip


def _weekly(facts: Facts, now: datetime) -> Content:
    summary = _("You were behind the steady pace to your target in %(campaign)s.") % {"campaign": facts.campaign}
    return Content(
        _("Your week in Hundred"), summary, [*_standing(facts), *_time_left(facts, now)],
        action=_("Open your page"),
    )  # fmt: skip


def _deadline(facts: Facts, now: datetime) -> Content:
    summary = _("The deadline of %(campaign)s was near, and you were below your target.") % {"campaign": facts.campaign}
    return Content(
        _("The deadline of a campaign is near"), summary, [*_standing(facts), *_time_left(facts, now)],
        action=_("Open your page"),
    )  # fmt: skip


def _adjustment_granted(facts: Facts, now: datetime) -> Content:
    summary = _("HR approved an adjustment of your target in %(campaign)s.") % {"campaign": facts.campaign}
    return Content(_("Your target was adjusted"), summary, _standing(facts), action=_("Open your page"))


def _adjustment_ended(facts: Facts, now: datetime) -> Content:
    summary = _("An adjustment of your target in %(campaign)s has ended.") % {"campaign": facts.campaign}
    return Content(_("An adjustment of your target has ended"), summary, _standing(facts), action=_("Open your page"))


def _review_answered(facts: Facts, now: datetime) -> Content:
    summary = _("HR has answered your question about your standing in %(campaign)s.") % {"campaign": facts.campaign}
    return Content(
        _("HR has answered your review request"), summary, page="review", action=_("Read the answer")
    )  # fmt: skip


def _result_final(facts: Facts, now: datetime) -> Content:
    summary = _("The result of %(campaign)s is final.") % {"campaign": facts.campaign}
    check = _("The result is signed: your page shows the number that was signed and how to verify it.")
    details = [*_standing(facts), check]
    if until := facts.review_until():
        day = formats.date_format(until, "DATE_FORMAT")
        details.append(_("Until %(day)s you can ask HR for a review.") % {"day": day})
    return Content(_("The result of a campaign is final"), summary, details, action=_("Open your page"))


def _approval_waiting(facts: Facts, now: datetime) -> Content:
    summary = _("A colleague in HR has requested a change that a second person must decide.")
    page = {"adjustment": "adjustments", "correction": "result"}.get(facts.subject_key.partition(":")[0], "approvals")
    return Content(_("A request waits for a second person"), summary, page=page, action=_("Open the requests"))


def _approval_overdue(facts: Facts, now: datetime) -> Content:
    content = _approval_waiting(facts, now)
    return replace(content, subject=_("A request still waits for a second person"))


CONTENTS: dict[str, Callable[[Facts, datetime], Content]] = {
    "campaign_opened": _campaign_opened,
    "rule_changed": _rule_changed,
    "milestone_50": _milestone_50,
    "milestone_90": _milestone_90,
    "milestone_100": _milestone_100,
    "turned_red": _turned_red,
    "weekly": _weekly,
    "deadline_7": _deadline,
    "deadline_3": _deadline,
    "deadline_1": _deadline,
    "adjustment_granted": _adjustment_granted,
    "adjustment_ended": _adjustment_ended,
    "review_answered": _review_answered,
    "result_final": _result_final,
    "approval_waiting": _approval_waiting,
    "approval_overdue": _approval_overdue,
}
