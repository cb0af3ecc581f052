"""The admin of verdicts, to read: campaigns with their rules and results. Nothing in it is about one person."""

from __future__ import annotations

from django.contrib import admin

from apps.ledger.admin import ReadOnlyAdmin
from apps.quotas.models import (
    Campaign,
    CampaignRule,
    FrozenResult,
    ResultCorrection,
)


@admin.register(Campaign)
class CampaignAdmin(ReadOnlyAdmin):
    list_display = ["name", "slug", "state", "created_at", "created_by_label"]
    list_filter = ["state"]


@admin.register(CampaignRule)
class CampaignRuleAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "version", "target", "opens_at", "cutoff_at", "time_zone"]
    list_select_related = ["campaign"]


@admin.register(FrozenResult)
class FrozenResultAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "version", "frozen_at", "rows", "red", "digest"]
    list_select_related = ["campaign"]


@admin.register(ResultCorrection)
class ResultCorrectionAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "state", "reason", "asked_by_label", "decided_by_label", "result_version"]
    list_select_related = ["campaign"]
