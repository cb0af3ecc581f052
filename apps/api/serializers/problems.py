"""The shape of an error (RFC 9457)."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


class FieldProblemSerializer(serializers.Serializer):
    field = serializers.CharField(help_text=_("Path of the field, such as `contacts.3.name`."))
    code = serializers.CharField(help_text=_("A code for programs. It never changes."))
    detail = serializers.CharField(help_text=_("A message for people, in the requested language."))


class ProblemSerializer(serializers.Serializer):
    type = serializers.CharField(help_text=_("`urn:hundred:problem:` and a code for programs. It never changes."))
    title = serializers.CharField(help_text=_("A title for people."))
    status = serializers.IntegerField(help_text=_("The HTTP status code."))
    detail = serializers.CharField(help_text=_("A message for people, in the requested language."))
    instance = serializers.CharField(help_text=_("The path of the request."))
    errors = FieldProblemSerializer(  # type: ignore[assignment]  # a declared field is no attribute
        many=True, required=False, help_text=_("The fields that are not valid.")
    )
    id = serializers.CharField(required=False, help_text=_("Only with status 500: the id of the error in the log."))
