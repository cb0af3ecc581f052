"""API tokens. The secret is shown once, in the response that creates the token."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.accounts import api_tokens
from apps.api.serializers.base import Instant, Next, StrictSerializer

SCOPES = [(scope.value, scope.label) for scope in api_tokens.OFFERED]


class TokenSerializer(serializers.Serializer):
    """One token, without its secret, which is not stored."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPES))
    created_at = Instant()
    expires_at = Instant()
    last_used_at = Instant(allow_null=True, help_text=_("Exact to the hour."))
    revoked_at = Instant(allow_null=True)


class TokenPageSerializer(Next):
    """Own tokens, the newest first."""

    results = TokenSerializer(many=True)


class NewTokenSerializer(TokenSerializer):
    """A new token."""

    secret = serializers.CharField(help_text=_("Shown this once. Send it as `Authorization: Bearer ...`."))


class TokenTermsSerializer(StrictSerializer):
    """The scope and lifetime of a new token."""

    name = serializers.CharField(max_length=api_tokens.NAME_LIMIT, help_text=_("What will use it."))
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES),
        allow_empty=False,
        max_length=len(api_tokens.OFFERED),
    )
    days = serializers.IntegerField(
        required=False, default=api_tokens.DEFAULT_DAYS, min_value=1, max_value=api_tokens.MOST_DAYS,
        help_text=_("It expires after so many days."),
    )  # fmt: skip
