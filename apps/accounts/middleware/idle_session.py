"""Sessions that nobody uses end. Use is what a person does, not what an open page asks for by itself."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.accounts.sessions import SessionStore, is_idle

READS = frozenset({"GET", "HEAD", "OPTIONS"})


class IdleSessionMiddleware:
    """Before whatever asks who is signed in: from here on nobody is, when the session was not used for too long."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        if not getattr(view, "login_required", True) and not hasattr(view, "cls"):
            return  # for anybody, and not of the API, which asks for itself who somebody is
        user, session = request.user, request.session
        if not isinstance(user, Account) or not isinstance(session, SessionStore):
            return
        if is_idle(user, session):
            session.flush()
            request.user = AnonymousUser()
            if by_hand(request):
                messages.info(request, _("You were signed out, since nothing was done here for a while."))
        elif by_hand(request):
            session.note_use()


def by_hand(request: HttpRequest) -> bool:
    """Whether somebody is there: a page was gone to, or something sent. Meters and charts ask by themselves.

    Browsers say which it is over TLS (Fetch Metadata, Sec-Fetch-Mode); one that does not say counts as somebody.
    """
    return request.method not in READS or request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
