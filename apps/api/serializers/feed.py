"""What became of a feed: the same counts, and the same names, as the command's."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


class RejectSerializer(serializers.Serializer):
    """A row that could not be used."""

    line = serializers.IntegerField(help_text=_("Where it begins in what was sent, from 1."))
    column = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    reason = serializers.CharField(help_text=_("A sentence for people."))


class FeedReportSerializer(serializers.Serializer):
    """How many rows were read, and what became of them: read = created + updated + unchanged + duplicate + rejected."""

    read = serializers.IntegerField()
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    rejected = serializers.IntegerField()
    left = serializers.IntegerField()
    rejects = RejectSerializer(many=True, help_text=_("The first hundred."))
