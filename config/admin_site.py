"""The admin, to read: for operators who have shown a second factor."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.dashboard.views.account import SignOut
from apps.employees.models import Account, Role
from apps.employees.second_factors import SHOWN


def lacks_only_factor(request: HttpRequest) -> bool:
    """Whether an operator asks whose session has not shown the second factor that this installation wants of roles."""
    return is_operator(request) and bool(settings.SECOND_FACTOR_ROLES) and not request.session.get(SHOWN)


def is_operator(request: HttpRequest) -> bool:
    """Whether the role decides: `is_staff` and `is_superuser` open nothing."""
    return isinstance(request.user, Account) and request.user.has_role(Role.Kind.OPERATOR)


class OperatorAdminSite(AdminSite):
    """Nothing in it signs in, signs out or sets a password past the pages where that is counted and audited."""

    def has_permission(self, request: HttpRequest) -> bool:
        return is_operator(request) and not lacks_only_factor(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("password_change")

    def password_change_done(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("password_change")

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return SignOut.as_view()(request)
