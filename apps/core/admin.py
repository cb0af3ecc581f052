"""The admin site, read-only: the audit trail. A superuser is not HR: facts and verdicts change elsewhere."""

from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from apps.core.models import AuditEntry, Job


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows to read; the admin cannot add, change or delete them.

    Users who may enter the admin may see them (apps.dashboard.admin_site). Django's permissions do not apply.
    """

    # The admin site refuses to register a class without this flag (apps.dashboard.admin_site).
    read_only = True
    # Django would count the whole audit trail for every search.
    show_full_result_count = False

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


# Operators read what concerns accounts and the installation. Entries of contacts, rosters and adjustments would tell
# them whose contact a person is, or who is on leave.
OPERATORS_ENTRIES = ("account.", "notification.", "role.", "token.", "webhook.")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        chosen = (Q(action__startswith=prefix) for prefix in OPERATORS_ENTRIES)
        return super().get_queryset(request).filter(reduce(or_, chosen))

    list_display = ["at", "actor_label", "action", "subject_label"]
    list_filter = ["action"]
    search_fields = ["actor_label", "subject_label", "subject_id"]


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        # It tells whether a change of the roster touched a contact (ADR 63).
        return super().get_queryset(request).exclude(job__startswith="directory_counted:")

    list_display = ["job", "period", "done_at"]
