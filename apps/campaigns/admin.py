"""Campaigns and their rules in the admin, read-only."""

from __future__ import annotations

from django.contrib import admin

from apps.campaigns.models import Campaign, CampaignRule
from apps.core.admin import ReadOnlyAdmin


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyAdmin):
    list_display = ["name", "slug", "state", "created_at", "created_by_label"]
    list_filter = ["state"]


@admin.register(CampaignRule)
class CampaignRuleAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "version", "target", "opens_at", "cutoff_at", "time_zone"]
    list_select_related = ["campaign"]
