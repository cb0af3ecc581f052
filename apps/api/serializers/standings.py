"""Standings of employees in a campaign. Numbers, never contacts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from django.utils.translation import gettext_lazy
from rest_framework import serializers

from apps.api.serializers.base import TEXT_LIMIT, CampaignQuery, Instant, Next, PageQuery, PlainRowSerializer
from apps.campaigns.models import AdjustmentRequest
from apps.campaigns.rules import PACES
from apps.reports.standings_report import SORTS, STATUS

DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
# A plus sign that was not written as %2B arrives as a blank.
LOST_PLUS = re.compile(r"(?<=\d) (?=\d\d:?\d\d$)", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1970, 9000


class AsOfField(serializers.CharField):
    """A day (its end) as a date, or an instant with its zone as a datetime."""

    default_error_messages = {
        "unreadable": gettext_lazy("This is no day such as 2026-11-03, and no instant such as 2026-11-03T18:00:00Z."),
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
    """The campaign, and the version of its result when it is frozen."""

    result = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=99_999,
        help_text=gettext_lazy(
            "An earlier version of a frozen result, before it was corrected. Without it: the newest."
        ),
    )


class LookQuery(ResultQuery):
    """The campaign, and the instant of the report."""

    as_of = AsOfField(
        required=False,
        help_text=gettext_lazy(
            "A past day (its end in the campaign's zone) or instant (ISO 8601 with zone). Without it: now."
        ),
    )


class StandingsQuery(LookQuery, PageQuery):
    """Whose standings, with filters and order."""

    root = serializers.CharField(  # type: ignore[assignment]  # a declared field is no attribute
        required=False,
        max_length=TEXT_LIMIT,
        help_text=gettext_lazy(
            "Staff number: the team below this person, or, of somebody who leads none, the person. Without it: the "
            "own team; for HR, the company."
        ),
    )
    status = serializers.ChoiceField(
        required=False,
        choices=sorted(STATUS),
        help_text=gettext_lazy(
            "Only these. `keeping_pace`: ahead or on pace; `still`: red, and nothing new counted for a week."
        ),
    )
    q = serializers.CharField(
        required=False, max_length=TEXT_LIMIT, help_text=gettext_lazy("Part of a name, number or e-mail.")
    )
    department = serializers.CharField(
        required=False, max_length=TEXT_LIMIT, help_text=gettext_lazy("Exactly this department.")
    )
    sort = serializers.ChoiceField(
        required=False,
        default="help",
        choices=list(SORTS),
        help_text=gettext_lazy("`help`: who needs most help first."),
    )


class AdjustedSerializer(serializers.Serializer):
    """HR's adjustments that apply to an employee at the instant of the report."""

    target = serializers.IntegerField(allow_null=True, help_text=gettext_lazy("The other target, or null."))
    exempt = serializers.BooleanField(allow_null=True, help_text=gettext_lazy("Never red while it holds, or null."))
    kind = serializers.ChoiceField(
        choices=AdjustmentRequest.Kind.choices,
        allow_null=True,
        help_text=gettext_lazy("Why: told to HR and to the person alone; else null."),
    )
    since = Instant(help_text=gettext_lazy("It holds from this instant on."))
    until = Instant(allow_null=True, help_text=gettext_lazy("The first instant at which it no longer holds; or null."))


class StandingSerializer(PlainRowSerializer):
    """One employee's standing."""

    staff_no = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    department = serializers.CharField(allow_blank=True)
    manager_staff_no = serializers.CharField(allow_blank=True)
    counted = serializers.IntegerField(help_text=gettext_lazy("Contacts that count."))
    target = serializers.IntegerField(help_text=gettext_lazy("The campaign's, or the one adjusted for this person."))
    remaining = serializers.IntegerField()
    red = serializers.BooleanField(help_text=gettext_lazy("`counted` < `target`, and not exempt."))
    exempt = serializers.BooleanField()
    pace = serializers.ChoiceField(choices=PACES)
    needed_per_day = serializers.IntegerField(
        allow_null=True, help_text=gettext_lazy("To reach the target in time; null once the cut-off has passed.")
    )
    quiet_days = serializers.IntegerField(
        allow_null=True,
        help_text=gettext_lazy(
            "Whole local days, today included, without a new contact that counts; null once the cut-off has passed."
        ),
    )
    reached_at = Instant(
        source="target_reached_at",
        allow_null=True,
        help_text=gettext_lazy("When the contact that reached the target came."),
    )
    since = Instant(
        source="status_since",
        allow_null=True,
        help_text=gettext_lazy("Red, or not red, since then; null for a past look, or before the first mark."),
    )
    computed_at = Instant(
        source="verdict_changed_at",
        allow_null=True,
        help_text=gettext_lazy("When the stored verdict last changed; null for a past look, or before the first mark."),
    )
    stale = serializers.BooleanField(
        help_text=gettext_lazy("The stored verdict is being brought up to date; these numbers are already right.")
    )
    has_team = serializers.BooleanField()
    under_review = serializers.BooleanField(
        allow_null=True,
        help_text=gettext_lazy("A question about this standing waits for HR's answer; null where only HR may know."),
    )
    adjustments = AdjustedSerializer(
        many=True, help_text=gettext_lazy("What holds for this person; the first one of each sort decides.")
    )


class ResultSerializer(serializers.Serializer):
    """The version of the frozen result in this answer."""

    version = serializers.IntegerField(help_text=gettext_lazy("1 is the freeze; every later one is a correction."))
    frozen_at = Instant(help_text=gettext_lazy("When this version was stored."))
    digest = serializers.CharField(
        help_text=gettext_lazy("SHA-256 of its canonical lines, which the signature covers.")
    )


class LookSerializer(serializers.Serializer):
    """The campaign, result and instant of this answer."""

    campaign = serializers.CharField(help_text=gettext_lazy("Its short name."))
    as_of = Instant(help_text=gettext_lazy("These numbers are the state just before this instant."))
    days_left = serializers.IntegerField(help_text=gettext_lazy("Local days to the deadline, today included."))
    result = ResultSerializer(
        allow_null=True, help_text=gettext_lazy("The final result these numbers are; null before the freeze.")
    )


class OneStandingSerializer(LookSerializer):
    """The standing of one employee."""

    standing = StandingSerializer()


class NotCountingSerializer(serializers.Serializer):
    """How many own contacts do not count, by reason."""

    ended = serializers.IntegerField()
    outside_period = serializers.IntegerField()
    not_external = serializers.IntegerField()
    unconfirmed = serializers.IntegerField()
    claimed = serializers.IntegerField()


class OwnStandingSerializer(OneStandingSerializer):
    """The caller's own standing, with the contacts that do not count."""

    not_counting = NotCountingSerializer(help_text=gettext_lazy("Own contacts that do not count, by reason."))


class StandingPageSerializer(LookSerializer, Next):
    """Standings of the requested employees."""

    results = StandingSerializer(many=True)
