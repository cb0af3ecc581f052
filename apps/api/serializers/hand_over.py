"""Pages of a hand-over, for a reward system."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.api.serializers.base import InstantField, NextPageSerializer, PageQuery, PlainRowSerializer

MAX_VERSION = 99_999


class HandOverQuery(PageQuery):
    result = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_VERSION,
        help_text=_("A version of the result. Default: the newest; `next` stays with the version of its page."),
    )  # fmt: skip
    since = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_VERSION,
        help_text=_("An earlier version: only employees whose counted, target or exempt differs, with `before`."),
    )  # fmt: skip


class HandOverBeforeSerializer(serializers.Serializer):
    counted = serializers.IntegerField()
    target = serializers.IntegerField()
    remaining = serializers.IntegerField()
    exempt = serializers.BooleanField()
    red = serializers.BooleanField()


class HandOverRowSerializer(PlainRowSerializer):
    staff_no = serializers.CharField()
    name = serializers.CharField()
    email = serializers.CharField()
    verdict = serializers.ChoiceField(choices=("eligible", "not_eligible", "under_review"))
    counted = serializers.IntegerField()
    target = serializers.IntegerField()
    remaining = serializers.IntegerField()
    exempt = serializers.BooleanField()
    red = serializers.BooleanField()
    before = HandOverBeforeSerializer(allow_null=True, help_text=_("The earlier version's values, with `since`."))


class HandOverPageSerializer(NextPageSerializer):
    campaign = serializers.CharField()
    result_version = serializers.IntegerField()
    newest_version = serializers.IntegerField(help_text=_("Higher than `result_version`: the result was corrected."))
    since = serializers.IntegerField(allow_null=True)
    rule_version = serializers.IntegerField()
    cutoff = serializers.CharField(help_text=_("As the signature has it, in UTC."))
    canonical_form = serializers.IntegerField(help_text=_("Which columns the digest covers: see docs/exports.md."))
    rows = serializers.IntegerField(help_text=_("Employees in the result."))
    digest = serializers.CharField(help_text=_("SHA-256 of the result in canonical form."))
    reviews_as_of = InstantField(help_text=_("Reviews open just before this instant; the same on all pages."))
    results = HandOverRowSerializer(many=True)
