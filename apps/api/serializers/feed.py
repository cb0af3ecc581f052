"""The result of a feed, as far as its sender may see it."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers


class RejectSerializer(serializers.Serializer):
    line = serializers.IntegerField(help_text=_("The line on which it begins, from 1."))
    column = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    reason = serializers.CharField(help_text=_("A sentence for people."))


class FeedReportSerializer(serializers.Serializer):
    """How many rows were read, and how many were usable: read = accepted + rejected."""

    read = serializers.IntegerField()
    accepted = serializers.IntegerField(help_text=_("Usable rows, whether they were new, known or unchanged."))
    rejected = serializers.IntegerField()
    rejects = RejectSerializer(many=True, help_text=_("The first hundred."))
