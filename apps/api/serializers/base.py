"""The base of all bodies and queries: unknown fields are refused, and instants are in UTC."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from functools import cached_property
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from apps.api.paging import DEFAULT_LIMIT, MAX_LIMIT
from apps.api.parsing import unstorable_error
from apps.core.text import UNSTORABLE

TEXT_LIMIT = 200
MAX_NAME_CHARS = 100
TEXTS = (serializers.CharField, serializers.ChoiceField, serializers.DateTimeField, serializers.UUIDField)


class InstantField(serializers.DateTimeField):
    def __init__(self, **options: Any) -> None:
        super().__init__(default_timezone=UTC, **options)


# Values of a row that need no conversion by their field.
PLAIN_TYPES: dict[type, type] = {
    serializers.CharField: str, serializers.IntegerField: int, serializers.BooleanField: bool,
    serializers.ChoiceField: str,
}  # fmt: skip


class PlainRowSerializer(serializers.Serializer):
    """Serializes dicts fast: values of a plain type are taken as they are, the others are converted by their field."""

    def to_representation(self, instance: Any) -> Any:
        # DRF resolves every field of every row anew, which a page of 500 rows would feel.
        if type(instance) is not dict:
            return super().to_representation(instance)
        return {
            name: value if value is None or type(value) is plain else represent(value)
            for name, source, represent, plain in self._columns
            for value in (instance[source],)
        }

    @cached_property
    def _columns(self) -> list[tuple[str, str, Callable[[Any], Any], type | None]]:
        return [
            (name, str(field.source), field.to_representation, PLAIN_TYPES.get(type(field)))
            for name, field in self.fields.items()
        ]


class QueryValues(dict[str, str]):
    """The values of a query string: always text, so types are not checked."""


class StrictSerializer(serializers.Serializer):
    """Refuses unknown fields: a misspelt one would otherwise be dropped silently.

    In JSON, a value of another type than described is refused too: a phone number sent as a number has lost its zeros.
    """

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = ErrorDetail(_("This field does not exist."), code="unknown_field")
            wrong = {name: unknown for name in data if name not in self.fields}
            if not isinstance(data, QueryValues):
                wrong |= self._mistyped(data)
            if wrong:
                raise serializers.ValidationError({name[:MAX_NAME_CHARS]: [message] for name, message in wrong.items()})
        return super().to_internal_value(data)

    def _mistyped(self, data: dict[str, Any]) -> dict[str, ErrorDetail]:
        given = [(name, field, data[name]) for name, field in self.fields.items() if data.get(name) is not None]
        texts = [name for name, field, value in given if isinstance(field, TEXTS) and not isinstance(value, str)]
        numbers = [
            name for name, field, value in given if isinstance(field, serializers.IntegerField) and type(value) is str
        ]
        return {
            **dict.fromkeys(texts, ErrorDetail(_("This must be text."), code="invalid")),
            **dict.fromkeys(numbers, ErrorDetail(_("This must be a number."), code="invalid")),
        }


class Query(StrictSerializer):
    """The query string. An empty value equals a missing one."""

    def get_fields(self) -> dict[str, serializers.Field]:
        fields = super().get_fields()
        for field in fields.values():
            if isinstance(field, serializers.CharField):
                # For the description too: an empty text is dropped before validation.
                field.allow_blank = True
        return fields

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, QueryDict):
            twice = [name for name, values in data.lists() if len(values) > 1]
            if twice:
                message = ErrorDetail(_("This value is given more than once."), code="repeated")
                raise serializers.ValidationError({name[:MAX_NAME_CHARS]: [message] for name in twice})
            data = QueryValues(
                {name: value for name, value in data.items() if isinstance(value, str) and value.strip()}
            )
            bad = [name for name, value in data.items() if UNSTORABLE.search(name + value)]
            if bad:
                raise serializers.ValidationError({UNSTORABLE.sub("", name): [unstorable_error()] for name in bad})
        return super().to_internal_value(data)


class CampaignQuery(Query):
    campaign = serializers.CharField(
        required=False,
        max_length=TEXT_LIMIT,
        help_text=gettext_lazy(
            "Short name of a campaign. Default: the running campaign with the nearest cut-off; otherwise the one that "
            "ended last, while reviews can be requested; otherwise the next one; otherwise the one that ended last."
        ),
    )


class PageQuery(Query):
    after = serializers.CharField(
        required=False, help_text=gettext_lazy("Taken from the URL in `next`. Do not build it yourself.")
    )
    limit = serializers.IntegerField(
        required=False,
        default=DEFAULT_LIMIT,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text=gettext_lazy("Rows per page."),
    )


class NextPageSerializer(serializers.Serializer):
    next = serializers.URLField(allow_null=True, help_text=gettext_lazy("URL of the next page; null on the last page."))
