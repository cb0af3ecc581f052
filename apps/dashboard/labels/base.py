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

from apps.contacts.drafts import UNREADABLE
from apps.contacts.reading import unreadable

Text = str | Promise


@dataclass(frozen=True)
class Reason:
    """Why a contact does not count: the label for a list, and the sentence that says what would make it count."""

    label: Text
    cure: Text


REASONS: dict[str, Reason] = {
    "ended": Reason(gettext_lazy("Ended"), gettext_lazy("Restore it, and it is judged again.")),
    "outside_period": Reason(
        gettext_lazy("Outside the period"),
        gettext_lazy("Only contacts recorded while the campaign is open count."),
    ),
    "not_external": Reason(
        gettext_lazy("A colleague"),
        gettext_lazy("Employees and the company's own addresses do not count. Correct it if it is somebody else."),
    ),
    "unconfirmed": Reason(
        gettext_lazy("Not confirmed yet"),
        gettext_lazy("It counts as soon as the person confirms in the messaging app."),
    ),
    "claimed": Reason(
        gettext_lazy("Recorded by a colleague first"),
        gettext_lazy("It counts only if the earlier entry ends."),
    ),
}

ENDINGS: dict[str, Text] = {
    "removed": gettext_lazy("You ended it."),
    "corrected": gettext_lazy("Corrected: the new entry stands in its place."),
    "withdrawn": gettext_lazy("The person withdrew."),
    "rejected": gettext_lazy("A reviewer rejected it."),
    "undone": gettext_lazy("Its import was undone."),
    "merged": gettext_lazy("The same person as another of your contacts."),
}
RESTORABLE = {"removed"}

# For a frozen campaign: no longer fixable.
FINAL_REASONS: dict[str, Reason] = {
    "ended": Reason(gettext_lazy("Ended"), gettext_lazy("It had ended before the cut-off.")),
    "outside_period": Reason(
        gettext_lazy("Outside the period"),
        gettext_lazy("It was recorded outside the campaign's period, or came in after the result was made."),
    ),
    "not_external": Reason(
        gettext_lazy("A colleague"), gettext_lazy("Employees and the company's own addresses did not count.")
    ),
    "unconfirmed": Reason(
        gettext_lazy("Not confirmed in time"),
        gettext_lazy("The person had not confirmed in the messaging app before the cut-off."),
    ),
    "claimed": Reason(
        gettext_lazy("Recorded by a colleague first"),
        gettext_lazy("A colleague's earlier entry held at the cut-off."),
    ),
}

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

KINDS: dict[str, Text] = {
    "phone": gettext_lazy("Phone"),
    "email": gettext_lazy("E-mail"),
    "handle": gettext_lazy("Handle"),
}

STATUSES: dict[str, Text] = {
    "": gettext_lazy("Everybody"),
    "red": gettext_lazy("Red"),
    "not_red": gettext_lazy("Not red"),
    "done": gettext_lazy("At the target"),
    "to_go": gettext_lazy("Below the target"),
    "ahead": gettext_lazy("Ahead of pace"),
    "on_pace": gettext_lazy("On pace"),
    "keeping_pace": gettext_lazy("On pace or ahead"),
    "behind": gettext_lazy("Behind pace"),
    "still": gettext_lazy("Nothing new for a week"),
    "at_zero": gettext_lazy("Nobody counted yet"),
    "exempt": gettext_lazy("Exempt"),
    "ended_soon": gettext_lazy("With contacts that ended within 7 days"),
    "handed_in_twice": gettext_lazy("With duplicates that were refused"),
    "updating": gettext_lazy("Being updated"),
    "under_review": gettext_lazy("Under review"),
}
# The filter value for employees without a department: no department's name is a blank.
NO_DEPARTMENT = " "


def statuses(show_reviews: bool) -> dict[str, Text]:
    """The status filters of a list, for a reader who may see reviews or may not."""
    return {code: label for code, label in STATUSES.items() if show_reviews or code != "under_review"}


SORTS: dict[str, Text] = {
    "help": gettext_lazy("Help needed first"),
    "name": gettext_lazy("Name"),
    "counted": gettext_lazy("Counted, fewest first"),
    "-counted": gettext_lazy("Counted, most first"),
    "remaining_per_day": gettext_lazy("Needed per day, most first"),
    "quiet": gettext_lazy("Longest without a new contact first"),
    "department": gettext_lazy("Department"),
    "staff_no": gettext_lazy("Staff number"),
}

# The roles a reader can give a column. The employee and the start of a contact are never read from an upload.
ROLES: dict[str, Text] = {
    "": gettext_lazy("not used"),
    "name": gettext_lazy("Name"),
    "given_name": gettext_lazy("First name"),
    "middle_name": gettext_lazy("Middle name"),
    "family_name": gettext_lazy("Family name"),
    "nickname": gettext_lazy("Nickname"),
    "organization": gettext_lazy("Company"),
    "phone": gettext_lazy("Phone"),
    "email": gettext_lazy("E-mail"),
    "handle": gettext_lazy("Handle"),
}

ENCODINGS: dict[str, Text] = {
    "utf-8": gettext_lazy("Unicode (UTF-8)"),
    "utf-16-le": gettext_lazy("Unicode (UTF-16)"),
    "utf-16-be": gettext_lazy("Unicode (UTF-16, big-endian)"),
    "gb18030": gettext_lazy("Simplified Chinese (GB 18030)"),
    "big5": gettext_lazy("Traditional Chinese (Big5)"),
    "cp950": gettext_lazy("Traditional Chinese (Windows)"),
    "cp932": gettext_lazy("Japanese (Shift JIS)"),
    "cp949": gettext_lazy("Korean"),
    "cp1252": gettext_lazy("Western European"),
    "cp1251": gettext_lazy("Cyrillic"),
    "cp1250": gettext_lazy("Central European"),
    "iso8859-2": gettext_lazy("Central European (ISO 8859-2)"),
    "cp1254": gettext_lazy("Turkish"),
    "cp1257": gettext_lazy("Baltic"),
}


def rejection(code: str, column: str, message: str = "") -> str:
    """Why a line was not recorded, for its sender; `message` is used for codes without a label here."""
    if code == "invalid_identity":
        return {
            "phone": _("No usable phone, e-mail or handle: the phone number is not valid."),
            "email": _("No usable phone, e-mail or handle: the e-mail address is not valid."),
            "handle": _("No usable phone, e-mail or handle: the handle is not valid."),
        }.get(column, message)
    if code == "unknown_employee":
        return _("The line names somebody else as the one whose contact this is.")
    return unreadable(code) if code in UNREADABLE else message


# The limits of a file, by the unit of fileio.encodings.TooLarge.
TOO_MUCH: dict[str, Text] = {
    "lines": gettext_lazy("The file has more than %(limit)s lines, blank ones included. Send it in parts."),
    "lines before the header": gettext_lazy(
        "The first %(limit)s lines are blank. Delete them: the columns come first."
    ),
    "empty records in quotes": gettext_lazy(
        "More than %(limit)s places hold nothing but quotation marks. Delete these lines."
    ),
    "rows": gettext_lazy("The sheet has more than %(limit)s rows, which no spreadsheet has. Save it as CSV UTF-8."),
    "columns": gettext_lazy("A row has more than %(limit)s columns, which no spreadsheet has. Save it as CSV UTF-8."),
    "characters in a cell": gettext_lazy("A cell has more than %(limit)s characters. Shorten it."),
    "XML elements": gettext_lazy("The workbook has more than %(limit)s cells and styles. Save it as CSV UTF-8."),
    "bytes in an XML tag": gettext_lazy("A tag in the workbook has more than %(limit)s bytes. Save it as CSV UTF-8."),
    "bytes in an unpacked workbook": gettext_lazy(
        "The workbook unpacks to more than %(limit)s bytes. Save it as CSV UTF-8."
    ),
    "bytes of texts in a workbook": gettext_lazy(
        "The texts of the workbook have more than %(limit)s bytes. Save it as CSV UTF-8."
    ),
    "parts of a workbook": gettext_lazy("The workbook has more than %(limit)s parts. Save it as CSV UTF-8."),
}


def too_large(line: int, limit: int, unit: str) -> str:
    """Why a file over a limit was refused, and where."""
    sentence = str(TOO_MUCH[unit]) % {"limit": number(limit)}
    if not line or unit == "lines":
        return sentence
    return _("Line %(line)s: %(sentence)s") % {"line": number(line), "sentence": sentence}


def time_left(seconds: int) -> str:
    """The estimated time left."""
    if seconds < 60:
        return _("less than a minute left")
    return ngettext("about %(count)s minute left", "about %(count)s minutes left", round(seconds / 60)) % {
        "count": round(seconds / 60)
    }


BANDS: tuple[str, ...] = ("0-24 %", "25-49 %", "50-74 %", "75-99 %", "100 %+")


def number(value: float) -> str:
    """1234 -> 1,234: groups of three in both languages (Django's zh-hans groups by four)."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def short_date(day: date) -> str:
    """3 Nov · 11月3日"""
    return _short_date(day, get_language())


@lru_cache(maxsize=4096)
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


def reason(code: str, *, final: bool) -> Reason | None:
    """The label of a reason, in a running campaign or in a result."""
    return (FINAL_REASONS if final else REASONS).get(code)


def why(contact: Any, *, final: bool) -> str:
    """Why a contact does not count and what would fix it, or why it did not count in a result; empty when it counts.

    For a contact that counted in a result and has ended since, it says so. `contact` carries its `reason`.
    """
    label = reason(contact.reason, final=final)
    if final:
        if label:
            return str(label.cure)
        return _("It counted at the cut-off; that it ended later changes nothing.") if contact.ended_at else ""
    if contact.reason == "ended":
        cure = label.cure if label and contact.end_reason in RESTORABLE else ""
        return f"{ENDINGS.get(contact.end_reason, '')} {cure}".strip()
    return str(label.cure) if label else ""
