"""The result of a feed, as far as its sender may see it."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


class RejectSerializer(serializers.Serializer):
    line = serializers.IntegerField(help_text=_("Number of its first line, from 1."))
    column = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    reason = serializers.CharField(help_text=_("A message for people."))


class FeedReportSerializer(serializers.Serializer):
    """How many rows were read, and how many were usable: read = accepted + rejected."""

    read = serializers.IntegerField()
    accepted = serializers.IntegerField(help_text=_("Valid rows: new, known or unchanged."))
    rejected = serializers.IntegerField()
    rejects = RejectSerializer(many=True, help_text=_("The first 100."))
