"""Campaigns with the rule in force."""

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.api.serializers.base import InstantField, NextPageSerializer
from apps.campaigns.models import Campaign


class CampaignSerializer(serializers.Serializer):
    slug = serializers.CharField(source="campaign.slug", help_text=_("The short name to use in `?campaign=`."))
    name = serializers.CharField(source="campaign.name")
    state = serializers.ChoiceField(
        source="campaign.state",
        choices=[Campaign.State.OPEN.value, Campaign.State.CLOSING.value, Campaign.State.FROZEN.value],
        help_text=_("`closing`: after the cut-off, until the result is final. `frozen`: the result is final."),
    )
    rule_version = serializers.IntegerField(
        source="version", help_text=_("Each change of the rule creates a new version.")
    )
    target = serializers.IntegerField(help_text=_("Number of counted contacts that each employee needs."))
    time_zone = serializers.CharField(help_text=_("IANA name. The days of the campaign are local days in this zone."))
    opens_on = serializers.DateField()
    deadline = serializers.DateField(help_text=_("The last day, inclusive."))
    opens_at = InstantField()
    cutoff_at = InstantField(help_text=_("The first instant that no longer counts."))
    exclusive = serializers.BooleanField(help_text=_("A person counts only for the employee who recorded them first."))
    confirmed_only = serializers.BooleanField(help_text=_("Only confirmed contacts count."))
    company_domains = serializers.ListField(
        child=serializers.CharField(), help_text=_("E-mail domains that are not external.")
    )
    departments = serializers.ListField(
        source="scope",
        child=serializers.CharField(),
        help_text=_("Departments that it covers; empty: the whole company."),
    )
    prorate_joiners = serializers.BooleanField(
        help_text=_("Employees who join after the first day have a lower, pro-rata target.")
    )


class CampaignPageSerializer(NextPageSerializer):
    results = CampaignSerializer(many=True)
