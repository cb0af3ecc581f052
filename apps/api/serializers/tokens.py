"""API tokens. The secret is shown once, in the response that creates the token."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.accounts import api_tokens
from apps.api.serializers.base import InstantField, NextPageSerializer, StrictSerializer

SCOPES = [(scope.value, scope.label) for scope in api_tokens.SCOPES]


class TokenSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES))
    created_at = InstantField()
    expires_at = InstantField()
    last_used_at = InstantField(allow_null=True, help_text=_("Rounded to the hour."))
    revoked_at = InstantField(allow_null=True)


class TokenPageSerializer(NextPageSerializer):
    results = TokenSerializer(many=True)


class NewTokenSerializer(TokenSerializer):
    secret = serializers.CharField(help_text=_("Shown only once. Send it as `Authorization: Bearer ...`."))


class TokenTermsSerializer(StrictSerializer):
    name = serializers.CharField(max_length=api_tokens.MAX_NAME_CHARS, help_text=_("The program that will use it."))
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES),
        allow_empty=False,
        max_length=len(api_tokens.SCOPES),
    )
    days = serializers.IntegerField(
        required=False, default=api_tokens.DEFAULT_DAYS, min_value=1, max_value=api_tokens.MAX_DAYS,
        help_text=_("It expires after this number of days."),
    )  # fmt: skip
