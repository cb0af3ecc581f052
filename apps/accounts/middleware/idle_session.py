"""End idle sessions; only user actions count as use, not the requests an open page sends by itself."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.accounts.sessions import SessionStore, discard_messages, is_idle

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class IdleSessionMiddleware:
    """Sign the user out when the session was idle too long; must run before code that reads `request.user`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if not getattr(view, "login_required", True) and not hasattr(view, "cls"):
            return  # a public page; API views have `cls` and authenticate requests themselves
        user, session = request.user, request.session
        if not isinstance(user, Account) or not isinstance(session, SessionStore):
            return
        if is_idle(user, session):
            session.flush()
            discard_messages(request)
            request.user = AnonymousUser()
            if is_user_action(request):
                messages.info(request, _("You were signed out after a period of inactivity."))
        elif is_user_action(request):
            session.record_use()


def is_user_action(request: HttpRequest) -> bool:
    """Whether a user caused this request: a navigation or a write. Polling and charts do not count.

    Over TLS, browsers send Sec-Fetch-Mode (Fetch Metadata). A request without that header counts as a user's.
    """
    return request.method not in SAFE_METHODS or request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
