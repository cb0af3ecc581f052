"""The lines under the number on `/`: time left, pace, changes, the next step."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.standing.standing_card import Card
from apps.reports import employee_detail

# Contacts that count now and did not before, by their earlier reason; None: not recorded yet. A gain from any other
# reason comes from a change of the rule.
GAIN_KINDS = {None: "added", "unconfirmed": "confirmed", "claimed": "freed"}


@dataclass(frozen=True)
class SummaryLine:
    icon: str
    lead: str
    text: str = ""
    more: str = ""
    links: Sequence[tuple[str, str]] = ()


def summary_lines(
    scope: PageContext,
    card: Card,
    changes: list[employee_detail.ReasonChange] | None,
    not_counting: int,
    forecast: SummaryLine | None = None,
) -> list[SummaryLine]:
    """`changes`: reason changes since yesterday, or None once nothing can change."""
    lines = [_deadline_line(card), _needed(scope, card), forecast]
    if changes is not None:
        lines.append(_since_yesterday(changes))
    lines.append(_next_step(scope, card, not_counting))
    return [line for line in lines if line]


def _deadline_line(card: Card) -> SummaryLine:
    period = card.period
    if period.ended:
        return SummaryLine("calendar-clock", _("The deadline was"), period.last_minute)
    there = _("your time: %(there)s") % {"there": period.in_reader_zone} if period.in_reader_zone else ""
    deadline = "" if period.days_left == 1 else period.deadline
    return SummaryLine("calendar-clock", capfirst(period.time_left), deadline, there)


def _needed(scope: PageContext, card: Card) -> SummaryLine | None:
    row, period = card.row, card.period
    if row.remaining == 0:
        return _done(scope, card)
    if row.exempt:
        return SummaryLine("shield", _("You are exempt"), _("you need no more contacts; contacts you add still count"))
    if period.ended:
        return None
    to_go = {"count": base.number(row.remaining)}
    lead = _("%(count)s needed per day from today") % {"count": base.number(card.needed or row.remaining)}
    # Never broken: a phone would show "1" on one line and "to go" on the next.
    text = ("· " + _("%(count)s to go") % to_go).replace(" ", "\N{NO-BREAK SPACE}")
    if period.days_left == 1:
        lead, text = _("%(count)s more needed today") % to_go, ""
    pace = _("you averaged %(pace)s per day over the last 7 days") % {"pace": base.number(round(card.last_week, 1))}
    return SummaryLine("trending-up", lead, text, pace)


def _done(scope: PageContext, card: Card) -> SummaryLine:
    row, spare = card.row, card.row.counted - card.row.target
    if spare == 0 and row.target_reached_at and row.target_reached_at.astimezone(scope.zone).date() == scope.today:
        lead = _("That was contact number %(target)s") % {"target": base.number(row.target)}
        return SummaryLine("circle-check", lead, _("you have reached the target"))
    if spare == 0:
        return SummaryLine("circle-check", _("Done"), _("exactly on target"))
    text = ngettext("%(count)s more than needed", "%(count)s more than needed", spare) % {"count": base.number(spare)}
    return SummaryLine("circle-check", _("Done"), text)


def _since_yesterday(changes: list[employee_detail.ReasonChange]) -> SummaryLine:
    """+3 since yesterday: 2 added, 1 confirmed. The number is the difference of `counted`, and the parts explain it."""
    net = sum(change.contacts for change in changes if change.now == "") - sum(
        change.contacts for change in changes if change.before == ""
    )
    parts = [text % {"count": base.number(count)} for count, text in _parts(changes) if count]
    if not parts:
        return SummaryLine("history", _("No change"), _("since yesterday"))
    if len(parts) == 1 and net == sum(change.contacts for change in changes if change.before is None):
        # All of it was added: the number alone says so.
        parts = []
    # The minus sign of typography: a hyphen is read as a dash by screen readers.
    sign = "+" if net > 0 else "−" if net < 0 else "±"
    lead = f"{sign}{base.number(abs(net))}"
    sentence = pgettext("between the parts of a sentence", ", ").join(parts)
    text = _("since yesterday: %(parts)s") % {"parts": sentence} if sentence else _("since yesterday")
    return SummaryLine("history", lead, text)


def _parts(changes: list[employee_detail.ReasonChange]) -> list[tuple[int, str]]:
    """Each part with its number, gains first."""

    def gained(kind: str) -> int:
        return sum(
            change.contacts for change in changes if change.now == "" and GAIN_KINDS.get(change.before, "rule") == kind
        )

    def lost(*reasons: str) -> int:
        return sum(change.contacts for change in changes if change.before == "" and change.now in reasons)

    uncounted = sum(change.contacts for change in changes if change.before is None and change.now not in ("", "ended"))
    added, confirmed, freed, ruled_in = (gained(kind) for kind in ("added", "confirmed", "freed", "rule"))
    ended, joined, ruled_out = lost("ended"), lost("not_external"), lost("outside_period", "unconfirmed", "claimed")
    return [
        (added, ngettext("%(count)s added", "%(count)s added", added)),
        (confirmed, ngettext("%(count)s confirmed", "%(count)s confirmed", confirmed)),
        (freed, ngettext("%(count)s counts because a colleague's earlier entry ended",
                         "%(count)s count because a colleague's earlier entry ended", freed)),
        (ruled_in, ngettext("%(count)s counts because the rule changed",
                         "%(count)s count because the rule changed", ruled_in)),
        (ended, ngettext("%(count)s no longer counts because it ended",
                         "%(count)s no longer count because they ended", ended)),
        (joined, ngettext("%(count)s no longer counts because it is a colleague",
                          "%(count)s no longer count because they are colleagues", joined)),
        (ruled_out, ngettext("%(count)s no longer counts because the rule changed",
                        "%(count)s no longer count because the rule changed", ruled_out)),
        (uncounted, ngettext("%(count)s added that does not count", "%(count)s added that do not count", uncounted)),
    ]  # fmt: skip


def _next_step(scope: PageContext, card: Card, not_counting: int) -> SummaryLine | None:
    row, period = card.row, card.period
    if scope.result:
        return SummaryLine("flag", _("Final"), _("only a correction by two HR users can change it"))
    if period.ended:
        return SummaryLine(
            "hourglass",
            _("Being counted"),
            _(
                "contacts submitted before the deadline are still being recorded; no employee is red until "
                "the result is final"
            ),
        )
    fix_links = _fix_links(scope, not_counting)
    if row.remaining == 0:
        return SummaryLine("info", _("Before the deadline"), _could_change(scope), links=fix_links)
    if row.exempt:
        return SummaryLine("arrow-right", _("Next"), _("you need no more contacts"), links=fix_links)
    first = _("Add your first contact") if row.counted == 0 else _("Add a contact")
    return SummaryLine("arrow-right", _("Next"), links=[(first, "#add_name"), *fix_links])


def _fix_links(scope: PageContext, not_counting: int) -> list[tuple[str, str]]:
    if not not_counting:
        return []
    text = ngettext("See why %(count)s does not count", "See why %(count)s do not count", not_counting)
    url = scope.url("contacts", reason="not_counting") + "#list"
    return [(text % {"count": base.number(not_counting)}, url)]


def _could_change(scope: PageContext) -> str:
    """What could still bring a number under its target, by this campaign's rule."""
    if scope.rule.confirmed_only:
        return _("a contact that ends, withdraws or joins the company stops counting, and HR can adjust your target")
    return _("a contact that ends or joins the company stops counting, and HR can adjust your target")
