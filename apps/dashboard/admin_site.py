"""The read-only admin, for operators who have shown a second factor."""

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.shortcuts import redirect

from apps.accounts.models import Account, Role
from apps.accounts.second_factors import SESSION_FACTOR_KEY


def is_unverified_operator(request: HttpRequest) -> bool:
    """Whether the request is an operator's, but its session has not shown the required second factor."""
    return is_operator(request) and bool(settings.SECOND_FACTOR_ROLES) and not request.session.get(SESSION_FACTOR_KEY)


def is_operator(request: HttpRequest) -> bool:
    """The role decides; `is_staff` and `is_superuser` grant nothing."""
    return isinstance(request.user, Account) and request.user.has_role(Role.Kind.OPERATOR)


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
