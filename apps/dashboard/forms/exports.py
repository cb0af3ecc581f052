"""The form of an export: population, instant, columns, format."""

import datetime as dt
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from apps.campaigns.rules import FIRST_DAY, LAST_DAY
from apps.dashboard.forms.adjustments import day_field
from apps.dashboard.forms.base import IdempotentForm, person_field, set_choices
from apps.dashboard.labels import base
from apps.exports.kinds import KINDS
from apps.exports.models import Export
from apps.exports.schedules import Repetition

MAX_CHARS = 200
ONCE, DAILY, WEEKLY = "once", "daily", "weekly"


def campaign_day(day: date) -> None:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise forms.ValidationError(_("This is not a day of a campaign."))


class ExportForm(IdempotentForm):
    """Fields that a kind does not have are left out: see ExportKind."""

    form = forms.ChoiceField(label=_("Format"), choices=Export.Format.choices)
    team = person_field(_("Team of"), teams=True, required=False)
    since = day_field(
        label=_("From the start of"),
        required=False,
        help_text=_("Leave empty to start at the opening."),
        validators=[campaign_day],
    )
    day = day_field(
        label=_("As of the end of"),
        required=False,
        help_text=_("Leave empty for the current state."),
        validators=[campaign_day],
    )
    time = forms.TimeField(
        label=_("Or at this time of that day"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": _("This is not a valid time.")},
    )
    compare = day_field(
        label=_("Changes since the end of"),
        required=False,
        help_text=_("Leave empty for a file without changes."),
        validators=[campaign_day],
    )
    change = forms.ChoiceField(label=_("Since then"), required=False)
    status = forms.ChoiceField(label=_("Status"), required=False)
    department = forms.ChoiceField(
        label=_("Department"),
        required=False,
        error_messages={"invalid_choice": _("Choose a department from the list.")},
    )
    q = forms.CharField(label=_("Name or staff number contains"), required=False, max_length=MAX_CHARS)
    sort = forms.ChoiceField(label=_("Order"), required=False)
    columns = forms.MultipleChoiceField(
        label=_("Columns"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("If you tick none, the file has all columns."),
    )

    repeat = forms.ChoiceField(
        label=_("Repeat"), required=False, choices=[(ONCE, _("Once")), (DAILY, _("Daily")), (WEEKLY, _("Weekly"))]
    )
    weekday = forms.ChoiceField(
        label=_("Weekday"), required=False, choices=list(WEEKDAYS.items()), help_text=_("For a weekly file.")
    )
    hour = forms.ChoiceField(
        label=_("Hour"), required=False, initial=8, choices=[(hour, f"{hour:02}:00") for hour in range(24)]
    )
    until = day_field(
        label=_("Until"),
        required=False,
        help_text=_("Leave empty to end at the deadline of the campaign."),
        validators=[campaign_day],
    )

    # Sent by the button beside the warning that the file would have no line.
    although_empty = forms.BooleanField(required=False)

    def __init__(
        self, *args: Any, kind: str, columns: Iterable[str], departments: Iterable[str], zone: ZoneInfo, company: bool,
        repeatable: bool, **kwargs: Any,
    ) -> None:  # fmt: skip
        """`company`: the reader may export all employees. `zone`: the zone of days and times. `repeatable`: the file
        can be scheduled.
        """
        super().__init__(*args, **kwargs)
        self.kind, self.zone = kind, zone
        about, fields = KINDS[kind], self.fields
        set_choices(fields["status"], base.statuses(company).items())
        set_choices(fields["change"], [("", _("Any change")), *base.CHANGES.items()])
        set_choices(fields["sort"], [("staff_no", _("staff number")), *base.SORTS.items()])
        set_choices(fields["columns"], [(name, name) for name in columns])
        names = [(name, name) for name in departments]
        set_choices(
            fields["department"],
            [("", _("All departments")), *names, (base.NO_DEPARTMENT, _("without a department"))],
        )
        fields["team"].help_text = (
            _("Name, staff number or e-mail address. Leave empty for everyone.")
            if company
            else _("You or a manager in your team: name, staff number or e-mail address.")
        )
        dropped = [] if about.filtered else ["team", "status", "department", "q"]
        dropped += [] if about.sorted else ["sort"]
        dropped += [] if about.since else ["since"]
        dropped += [] if about.compares else ["compare", "change"]
        dropped += ["day", "time"] if about.frozen else []
        dropped += [] if repeatable else ["repeat", "weekday", "hour", "until"]
        for name in dropped:
            del fields[name]

    def as_of(self, now: datetime) -> datetime | None:
        """The instant of the form; None for now, also when the day is today."""
        day, at = self.cleaned_data.get("day"), self.cleaned_data.get("time")
        if day is None:
            return None
        if at is not None:
            return self._instant(day, at)
        end = self._instant(day + timedelta(days=1), dt.time())
        # Today is not over: 'as of the end of today' would promise what is not known yet.
        return None if day == now.astimezone(self.zone).date() else end

    def begin(self) -> datetime | None:
        """From when on the file tells what changed: the start of its first day, or the end of the day compared with."""
        first, compared = self.cleaned_data.get("since"), self.cleaned_data.get("compare")
        day = compared + timedelta(days=1) if compared else first
        return self._instant(day, dt.time()) if day else None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("time") and not cleaned.get("day") and "day" not in self.errors:
            self.add_error("day", _("Enter the day for this time."))
        if cleaned.get("change") and not cleaned.get("compare") and "compare" not in self.errors:
            self.add_error("compare", _("Enter the day to compare with."))
        if self._repeats(cleaned) and cleaned.get("day"):
            self.add_error(
                "day", _("Leave the day empty: each scheduled file shows the moment at which it is created.")
            )
        return cleaned

    @property
    def repetition_chosen(self) -> bool:
        """Whether the fields of the repetition hold a choice that a form which comes back must show."""
        return self.is_bound and self.data.get("repeat") in (DAILY, WEEKLY)

    @staticmethod
    def _repeats(cleaned: dict[str, Any]) -> bool:
        return cleaned.get("repeat") in (DAILY, WEEKLY)

    def repetition(self) -> Repetition | None:
        """How often a worker makes the file; None for a file that is made once."""
        cleaned = self.cleaned_data
        if not self._repeats(cleaned):
            return None
        # As texts: "0" is a choice, and an empty one is the first that the form shows.
        weekday = int(cleaned["weekday"] or 0) if cleaned["repeat"] == WEEKLY else None
        return Repetition(int(cleaned["hour"] or 8), weekday, cleaned["until"])

    def filters(self) -> dict[str, str]:
        cleaned = self.cleaned_data
        return {name: cleaned.get(name) or "" for name in ("status", "change", "department", "q", "sort")}

    def _instant(self, day: date, at: dt.time) -> datetime:
        return datetime.combine(day, at, tzinfo=self.zone)
