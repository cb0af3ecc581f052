"""API authentication: a program with a bearer token, or a person's browser with its session."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from apps.accounts import api_tokens
from apps.accounts.models import Account, ApiToken
from apps.accounts.second_factors import lacks_factor
from apps.core.concurrency import limit_concurrency, limit_requests
from apps.core.rate_limits import (
    CountersUnavailable,
    Kind,
    RateLimited,
    account_key,
    address_key,
    enforce_people_limits,
    enforce_rate_limit,
)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer hnd_...`. The token alone authenticates the request; cookies are ignored."""

    def authenticate(self, request: Request) -> tuple[Account, ApiToken] | None:
        scheme, _blank, secret = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        # The same answer for unknown, expired and revoked tokens and for those of leavers, so that guessing reveals
        # nothing.
        token = api_tokens.authenticate_token(secret.strip().decode("latin-1"))
        if token is None:
            _count_guess(request)
            raise AuthenticationFailed(_("This token is not valid. It may have expired."), code="invalid_token")
        return token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="hundred"'


class BrowserSessionAuthentication(SessionAuthentication):
    """The browser's session, with the second factor of its role. Write requests need the CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        token = super().authenticate(request)
        if token and isinstance(token[0], Account) and lacks_factor(token[0], request.session):
            raise PermissionDenied(_("Your role requires a second factor."), code="second_factor_needed")
        return token

    def enforce_csrf(self, request: Request) -> None:
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            # Counted here, before the general count, since such senders repeat the request.
            _count(Kind.STRANGER, _address(request))
            message = _("To change data, a browser session needs the X-CSRFToken header.")
            raise PermissionDenied(message, code="csrf_failed") from error


class HasScope(BasePermission):
    """A token needs the `scope` of the view; a view without one accepts no token. A session needs no scope."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, ApiToken):
            return True
        required_scope = getattr(view, "scope", None)
        if required_scope in request.auth.scopes:
            return True
        if required_scope is None:
            message = _("This endpoint does not accept tokens. Sign in with a browser.")
        else:
            message = _("This token does not have the scope %(scope)s.") % {"scope": required_scope}
        raise PermissionDenied(message, code="insufficient_scope")


# A page with more rows counts as an export. Of lists with more people, an employee may send two at a time.
LONG_PAGE, LONG_LIST = 100, 50


def count_request(request: Request) -> None:
    """Count a request by employee, for any token or session, or by address for unknown callers.

    Raises Throttled beyond the limit.
    """
    if isinstance(request.user, Account):
        kind = Kind.READ if request.method in SAFE_METHODS else Kind.WRITE
        if kind is Kind.READ and _is_long_page(request):
            kind = Kind.EXPORT
        _count(kind, account_key(request.user.pk))
        with _throttled():
            limit_requests(request._request, account_key(request.user.pk))  # noqa: SLF001
        if kind is Kind.EXPORT:
            _limit_concurrency(request, kind)
    else:
        _count(Kind.STRANGER, _address(request))


def count_directory_request(request: Request) -> None:
    """Count a request of the company's directory like `count_request`, in a limit that a first transfer needs."""
    if isinstance(request.user, Account):
        _count(Kind.DIRECTORY, account_key(request.user.pk))
        with _throttled():
            limit_requests(request._request, account_key(request.user.pk))  # noqa: SLF001
    else:
        _count(Kind.STRANGER, _address(request))


def _is_long_page(request: Request) -> bool:
    limit = request.query_params.get("limit", "")
    # The serializer also reads `+500`, `500.0` and `5_00`: any other spelling of a number counts as a long page.
    short = limit.isascii() and limit.isdecimal() and len(limit) <= len(str(LONG_PAGE)) and int(limit) <= LONG_PAGE
    return bool(limit) and not short


def count_people(request: Request, people: int) -> None:
    """Count the people that a signed-in sender asks to record. Raises Throttled beyond the limit."""
    with _throttled():
        enforce_people_limits(account_key(request.user.pk), people)
    if people > LONG_LIST:
        _limit_concurrency(request, Kind.PEOPLE)


def count_change(request: Request) -> None:
    """Count a change of one of the sender's contacts. Raises Throttled beyond the limit."""
    _count(Kind.CHANGES_DAILY, account_key(request.user.pk))


def count_upload(request: Request) -> None:
    """Count a file that a signed-in sender uploads. Raises Throttled beyond the limit."""
    _count(Kind.UPLOAD, account_key(request.user.pk))


def _limit_concurrency(request: Request, kind: Kind) -> None:
    with _throttled():
        # Django's own request: its middleware frees the place.
        limit_concurrency(request._request, kind, account_key(request.user.pk))  # noqa: SLF001


def _count_guess(request: Request) -> None:
    """An invalid token counts as a failed sign-in. Without counters it is still refused."""
    with suppress(CountersUnavailable):
        _count(Kind.SIGN_IN, _address(request))


def _count(kind: Kind, who: str, cost: int = 1) -> None:
    with _throttled():
        enforce_rate_limit(kind, who, cost)


@contextmanager
def _throttled() -> Iterator[None]:
    try:
        yield
    except RateLimited as refused:
        raise Throttled(refused.wait) from refused


def _address(request: Request) -> str:
    return address_key(request.META.get("REMOTE_ADDR", ""))
