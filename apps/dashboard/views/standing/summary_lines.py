"""The lines under the number on `/`: time left, pace, changes, the next step."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.standing.standing_card import Card
from apps.reports import employee_detail

# Contacts that count now and did not before, by their earlier reason; None was not recorded yet.
GAINED = {None: "added", "unconfirmed": "confirmed", "claimed": "freed"}


@dataclass(frozen=True)
class Line:
    """A summary line: its bold words, the rest, and its link."""

    icon: str
    lead: str
    text: str = ""
    more: str = ""
    links: Sequence[tuple[str, str]] = ()


def readout(
    scope: PageContext, card: Card, moved: list[employee_detail.ReasonChange] | None, not_counting: int
) -> list[Line]:
    """`changes`: reason changes since yesterday, or None once nothing can change."""
    lines = [_time(card), _needed(scope, card)]
    if moved is not None:
        lines.append(_since_yesterday(moved))
    lines.append(_next(scope, card, not_counting))
    return [line for line in lines if line]


def _time(card: Card) -> Line:
    period = card.period
    if period.ended:
        return Line("calendar-clock", _("The deadline was"), period.last_minute)
    there = _("for you %(there)s") % {"there": period.elsewhere} if period.elsewhere else ""
    lead = _("Last day") if period.days_left == 1 else period.left
    return Line("calendar-clock", lead, period.deadline, there)


def _needed(scope: PageContext, card: Card) -> Line | None:
    row, period = card.row, card.period
    if row.remaining == 0:
        return _done(scope, card)
    to_go = {"count": base.number(row.remaining)}
    if row.exempt:
        return Line("shield", _("Nothing is expected of you"), _("you are exempt; whom you add counts all the same"))
    if period.ended:
        return None
    lead = _("%(count)s a day") % {"count": base.number(card.needed or row.remaining)}
    text = ngettext("for the %(count)s still to go", "for the %(count)s still to go", row.remaining) % to_go
    pace = _("you did %(pace)s a day in the last week") % {"pace": base.number(round(card.last_week, 1))}
    return Line(
        "trending-up", lead, f"{text}{pgettext('between the parts of a sentence', ', ')}{_('today included')}", pace
    )


def _done(scope: PageContext, card: Card) -> Line:
    row, spare = card.row, card.row.counted - card.row.target
    if spare == 0 and row.target_reached_at and row.target_reached_at.astimezone(scope.zone).date() == scope.today:
        lead = _("That was number %(target)s") % {"target": base.number(row.target)}
        return Line("circle-check", lead, _("you are done: nothing is left to do"))
    if spare == 0:
        return Line("circle-check", _("Done"), _("exactly what is needed"))
    text = ngettext("%(count)s more than needed", "%(count)s more than needed", spare) % {"count": base.number(spare)}
    return Line("circle-check", _("Done"), text)


def _since_yesterday(moved: list[employee_detail.ReasonChange]) -> Line:
    """+3 since yesterday: 2 added, 1 confirmed. The number is the difference of the verdicts' `counted`."""
    net = sum(change.contacts for change in moved if change.now == "") - sum(
        change.contacts for change in moved if change.before == ""
    )
    parts = [text % {"count": base.number(count)} for count, text in _parts(moved) if count]
    if not parts:
        return Line("history", _("No change"), _("since yesterday"))
    if len(parts) == 1 and net == sum(change.contacts for change in moved if change.before is None):
        parts = []  # all of it was added: the number alone says so
    sign = "+" if net > 0 else "−" if net < 0 else "±"
    lead = f"{sign}{base.number(abs(net))}"
    sentence = pgettext("between the parts of a sentence", ", ").join(parts)
    text = _("since yesterday: %(parts)s") % {"parts": sentence} if sentence else _("since yesterday")
    return Line("history", lead, text)


def _parts(moved: list[employee_detail.ReasonChange]) -> list[tuple[int, str]]:
    """Each part with its number, gains first."""

    def came(kind: str) -> int:
        return sum(
            change.contacts for change in moved if change.now == "" and GAINED.get(change.before, "rule") == kind
        )

    def went(*reasons: str) -> int:
        return sum(change.contacts for change in moved if change.before == "" and change.now in reasons)

    idle = sum(change.contacts for change in moved if change.before is None and change.now not in ("", "ended"))
    added, confirmed, freed, ruled = (came(kind) for kind in ("added", "confirmed", "freed", "rule"))
    ended, joined, lost = went("ended"), went("not_external"), went("outside_period", "unconfirmed", "claimed")
    return [
        (added, ngettext("%(count)s added", "%(count)s added", added)),
        (confirmed, ngettext("%(count)s confirmed", "%(count)s confirmed", confirmed)),
        (
            freed,
            ngettext(
                "%(count)s counts because a colleague's earlier entry ended",
                "%(count)s count because a colleague's earlier entry ended",
                freed,
            ),
        ),
        (
            ruled,
            ngettext("%(count)s counts because the rule changed", "%(count)s count because the rule changed", ruled),
        ),
        (
            ended,
            ngettext(
                "%(count)s no longer counts because it ended", "%(count)s no longer count because they ended", ended
            ),
        ),
        (
            joined,
            ngettext(
                "%(count)s no longer counts because it is a colleague",
                "%(count)s no longer count because they are colleagues",
                joined,
            ),
        ),
        (
            lost,
            ngettext(
                "%(count)s no longer counts because the rule changed",
                "%(count)s no longer count because the rule changed",
                lost,
            ),
        ),
        (idle, ngettext("%(count)s added that does not count", "%(count)s added that do not count", idle)),
    ]


def _next(scope: PageContext, card: Card, not_counting: int) -> Line | None:
    row, period = card.row, card.period
    if scope.result:
        return Line("flag", _("Final"), _("only a correction that two people of HR agree on can change it"))
    if period.ended:
        return Line(
            "hourglass",
            _("Being counted"),
            _("what was handed in before the deadline still comes in; nobody is red or not before the result stands"),
        )
    mend = _mend(scope, not_counting)
    if row.remaining == 0:
        return Line("info", _("Until the deadline"), _could_change(scope), links=mend)
    if row.exempt:
        return Line("arrow-right", _("Next"), _("nothing to do"), links=mend)
    first = _("Add the first one") if row.counted == 0 else _("Add somebody")
    return Line("arrow-right", _("Next"), links=[(first, "#quick-add"), *mend])


def _mend(scope: PageContext, not_counting: int) -> list[tuple[str, str]]:
    if not not_counting:
        return []
    text = ngettext("See why %(count)s does not count", "See why %(count)s do not count", not_counting)
    url = scope.url("contacts", reason="not_counting") + "#list"
    return [(text % {"count": base.number(not_counting)}, url)]


def _could_change(scope: PageContext) -> str:
    """What could still bring a number under its target, by this campaign's rule."""
    parts = [_("a contact that ends no longer counts"), _("nor does one who joins the company")]
    if scope.rule.confirmed_only:
        parts[0] = _("a contact that ends or is withdrawn no longer counts")
    parts.append(_("and HR can adjust a target"))
    return pgettext("between the parts of a sentence", ", ").join(parts)
