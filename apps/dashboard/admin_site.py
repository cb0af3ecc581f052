"""The read-only admin, for operators who have shown a second factor."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.shortcuts import redirect

from apps.dashboard.operators import is_operator, is_unverified_operator


class OperatorAdminSite(AdminSite):
    """Registers read-only admins alone: a writable group or token would grant access without an audit entry. Sign-in,
    sign-out and passwords stay with the pages that count attempts and write audit entries.
    """

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        if getattr(admin_class, "read_only", False):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        return is_operator(request) and not is_unverified_operator(request)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return redirect("password_change")

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return redirect("password_change")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> Any:
        from apps.dashboard.views.account.password import SignOut

        return SignOut.as_view()(request)
