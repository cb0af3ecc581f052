"""Redirect users whose role needs a second factor, until the session has shown one, to the page that adds it."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from apps.accounts.models import Account
from apps.accounts.second_factors import lacks_factor

EXEMPT_URL_NAMES = frozenset({"second-factor", "passkey-add", "passkey-new", "logout"})


class SecondFactorRequiredMiddleware:
    """Runs after the authentication middleware.

    Public pages stay public. The API refuses such requests with its own response.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if not getattr(view, "login_required", True):
            return None
        match = request.resolver_match
        if match is not None and match.url_name in EXEMPT_URL_NAMES:
            return None
        user = request.user
        if isinstance(user, Account) and lacks_factor(user, request.session):
            return HttpResponseRedirect(reverse("second-factor"))
        return None
