"""Labels: every word that more than one page uses, translated when it is shown.

Services return reasons and states as codes; here a code becomes a sentence, with what would change it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext, npgettext, pgettext
from django.utils.translation import gettext as _

Text = str | Promise


@dataclass(frozen=True)
class Badge:
    """A state as its code, with the word, the colour class and the icon of its badge."""

    code: str
    label: Text
    colour: str
    icon: str


@dataclass(frozen=True)
class ReasonLabel:
    """Why a contact does not count: the label for a list, and the sentence that says what would make it count.

    After a freeze nothing can be fixed: then `final` says what the reason was.
    """

    label: Text
    fix: Text
    final: Text
    final_label: Text = ""

    def label_for(self, final: bool) -> Text:
        return self.final_label if final and self.final_label else self.label

    def sentence_for(self, final: bool) -> Text:
        return self.final if final else self.fix


REASONS: dict[str, ReasonLabel] = {
    "ended": ReasonLabel(
        gettext_lazy("Ended"),
        gettext_lazy("If you restore it, it can count again."),
        gettext_lazy("It had ended before the deadline."),
    ),
    "outside_period": ReasonLabel(
        gettext_lazy("Outside the period"),
        gettext_lazy(
            "It was not recorded while the campaign was open. Record it again before the deadline, and it can count."
        ),
        gettext_lazy("It was recorded outside the campaign's period, or arrived after the result was created."),
    ),
    "not_external": ReasonLabel(
        gettext_lazy("A colleague"),
        gettext_lazy("Employees and company addresses do not count. If this is another person, correct the entry."),
        gettext_lazy("Employees and company addresses did not count."),
    ),
    "unconfirmed": ReasonLabel(
        gettext_lazy("Not confirmed yet"),
        gettext_lazy("It counts as soon as the person confirms in the messaging app. Only the person can do that."),
        gettext_lazy("The person had not confirmed in the messaging app before the deadline."),
        final_label=gettext_lazy("Not confirmed in time"),
    ),
    "claimed": ReasonLabel(
        gettext_lazy("Recorded by a colleague first"),
        gettext_lazy("It counts only if the earlier entry ends. You cannot change that."),
        gettext_lazy("A colleague's earlier entry was valid at the deadline."),
    ),
}

ENDINGS: dict[str, Text] = {
    "removed": gettext_lazy("You ended it."),
    "corrected": gettext_lazy("Corrected. The new entry replaces it."),
    "withdrawn": gettext_lazy("The person withdrew. You cannot restore it. If they agree, record them again."),
    "rejected": gettext_lazy("A reviewer rejected it. You cannot restore it. If the person agrees, record them again."),
    "undone": gettext_lazy("You undid this entry. If that was a mistake, add the person again."),
    "merged": gettext_lazy("The same person as another of your contacts."),
    "expired": gettext_lazy("Erased, because its campaign has ended. You can record the person again."),
}
# The other endings come from the person, a feed or an undo: the employee cannot take them back.
RESTORABLE = {"removed"}

SOURCES: dict[str, Text] = {
    "page": gettext_lazy("this page"),
    "paste": gettext_lazy("pasted list"),
    "api": gettext_lazy("another program"),
    "csv": gettext_lazy("CSV file"),
    "vcard": gettext_lazy("vCard file"),
    "feed": gettext_lazy("messaging app"),
    "demo": gettext_lazy("demo data"),
}

PACES: dict[str, Text] = {
    "done": gettext_lazy("done"),
    "ahead": gettext_lazy("ahead"),
    "on_pace": gettext_lazy("on pace"),
    "behind": gettext_lazy("behind"),
}


def pace_label(pace: str, days_left: int) -> Text:
    """The pace in words; from the last day on, nothing but `done` and `behind`.

    On that day, "on pace" beside "red: 1 to go" would contradict itself.
    """
    return "" if days_left <= 1 and pace in ("ahead", "on_pace") else PACES.get(pace, pace)


IDENTITY_KINDS: dict[str, Text] = {
    "phone": gettext_lazy("Phone"),
    "email": gettext_lazy("E-mail"),
    "handle": gettext_lazy("Handle"),
}

STATUSES: dict[str, Text] = {
    "": gettext_lazy("Everyone"),
    "red": gettext_lazy("Red"),
    "not_red": gettext_lazy("Not red"),
    "done": gettext_lazy("At target"),
    "to_go": gettext_lazy("Below target"),
    "ahead": gettext_lazy("Ahead of pace"),
    "on_pace": gettext_lazy("On pace"),
    "keeping_pace": gettext_lazy("On pace or ahead"),
    "behind": gettext_lazy("Behind pace"),
    "still": gettext_lazy("Nothing new for a week"),
    "within_5": gettext_lazy("At most 5 to go"),
    "within_10": gettext_lazy("At most 10 to go"),
    "at_zero": gettext_lazy("No counted contacts"),
    "exempt": gettext_lazy("Exempt"),
    "exempt_below": gettext_lazy("Exempt and below target"),
    "ended_soon": gettext_lazy("With contacts that ended within 7 days"),
    "handed_in_twice": gettext_lazy("With rejected duplicates"),
    "band_0": gettext_lazy("0–24 % of the target"),
    "band_1": gettext_lazy("25–49 % of the target"),
    "band_2": gettext_lazy("50–74 % of the target"),
    "band_3": gettext_lazy("75–99 % of the target"),
    "band_4": gettext_lazy("100 % of the target or more"),
    "updating": gettext_lazy("Being updated"),
    "under_review": gettext_lazy("Under review"),
}
# Since the day that a list is compared with.
CHANGES: dict[str, Text] = {
    "moved": gettext_lazy("More counted contacts"),
    "stalled": gettext_lazy("Red without progress"),
    "reached": gettext_lazy("Reached the target"),
    "fell_back": gettext_lazy("Fell below the target"),
}
# The filter value for employees without a department: no department's name is a blank.
NO_DEPARTMENT = " "


def statuses(show_reviews: bool) -> dict[str, Text]:
    """The status filters of a list, for a reader who may see reviews or may not."""
    return {code: label for code, label in STATUSES.items() if show_reviews or code != "under_review"}


SORTS: dict[str, Text] = {
    "help": gettext_lazy("Most help needed first"),
    "reach": gettext_lazy("Fewest to go first"),
    "name": gettext_lazy("Name"),
    "counted": gettext_lazy("Counted, fewest first"),
    "-counted": gettext_lazy("Counted, most first"),
    "remaining_per_day": gettext_lazy("Needed per day, most first"),
    "quiet": gettext_lazy("Longest without a new contact first"),
    "department": gettext_lazy("Department"),
    "staff_no": gettext_lazy("Staff number"),
}


def time_left(seconds: int) -> str:
    if seconds < 60:
        return _("less than a minute left")
    return ngettext("about %(count)s minute left", "about %(count)s minutes left", round(seconds / 60)) % {
        "count": round(seconds / 60)
    }


# The same bands as in SQL (n0, n25, n50, n75, n100): the chart takes its labels from here.
BANDS: tuple[Text, ...] = (
    gettext_lazy("0–24 %"), gettext_lazy("25–49 %"), gettext_lazy("50–74 %"), gettext_lazy("75–99 %"),
    gettext_lazy("100 % or more"),
)  # fmt: skip


def number(value: float) -> str:
    """1234 -> 1,234: groups of three in both languages (Django's zh-hans groups by four)."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def signed(change: int) -> str:
    """+12, 0 or −3"""
    return f"{'+' if change > 0 else '−' if change < 0 else ''}{number(abs(change))}"


def short_date(day: date) -> str:
    """3 Nov · 11月3日"""
    return _short_date(day, get_language())


@lru_cache(maxsize=4096)
# Cached by language too: the same day is formatted hundreds of times for one page with charts.
def _short_date(day: date, language: str | None) -> str:
    return date_format(day, pgettext("date format, day and month", "j M"))


def long_date(day: date) -> str:
    """Mon 30 Nov 2026 · 2026年11月30日 星期一"""
    return date_format(day, pgettext("date format, with weekday and year", "D j M Y"))


def full_date(day: date) -> str:
    """Mon 30 Nov · 11月30日 星期一"""
    return _full_date(day, get_language())


@lru_cache(maxsize=4096)
def _full_date(day: date, language: str | None) -> str:
    return date_format(day, pgettext("date format, with weekday", "D j M"))


def city(zone: str) -> str:
    """The common name of a time zone: Asia/Shanghai -> Shanghai. Known places are translated."""
    # Lambdas, so that a call translates one name and not all ten.
    places: dict[str, Callable[[], str]] = {
        "Asia/Shanghai": lambda: _("Shanghai"),
        "Asia/Singapore": lambda: _("Singapore"),
        "Asia/Tokyo": lambda: _("Tokyo"),
        "Europe/Berlin": lambda: _("Berlin"),
        "Europe/London": lambda: _("London"),
        "Europe/Paris": lambda: _("Paris"),
        "America/New_York": lambda: _("New York"),
        "America/Sao_Paulo": lambda: _("São Paulo"),
        "America/Los_Angeles": lambda: _("Los Angeles"),
        "Australia/Sydney": lambda: _("Sydney"),
    }
    names = places.get(zone)
    return names() if names else zone.rsplit("/", 1)[-1].replace("_", " ")


def people(count: int) -> str:
    return npgettext("people in a team", "%(count)s person", "%(count)s people", count) % {"count": number(count)}


def clock_time(moment: datetime) -> str:
    """14:05 in the time zone in force."""
    return f"{timezone.localtime(moment):%H:%M}"


def why_not_counted(contact: Any, *, final: bool) -> str:
    """Why a contact does not count and what would fix it, or why it did not count in a result; empty when it counts.

    For a contact that counted in a result and has ended since, it says so. `contact` carries its `reason`.
    """
    label = REASONS.get(contact.reason)
    if final and label is None:
        return _("It counted at the deadline. Its later end changes nothing.") if contact.ended_at else ""
    if contact.reason == "ended" and not final:
        fix = label.fix if label and contact.end_reason in RESTORABLE else ""
        return f"{ENDINGS.get(contact.end_reason, '')} {fix}".strip()
    return str(label.sentence_for(final)) if label else ""
