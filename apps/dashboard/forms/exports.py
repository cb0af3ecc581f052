"""The form of an export: population, instant, columns, format."""

import datetime as dt
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.dashboard.forms.adjustments import day_field
from apps.dashboard.forms.base import IdempotentForm
from apps.dashboard.labels import base
from apps.exports.kinds import KINDS
from apps.exports.models import Export

MAX_CHARS = 200


class ExportForm(IdempotentForm):
    """Fields that a kind does not have are left out: see ExportKind."""

    form = forms.ChoiceField(label=_("Format"), choices=Export.Format.choices)
    team = forms.CharField(label=_("Team of"), required=False, max_length=MAX_CHARS)
    since = day_field(label=_("From the beginning of"), required=False, help_text=_("Empty: since the opening."))
    day = day_field(label=_("As of the end of"), required=False, help_text=_("Empty: as it is now."))
    time = forms.TimeField(
        label=_("Or at this time of that day"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": _("This is no time of day.")},
    )
    status = forms.ChoiceField(label=_("Status"), required=False)
    department = forms.CharField(label=_("Department"), required=False, strip=False, max_length=MAX_CHARS)
    q = forms.CharField(label=_("Name or number contains"), required=False, max_length=MAX_CHARS)
    sort = forms.ChoiceField(label=_("Order"), required=False)
    columns = forms.MultipleChoiceField(
        label=_("Columns"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: all of them."),
    )

    def __init__(
        self, *args: Any, kind: str, columns: Iterable[str], zone: ZoneInfo, company: bool, **kwargs: Any
    ) -> None:
        """`company`: the reader may export all employees. `zone`: the zone of days and times."""
        super().__init__(*args, **kwargs)
        self.kind, self.zone = kind, zone
        about, fields = KINDS[kind], self.fields
        set_choices(fields["status"], base.statuses(company).items())
        set_choices(fields["sort"], [("staff_no", _("staff number")), *base.SORTS.items()])
        set_choices(fields["columns"], [(name, name) for name in columns])
        fields["team"].help_text = (
            _("Staff number; empty: everybody.") if company else _("Your own staff number, or that of a manager below.")
        )
        dropped = [] if about.filtered else ["team", "status", "department", "q"]
        dropped += [] if about.sorted else ["sort"]
        dropped += [] if about.since else ["since"]
        dropped += ["day", "time"] if about.frozen else []
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
        return None if day == now.astimezone(self.zone).date() else end

    def begin(self) -> datetime | None:
        day = self.cleaned_data.get("since")
        return self._instant(day, dt.time()) if day else None

    def clean_day(self) -> date | None:
        day: date | None = self.cleaned_data["day"]
        if day and not 2000 <= day.year <= 9000:
            raise forms.ValidationError(_("This is no day of a campaign."))
        return day

    def last_disqualified_at(self) -> date | None:
        day: date | None = self.cleaned_data["since"]
        if day and not 2000 <= day.year <= 9000:
            raise forms.ValidationError(_("This is no day of a campaign."))
        return day

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("time") and not cleaned.get("day") and "day" not in self.errors:
            self.add_error("day", _("Say the day of this time."))
        return cleaned

    def filters(self) -> dict[str, str]:
        """The filters and the order of the list."""
        cleaned = self.cleaned_data
        return {name: cleaned.get(name) or "" for name in ("status", "department", "q", "sort")}

    def _instant(self, day: date, at: dt.time) -> datetime:
        return datetime.combine(day, at, tzinfo=self.zone)


def set_choices(field: forms.Field, choices: Iterable[Any]) -> None:
    field.choices = list(choices)  # type: ignore[attr-defined]  # every field here is one with choices
