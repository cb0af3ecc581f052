"""Results and their corrections in the admin, read-only."""

from __future__ import annotations

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.results.models import FrozenResult, ResultCorrection


@admin.register(FrozenResult)
class FrozenResultAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "version", "frozen_at", "rows", "red", "digest"]
    list_select_related = ["campaign"]


@admin.register(ResultCorrection)
class ResultCorrectionAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "state", "reason", "asked_by_label", "decided_by_label", "result_version"]
    list_select_related = ["campaign"]
