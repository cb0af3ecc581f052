"""The admin of people: accounts may be switched off; the roster and the roles are read here and written elsewhere."""

from __future__ import annotations

from django.contrib import admin

from apps.employees.models import Account, Employee, Role
from apps.ledger.admin import ReadOnlyAdmin


@admin.register(Employee)
class EmployeeAdmin(ReadOnlyAdmin):
    list_display = ["staff_no", "name", "email", "time_zone"]
    search_fields = ["staff_no", "name", "email"]


@admin.register(Role)
class RoleAdmin(ReadOnlyAdmin):
    list_display = ["account", "role", "granted_at", "granted_by_label"]
    list_filter = ["role"]
    list_select_related = ["account"]


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ["login", "display_name", "email", "is_active", "is_staff", "last_login"]
    search_fields = ["login", "display_name", "email"]
    exclude = ["password", "groups", "user_permissions"]
