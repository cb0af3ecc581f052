"""Forms that name one deputy or several. The services decide who may be named, and for how long."""

import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.dashboard.forms.adjustments import day_field
from apps.dashboard.forms.base import IdempotentForm, person_field
from apps.roster.cells import day_of

MAX_DEPUTIES, MAX_DEPUTIES_CHARS = 100, 20_000
# Copied from a spreadsheet, or typed.
SEPARATORS = ("\t", ";", ",")


class DeputyForm(IdempotentForm):
    manager = person_field(
        _("Manager whose team they see"), teams=True, help_text=_("Name, staff number or e-mail address.")
    )
    deputy = person_field(_("Deputy"), help_text=_("Name, staff number or e-mail address."))
    starts_on = day_field(label=_("First day"), required=False, help_text=_("Leave empty to start now."))
    until = day_field(label=_("Last day"), help_text=_("The deputy loses access at the end of this day."))

    def __init__(self, *args: Any, company: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not company:
            del self.fields["manager"]
            self.fields["deputy"].help_text = _(
                "Enter the full staff number or e-mail address. For people in your team, a name also works."
            )


@dataclass(frozen=True)
class DeputyLine:
    """A line of the list: people as typed, and days; None where a day is missing or cannot be read."""

    number: int
    text: str
    manager: str
    deputy: str
    until: date | None
    starts_on: date | None
    has_first_day: bool


class ManyDeputiesForm(IdempotentForm):
    """Deputies of several managers: one in each line."""

    lines = forms.CharField(
        label=_("Deputies"),
        # Without max_length: a browser would silently cut pasted text.
        strip=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "autocomplete": "off"}),
        help_text=_(
            "One deputy per line: manager; deputy; last day; and the first day if it starts later. Give people "
            "by staff number or e-mail address. You can paste columns from a spreadsheet."
        ),
    )

    def clean_lines(self) -> str:
        text: str = self.cleaned_data["lines"]
        if len(text) > MAX_DEPUTIES_CHARS or len(text.splitlines()) > MAX_DEPUTIES:
            raise forms.ValidationError(_("At most %(count)s lines at a time."), params={"count": MAX_DEPUTIES})
        return text

    def deputies(self) -> Iterator[DeputyLine]:
        # Chinese keyboards type full-width separators.
        text = self.cleaned_data["lines"].translate(str.maketrans("；，", ";,"))
        for number, line in enumerate(text.splitlines(), 1):
            # A line of headings has no digit, and every day has one.
            if line.strip() and not (number == 1 and not re.search(r"\d", line)):
                separator = next((each for each in SEPARATORS if each in line), ";")
                manager, deputy, until, starts_on = ([cell.strip() for cell in line.split(separator)] + [""] * 4)[:4]
                yield DeputyLine(number, line, manager, deputy, _day(until), _day(starts_on), bool(starts_on))

    def key_of(self, line: DeputyLine) -> uuid.UUID:
        """The idempotency key of a line: the same when the same form is sent again."""
        return uuid.uuid5(self.cleaned_data["key"], f"{line.number} {line.text}")


def _day(text: str) -> date | None:
    try:
        return day_of(text)
    except (ValueError, OverflowError):
        return None
