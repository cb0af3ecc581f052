"""The shape of an error (RFC 9457)."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


class FieldProblemSerializer(serializers.Serializer):
    field = serializers.CharField(help_text=_("Dotted name, such as `contacts.3.name`."))
    code = serializers.CharField(help_text=_("A word for programs; it never changes."))
    detail = serializers.CharField(help_text=_("A sentence for people, in the language asked for."))


class ProblemSerializer(serializers.Serializer):
    type = serializers.CharField(help_text=_("`urn:hundred:problem:` and a word for programs; it never changes."))
    title = serializers.CharField(help_text=_("The kind of the problem, for people."))
    status = serializers.IntegerField(help_text=_("The HTTP status again."))
    detail = serializers.CharField(help_text=_("A sentence for people, in the language asked for."))
    instance = serializers.CharField(help_text=_("The path of the request."))
    errors = FieldProblemSerializer(  # type: ignore[assignment]  # a declared field is no attribute
        many=True, required=False, help_text=_("The fields it is about.")
    )
    id = serializers.CharField(required=False, help_text=_("With 500 only: the operator finds it in the log."))
