"""API authentication: a program with a bearer token, or a person's browser with its session."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.accounts import api_tokens
from apps.accounts.models import Account, ApiToken
from apps.accounts.second_factors import lacks_factor
from apps.core.concurrency import limit_concurrency
from apps.core.rate_limits import CountersUnavailable, Kind, TooOften, address_of, count, person_of


class TokenSignIn(BaseAuthentication):
    """`Authorization: Bearer hnd_...`. The token alone authenticates the request; cookies are ignored."""

    def authenticate(self, request: Request) -> tuple[Account, ApiToken] | None:
        scheme, _blank, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        # The same answer for unknown, expired and revoked tokens and for those of leavers, so that guessing reveals
        # nothing.
        token = api_tokens.sign_in(secret.strip().decode("latin-1"))
        if token is None:
            _count_guess(request)
            raise AuthenticationFailed(_("This token opens nothing: it may have expired."), code="invalid_token")
        return token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="hundred"'


class SessionSignIn(SessionAuthentication):
    """The browser's session, with the second factor of its role. Write requests need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        token = super().authenticate(request)
        if token and isinstance(token[0], Account) and lacks_factor(token[0], request.session):
            raise PermissionDenied(_("Your role needs a second factor."), code="second_factor_needed")
        return token

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            # Counted here, before the general count, since such senders repeat the request.
            _count(Kind.STRANGER, _address(request))
            message = _("A browser's session may write only with the X-CSRFToken header.")
            raise PermissionDenied(message, code="csrf_failed") from error


class HasScope(BasePermission):
    """A token needs the scope that its view names in `scope`; a view without one accepts no token. A session needs
    none.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiToken):
            return True
        required_scope = getattr(view, "scope", None)
        if required_scope in request.auth.scopes:
            return True
        if required_scope is None:
            message = _("This address takes no token: sign in with a browser.")
        else:
            message = _("This token lacks the scope %(scope)s.") % {"scope": required_scope}
        raise PermissionDenied(message, code="insufficient_scope")


# A page with more lines is counted as an export; a list of more people is recorded beside one other of its sender.
LONG_PAGE, LONG_LIST = 100, 50


def count_request(request: Request) -> None:
    """Count a request by employee, for any token or session, or by address for unknown callers.

    Raises Throttled beyond the limit.
    """
    if isinstance(request.user, Account):
        kind = Kind.READ if request.method in SAFE_METHODS else Kind.WRITE
        if kind is Kind.READ and _is_long_page(request):
            kind = Kind.EXPORT
        _count(kind, person_of(request.user.pk))
        if kind is Kind.EXPORT:
            _limit_concurrency(request, kind)
    else:
        _count(Kind.STRANGER, _address(request))


def _is_long_page(request: Request) -> bool:
    # A limit that is no number is refused later.
    limit = request.query_params.get("limit", "").strip()
    return limit.isdecimal() and (len(limit) > len(str(LONG_PAGE)) or int(limit) > LONG_PAGE)


def count_people(request: Request, people: int) -> None:
    """Count the people that a signed-in sender asks to record. Raises Throttled beyond the limit."""
    _count(Kind.PEOPLE, person_of(request.user.pk), people)
    if people > LONG_LIST:
        _limit_concurrency(request, Kind.PEOPLE)


def _limit_concurrency(request: Request, kind: Kind) -> None:
    try:
        # Django's own request: its middleware frees the place.
        limit_concurrency(request._request, kind, person_of(request.user.pk))  # noqa: SLF001
    except TooOften as refused:
        raise Throttled(refused.wait) from refused


def _count_guess(request: Request) -> None:
    """An invalid token counts as a failed sign-in. Without counters it is still refused."""
    with suppress(CountersUnavailable):
        _count(Kind.SIGN_IN, _address(request))


def _count(kind: Kind, who: str, cost: int = 1) -> None:
    try:
        count(kind, who, cost)
    except TooOften as refused:
        raise Throttled(refused.wait) from refused


def _address(request: Request) -> str:
    return address_of(request.META.get("REMOTE_ADDR", ""))
