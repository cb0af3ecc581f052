"""Standings of employees in a campaign. Numbers, never contacts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from django.utils.translation import gettext_lazy
from rest_framework import serializers

from apps.api.serializers.base import (
    TEXT_LIMIT,
    CampaignQuery,
    InstantField,
    NextPageSerializer,
    PageQuery,
    PlainRowSerializer,
)
from apps.campaigns.models import AdjustmentRequest
from apps.reports import standings_columns
from apps.reports.standings_filters import CHANGES, SORTS, STATUS

DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# A plus sign that was not written as %2B arrives as a blank.
LOST_PLUS = re.compile(r"(?<=\d) (?=\d\d:?\d\d$)", re.ASCII)
# At the ends of the calendar a conversion between zones overflows.
FIRST_YEAR, LAST_YEAR = 1970, 9000


class AsOfField(serializers.CharField):
    """A day (its end) as a date, or an instant with its zone as a datetime."""

    default_error_messages = {
        "unreadable": gettext_lazy(
            "This is neither a day such as 2026-11-03 nor an instant such as 2026-11-03T18:00:00Z."
        ),
        "no_zone": gettext_lazy("This instant has no zone: add Z or an offset such as +08:00."),
    }

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        try:
            at = date.fromisoformat(text) if DAY.fullmatch(text) else datetime.fromisoformat(LOST_PLUS.sub("+", text))
        except ValueError:
            self.fail("unreadable")
        if not FIRST_YEAR <= at.year <= LAST_YEAR:
            self.fail("unreadable")
        if not isinstance(at, datetime):
            return at
        if at.tzinfo is None:
            self.fail("no_zone")
        return at.astimezone(UTC)


class ResultQuery(CampaignQuery):
    result = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=99_999,
        help_text=gettext_lazy("An earlier version of a frozen result, before a correction. Default: the newest."),
    )


class AsOfQuery(ResultQuery):
    as_of = AsOfField(
        required=False,
        help_text=gettext_lazy(
            "A past day (its end in the campaign's zone) or instant (ISO 8601 with zone). Default: now."
        ),
    )


class StandingsQuery(AsOfQuery, PageQuery):
    root = serializers.CharField(  # type: ignore[assignment]  # a declared field is no attribute
        required=False,
        max_length=TEXT_LIMIT,
        help_text=gettext_lazy(
            "Staff number. The report covers this person's team, or the person if they lead no team. Default: "
            "your own team; for HR, the whole company."
        ),
    )
    status = serializers.ChoiceField(
        required=False,
        choices=sorted(STATUS),
        help_text=gettext_lazy(
            "Only people with this status. `keeping_pace`: ahead or on pace; `still`: red, and nothing new "
            "counted for a week; `within_5`, `within_10`: red, and at most so many to go."
        ),
    )
    since = AsOfField(
        required=False,
        help_text=gettext_lazy(
            "An earlier day (its end) or instant, with which each person is compared: `change`, `turned`."
        ),
    )
    change = serializers.ChoiceField(
        required=False,
        choices=list(CHANGES),
        help_text=gettext_lazy(
            "Only people who, since `since`, have new counted contacts, are red without one, have reached the target "
            "or have fallen below it."
        ),
    )
    q = serializers.CharField(
        required=False, max_length=TEXT_LIMIT, help_text=gettext_lazy("Part of a name, staff number or e-mail.")
    )
    department = serializers.CharField(
        required=False, max_length=TEXT_LIMIT, help_text=gettext_lazy("Only this department.")
    )
    sort = serializers.ChoiceField(
        required=False,
        default="help",
        choices=list(SORTS),
        help_text=gettext_lazy("`help`: most to go first; `reach`: fewest to go first."),
    )


class AdjustedSerializer(serializers.Serializer):
    """HR's adjustments that apply to an employee at the instant of the report."""

    target = serializers.IntegerField(allow_null=True, help_text=gettext_lazy("The adjusted target, or null."))
    exempt = serializers.BooleanField(
        allow_null=True, help_text=gettext_lazy("Never red while it is in force, or null.")
    )
    kind = serializers.ChoiceField(
        choices=AdjustmentRequest.Kind.choices,
        allow_null=True,
        help_text=gettext_lazy("The reason. Only for HR and the employee; otherwise null."),
    )
    since = InstantField(help_text=gettext_lazy("In force from this instant."))
    until = InstantField(
        allow_null=True, help_text=gettext_lazy("The first instant at which it is no longer in force, or null.")
    )


FIELDS: dict[str, type[serializers.Field]] = {
    standings_columns.TEXT: serializers.CharField,
    standings_columns.CODE: serializers.ChoiceField,
    standings_columns.NUMBER: serializers.IntegerField,
    standings_columns.YES_NO: serializers.BooleanField,
    standings_columns.DAY: serializers.DateField,
    standings_columns.INSTANT: InstantField,
}


def field_of(column: standings_columns.Column) -> serializers.Field:
    """The serializer field of a column. Only options that are set: an empty one would show in the description."""
    options: dict[str, Any] = {}
    if column.help:
        options["help_text"] = column.help
    if column.nullable:
        options["allow_null"] = True
    if column.choices:
        options["choices"] = column.choices
    if column.field:
        options["source"] = column.field
    return FIELDS[column.kind](**options)


class StandingSerializer(PlainRowSerializer):
    """The columns of standings_columns.IN_API; those declared here depend on more than the row."""

    needed_per_day = serializers.IntegerField(
        allow_null=True,
        help_text=gettext_lazy("Contacts needed per day to reach the target in time; null after the cut-off."),
    )
    adjustments = AdjustedSerializer(
        many=True, help_text=gettext_lazy("The adjustments of this person. The first of each kind applies.")
    )

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields() | {name: field_of(column) for name, column in standings_columns.COLUMNS.items()}
        return {name: fields[name] for name in standings_columns.IN_API}


class ResultSerializer(serializers.Serializer):
    version = serializers.IntegerField(help_text=gettext_lazy("1 is the freeze. Each later version is a correction."))
    frozen_at = InstantField(help_text=gettext_lazy("When this version was stored."))
    digest = serializers.CharField(
        help_text=gettext_lazy("SHA-256 of its canonical lines, which the signature covers.")
    )


class ReportHeaderSerializer(serializers.Serializer):
    campaign = serializers.CharField(help_text=gettext_lazy("Short name of the campaign."))
    as_of = InstantField(help_text=gettext_lazy("These numbers are the state just before this instant."))
    days_left = serializers.IntegerField(help_text=gettext_lazy("Local days to the deadline, today included."))
    result = ResultSerializer(
        allow_null=True, help_text=gettext_lazy("The final result of these numbers; null before the freeze.")
    )


class OneStandingSerializer(ReportHeaderSerializer):
    standing = StandingSerializer()


class NotCountingSerializer(serializers.Serializer):
    ended = serializers.IntegerField()
    outside_period = serializers.IntegerField()
    not_external = serializers.IntegerField()
    unconfirmed = serializers.IntegerField()
    claimed = serializers.IntegerField()


class OwnStandingSerializer(OneStandingSerializer):
    not_counting = NotCountingSerializer(help_text=gettext_lazy("Own contacts that do not count, by reason."))


class StandingPageSerializer(ReportHeaderSerializer, NextPageSerializer):
    since = InstantField(allow_null=True, help_text=gettext_lazy("The instant compared with, or null."))
    results = StandingSerializer(many=True)
