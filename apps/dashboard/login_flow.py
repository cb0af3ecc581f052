"""The last step of every sign-in: a session, or first the question for a second factor."""

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from apps.accounts.access_log import audit_account
from apps.accounts.backends import EmployeeBackend
from apps.accounts.enrolment import has_factor, must_enrol
from apps.accounts.login_throttling import is_known_browser, remember_browser
from apps.accounts.models import Account
from apps.accounts.second_factors import MUST_ENROL_KEY, SESSION_FACTOR_KEY
from apps.accounts.security_mails import Event, notify_owner
from apps.accounts.sessions import AGENT_KEY, BEGAN_KEY, MAX_AGENT_CHARS, PENDING_SIGN_IN_KEY
from apps.dashboard.first_page import first_page

BACKEND = "apps.accounts.backends.EmployeeBackend"
# How long a sign-in waits for its second factor.
SECOND_FACTOR_SECONDS = 600
# When this session was opened or its password confirmed again, in seconds of Unix time.
PROVEN_AT = "proven_at"


def complete_login(
    request: HttpRequest,
    account: Account,
    target: str,
    *,
    event: str,
    factor_shown: bool = False,
    hours: int | None = None,
) -> HttpResponse:
    """Redirect to `target` with a session of `hours`, or first to the second factor unless it was shown.

    Without a page of its own, `/`, the reader begins with the own first page.
    """
    if not factor_shown and has_factor(account):
        request.session[PENDING_SIGN_IN_KEY] = {
            "account": account.pk, "at": time.time(), "wanted": target, "event": event, "hours": hours,
            # Bound to the password: a changed one ends the waiting sign-in.
            HASH_SESSION_KEY: account.get_session_auth_hash(),
        }  # fmt: skip
        # A new key, so that a key which was planted in the browser before never gets a session (session fixation).
        request.session.cycle_key()
        return HttpResponseRedirect(reverse("second-factor-asked"))
    request.session.pop(PENDING_SIGN_IN_KEY, None)
    # The owner needs no mail about the first sign-in of an account.
    is_new_browser = account.last_login is not None and not is_known_browser(request, account)
    login(request, account, backend=BACKEND)
    if is_new_browser:
        notify_owner(account, Event.NEW_BROWSER)
    request.session[SESSION_FACTOR_KEY] = factor_shown
    request.session[MUST_ENROL_KEY] = not factor_shown and must_enrol(account)
    request.session[BEGAN_KEY] = request.session[PROVEN_AT] = time.time()
    request.session[AGENT_KEY] = request.headers.get("User-Agent", "")[:MAX_AGENT_CHARS]
    if hours:
        request.session.set_expiry(hours * 3600)
    audit_account(event, account)
    response = HttpResponseRedirect(_landing_address(request, account, target))
    # Not before the second factor: otherwise anyone with the password would be remembered as the owner.
    remember_browser(response, account)
    return response


def _landing_address(request: HttpRequest, account: Account, target: str) -> str:
    address = safe_redirect(request, target)
    # The bare address of the site is a wish for no page in particular.
    return reverse(first_page(account)) if address == settings.LOGIN_REDIRECT_URL else address


def pending_login(request: HttpRequest) -> tuple[Account, dict[str, Any]] | None:
    """The account that waits for its second factor in this session, if recent and still allowed to sign in."""
    pending = request.session.get(PENDING_SIGN_IN_KEY)
    if not isinstance(pending, dict) or not 0 <= time.time() - pending["at"] <= SECOND_FACTOR_SECONDS:
        return None
    account = EmployeeBackend().get_user(pending["account"])
    # A change of password, role, address or employment since then ends the sign-in, as it ends sessions.
    if account is None or pending.get(HASH_SESSION_KEY) != account.get_session_auth_hash():
        return None
    return account, pending


def safe_redirect(request: HttpRequest, address: Any) -> str:
    """The address when it is on this site, otherwise the home page."""
    # Otherwise a crafted link to the sign-in could lead to an imitation of it (open redirect).
    here = url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure())
    return address if here else settings.LOGIN_REDIRECT_URL
