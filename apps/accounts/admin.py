"""Read-only admin of accounts, roles and employees."""

from typing import Any, cast

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from apps.accounts.access_log import log_record_access
from apps.accounts.models import Account, Role
from apps.core.admin import ReadOnlyAdmin
from apps.employees.models import Employee


class PersonAdmin(ReadOnlyAdmin):
    """Rows about one person each; opening a row logs a read of that person's record."""

    record_kind = "account"

    def person(self, row: Any) -> Employee | None:
        return cast("Employee | None", row.employee)

    def render_change_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        person = self.person(kwargs["obj"]) if kwargs.get("obj") else None
        if person is not None:
            log_record_access(cast(Account, request.user), person, self.record_kind)
        return super().render_change_form(request, *args, **kwargs)


@admin.register(Employee)
class EmployeeAdmin(PersonAdmin):
    record_kind = "roster"
    list_display = ["staff_no", "name", "email", "time_zone"]
    search_fields = ["staff_no", "name", "email"]

    def person(self, row: Employee) -> Employee:
        return row


@admin.register(Role)
class RoleAdmin(PersonAdmin):
    list_display = ["account", "role", "granted_at", "granted_by_label"]
    list_filter = ["role"]
    list_select_related = ["account"]

    def person(self, row: Role) -> Employee | None:
        return row.account.employee


@admin.register(Account)
class AccountAdmin(PersonAdmin):
    list_display = ["login", "display_name", "email", "is_active", "is_staff", "last_login"]
    search_fields = ["login", "display_name", "email"]
    exclude = ["password", "groups", "user_permissions"]
