"""The last step of every sign-in: a session, or first the question for a second factor."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from apps.accounts.backends import EmployeeBackend
from apps.accounts.enrolment import has_factor
from apps.accounts.login_throttling import remember_browser
from apps.accounts.models import Account
from apps.accounts.second_factors import SHOWN
from apps.accounts.services import audit_account
from apps.accounts.sessions import AGENT, AGENT_LIMIT, BEGAN, WAITING

BACKEND = "apps.accounts.backends.EmployeeBackend"
# How long a sign-in waits for its second factor.
SECOND_FACTOR_SECONDS = 600
# When this session was opened or its password confirmed again, in seconds of Unix time.
PROVEN_AT = "proven_at"


def complete_login(
    request: HttpRequest, account: Account, wanted: str, *, event: str, shown: bool = False, hours: int | None = None
) -> HttpResponse:
    """Redirect to `wanted` with a session of `hours`, or first to the second factor unless `shown`."""
    if not shown and has_factor(account):
        request.session[WAITING] = {
            "account": account.pk, "at": time.time(), "wanted": wanted, "event": event, "hours": hours,
            HASH_SESSION_KEY: account.get_session_auth_hash(),
        }  # fmt: skip
        request.session.cycle_key()
        return HttpResponseRedirect(reverse("second-factor-asked"))
    request.session.pop(WAITING, None)
    login(request, account, backend=BACKEND)
    request.session[SHOWN] = shown
    request.session[BEGAN] = request.session[PROVEN_AT] = time.time()
    request.session[AGENT] = request.headers.get("User-Agent", "")[:AGENT_LIMIT]
    if hours:
        request.session.set_expiry(hours * 3600)
    audit_account(event, account)
    response = HttpResponseRedirect(safe_redirect(request, wanted))
    # Not before the second factor: otherwise anyone with the password would be remembered as the owner.
    remember_browser(response, account)
    return response


def waiting(request: HttpRequest) -> tuple[Account, dict[str, Any]] | None:
    """The account that waits for its second factor in this session, if recent and still allowed to sign in."""
    pending = request.session.get(WAITING)
    if not isinstance(pending, dict) or not 0 <= time.time() - pending["at"] <= SECOND_FACTOR_SECONDS:
        return None
    account = EmployeeBackend().get_user(pending["account"])
    # A change of password, role, address or employment since then ends the sign-in, as it ends sessions.
    if account is None or pending.get(HASH_SESSION_KEY) != account.get_session_auth_hash():
        return None
    return account, pending


def safe_redirect(request: HttpRequest, address: Any) -> str:
    """The address when it is on this site, otherwise the home page."""
    here = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if here else settings.LOGIN_REDIRECT_URL
