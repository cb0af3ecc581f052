"""The admin of verdicts, to read: campaigns with their rules, adjustments."""

from __future__ import annotations

from django.contrib import admin

from apps.employees.admin import PersonAdmin
from apps.ledger.admin import ReadOnlyAdmin
from apps.quotas.models import (
    Adjustment,
    AdjustmentRequest,
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


@admin.register(AdjustmentRequest)
class AdjustmentRequestAdmin(PersonAdmin):
    looked_at = "adjustment"
    list_display = ["campaign", "employee", "kind", "asked_at", "asked_by_label", "decision", "decided_by_label"]
    list_filter = ["decision"]
    list_select_related = ["campaign", "employee"]


@admin.register(Adjustment)
class AdjustmentAdmin(PersonAdmin):
    looked_at = "adjustment"
    list_display = ["campaign", "employee", "target", "exempt", "starts_at", "ends_at", "granted_at", "ended_at"]
    list_select_related = ["campaign", "employee"]
    search_fields = ["employee__staff_no", "employee__name"]


@admin.register(FrozenResult)
class FrozenResultAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "version", "frozen_at", "rows", "red", "digest"]
    list_select_related = ["campaign"]


@admin.register(ResultCorrection)
class ResultCorrectionAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "state", "reason", "asked_by_label", "decided_by_label", "result_version"]
    list_select_related = ["campaign"]
