"""Who may open the pages of operators: the admin, `/operator/` and requests about accounts."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.accounts.models import Account, Role
from apps.accounts.second_factors import SESSION_FACTOR_KEY


def is_operator(request: HttpRequest) -> bool:
    """The role decides; `is_staff` and `is_superuser` grant nothing."""
    return isinstance(request.user, Account) and request.user.has_role(Role.Kind.OPERATOR)


def is_unverified_operator(request: HttpRequest) -> bool:
    """Whether the request is an operator's, but its session has not shown the required second factor."""
    return is_operator(request) and bool(settings.SECOND_FACTOR_ROLES) and not request.session.get(SESSION_FACTOR_KEY)


def decider_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """404 for all but HR users and operators; an operator shows a second factor as for the admin."""

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **more: Any) -> HttpResponse:
        if isinstance(request.user, Account) and request.user.has_role(Role.Kind.HR):
            return view(request, *arguments, **more)
        return operator_page(view)(request, *arguments, **more)

    return guarded


def operator_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """404 for all but operators, who show a second factor as for the admin."""

    @wraps(view)
    def guarded(request: HttpRequest, *arguments: Any, **more: Any) -> HttpResponse:
        if is_unverified_operator(request):
            return redirect("second-factor")
        if not is_operator(request):
            raise Http404("Only operators have this page")
        return view(request, *arguments, **more)

    return guarded
