"""A roster that a program sends: its options, its difference and its state."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.api.serializers.base import InstantField, NextPageSerializer, Query, StrictSerializer
from apps.api.serializers.feed import RejectSerializer
from apps.fileio.encoding_names import ENCODINGS
from apps.roster.diff import KINDS, REJECTED
from apps.roster.models import RosterImport

COUNTS = ("read", "created", "updated", "unchanged", "duplicate", "rejected", "left", "addresses")
EXPIRED = "expired"
STATES = (*RosterImport.State.values, EXPIRED)


class RosterLoadQuery(Query):
    dry_run = serializers.BooleanField(
        required=False, default=False, help_text=_("Only preview; `apply/` applies it within a day.")
    )
    complete = serializers.BooleanField(
        required=False, default=False, help_text=_("Employees missing from this file are recorded as leavers.")
    )
    clear_empty = serializers.BooleanField(
        required=False, default=False, help_text=_("An empty cell, a missing key and null clear the value.")
    )
    without_unknown_managers = serializers.BooleanField(
        required=False, default=False, help_text=_("Load people whose manager is unknown, without a manager.")
    )
    encoding = serializers.ChoiceField(
        choices=tuple(ENCODINGS), required=False, default="", help_text=_("Of a CSV, if it cannot be detected.")
    )


class RosterApplySerializer(StrictSerializer):
    digest = serializers.CharField(max_length=64, help_text=_("Of the difference that was shown."))


class FieldChangeSerializer(serializers.Serializer):
    field = serializers.CharField()
    before = serializers.CharField(allow_blank=True)
    after = serializers.CharField(allow_blank=True)


class RosterChangeSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=KINDS)
    line = serializers.IntegerField(help_text=_("0: not in the file."))
    staff_no = serializers.CharField()
    name = serializers.CharField()
    changes = FieldChangeSerializer(many=True)
    back = serializers.BooleanField(help_text=_("The person had left before."))
    effective_on = serializers.CharField(allow_blank=True)


class RosterDifferenceRowSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(choices=(*KINDS, REJECTED))
    line = serializers.IntegerField(help_text=_("0: not in the file."))
    staff_no = serializers.CharField(allow_blank=True)
    name = serializers.CharField(allow_blank=True)
    changes = FieldChangeSerializer(many=True)
    effective_on = serializers.CharField(allow_blank=True)
    column = serializers.CharField(allow_blank=True, help_text=_("Of a rejected line."))
    code = serializers.CharField(allow_blank=True, help_text=_("Of a rejected line."))
    reason = serializers.CharField(allow_blank=True, help_text=_("A message for people."))


class RosterDifferenceSerializer(NextPageSerializer):
    digest = serializers.CharField(help_text=_("Of the whole difference. `apply/` takes it."))
    results = RosterDifferenceRowSerializer(many=True)


class RosterProblemSerializer(serializers.Serializer):
    code = serializers.CharField(help_text=_("A code for programs. It never changes."))
    detail = serializers.CharField(help_text=_("A message for people, in the requested language."))
    lines = serializers.ListField(child=serializers.IntegerField())


class RosterApprovalSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=("roster_load", "email_change"))
    decision = serializers.ChoiceField(
        choices=("approved", "refused", "withdrawn", "superseded"),
        allow_null=True, help_text=_("null: another HR user has not decided yet."),
    )  # fmt: skip
    url = serializers.URLField(help_text=_("The page of the request, for another HR user."))


def _numbers(names: tuple[str, ...]) -> dict[str, serializers.Field]:
    return {name: serializers.IntegerField() for name in names}


RosterCountsSerializer = type("RosterCountsSerializer", (serializers.Serializer,), _numbers(COUNTS))
RosterKindsSerializer = type("RosterKindsSerializer", (serializers.Serializer,), _numbers((*KINDS, REJECTED)))


class RosterLoadSerializer(serializers.Serializer):
    id = serializers.UUIDField()
    state = serializers.ChoiceField(
        choices=STATES,
        help_text=_(
            "`previewing`, `confirmed`: a worker is busy. `previewed`: apply it or send a new file. `requested`: it "
            "waits for another HR user, see `approvals`. `done`. `refused`: see `problem`. `expired`: it was not "
            "applied within a day."
        ),
    )
    sent_at = InstantField(source="asked_at")
    done_at = InstantField(allow_null=True)
    complete = serializers.BooleanField()
    digest = serializers.CharField(allow_blank=True, help_text=_("Of the whole difference. `apply/` takes it."))
    counts = RosterCountsSerializer(allow_null=True)
    kinds = RosterKindsSerializer(allow_null=True, help_text=_("How many changes of each kind."))
    changes = RosterChangeSerializer(many=True, help_text=_("The first 50 of each kind; `difference/` has all."))
    rejects = RejectSerializer(many=True, help_text=_("The first 50; the other lines are loaded."))
    ignored_columns = serializers.ListField(child=serializers.CharField())
    problem = RosterProblemSerializer(allow_null=True, help_text=_("Why the whole file is refused."))
    approvals = RosterApprovalSerializer(many=True)
    url = serializers.URLField(help_text=_("The page of this load, with all changes as CSV."))
