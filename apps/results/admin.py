"""Results in the admin, read-only. Corrections are left out: their reasons are about single people."""

from __future__ import annotations

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.results.models import FrozenResult


@admin.register(FrozenResult)
class FrozenResultAdmin(ReadOnlyAdmin):
    list_display = ["campaign", "version", "frozen_at", "rows", "red", "digest"]
    list_select_related = ["campaign"]
