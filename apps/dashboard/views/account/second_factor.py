"""Second factors: the question at the sign-in, and the page to add, see and remove one's own."""

import base64
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from allauth.mfa.totp.internal.auth import clear_totp_secret
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.shortcuts import render as render_template
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.enrolment import EnrolmentCodeRequired, has_factor
from apps.accounts.login_throttling import NO_GUESS, Guess, guess_factor, guess_in_session
from apps.accounts.models import Account
from apps.accounts.passkey_challenges import Purpose, pop_challenge, relying_party
from apps.accounts.passkeys import check_passkey, has_passkey, passkeys
from apps.accounts.second_factors import (
    SESSION_FACTOR_KEY,
    EncryptingMFAAdapter,
    add_app,
    audit_wrong_code,
    factors,
    has_app,
    lacks_factor,
    reencrypt_factors,
    remove_factor,
    remove_factors,
    renew_recovery_codes,
    unused_recovery_codes,
)
from apps.accounts.sessions import end_sessions
from apps.dashboard.forms.second_factors import AddAppForm, CodeForm, NewCodesForm, PasskeyForm, RemoveForm
from apps.dashboard.login_flow import PROVEN_AT, complete_login, pending_login
from apps.dashboard.views.page_context import PageContext

# How recent a sign-in must be to add a factor without the password.
RECENT_SIGN_IN_SECONDS = 600


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def prompt(request: HttpRequest) -> HttpResponse:
    """Between the password and the session; redirects all other readers."""
    waiting = pending_login(request)
    if waiting is None:
        return redirect("login")
    account, pending = waiting
    form = CodeForm(user=account, data=request.POST or None, check=passkey_check(request, account, Purpose.SIGN_IN))
    if request.method == "POST" and _verified(form, guess_factor(request, account, by_passkey=form.by_passkey)):
        # Here the secrets have just been readable: the time to move them to the newest key.
        reencrypt_factors(account=account, by=account.actor)
        return complete_login(
            request, account, pending["wanted"], event=pending["event"], factor_shown=True, hours=pending["hours"]
        )
    context = {"form": form, "passkey_usable": has_passkey(account, relying_party(request))}
    return render_template(request, "account/second_factor_prompt.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
def factors_of_reader(request: HttpRequest) -> HttpResponse:
    """One's own second factors: the form to add the first, or the list."""
    scope = PageContext(request)
    if has_factor(scope.user):
        # Added in another browser since this one signed in.
        return stale_session_page(scope) if lacks_factor(scope.user, request.session) else factors_page(scope)
    return _add_app(scope) if may_change(scope) else stale_session_page(scope)


@never_cache
@require_http_methods(["GET", "POST"])
def app(request: HttpRequest) -> HttpResponse:
    """Add an authenticator app beside existing passkeys."""
    scope = PageContext(request)
    if not may_change(scope):
        return stale_session_page(scope)
    return redirect("second-factor") if has_app(scope.user) else _add_app(scope)


@never_cache
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Requires a code or a passkey, so an unattended browser is not enough."""
    scope = PageContext(request)
    account = scope.user
    if not has_factor(account):
        raise Http404
    form = RemoveForm(user=account, data=request.POST, check=passkey_check(request, account, Purpose.PROOF))
    if not _verified(form, guess_in_session(request, account)):
        return factors_page(scope, remove=form, status=422)
    if (factor := form.cleaned_data["factor"]) is None:
        remove_factors(account=account, by=account.actor)
    else:
        remove_factor(account=account, factor=factor)
    _end_other_sessions(scope)
    if has_factor(account):
        messages.success(request, _("The second factor is removed."))
        return redirect("second-factor")
    # The session has shown nothing any more: a role that requires a factor asks again.
    request.session[SESSION_FACTOR_KEY] = False
    messages.success(request, _("Your last second factor is removed."))
    return HttpResponseRedirect(settings.LOGIN_REDIRECT_URL)


@never_cache
@require_POST
def new_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, with a code or a passkey: only this response shows them."""
    scope = PageContext(request)
    account = scope.user
    if not has_factor(account):
        raise Http404
    form = NewCodesForm(user=account, data=request.POST, check=passkey_check(request, account, Purpose.PROOF))
    if not _verified(form, guess_in_session(request, account)):
        return factors_page(scope, codes_form=form, status=422)
    renew_recovery_codes(account)
    return factors_page(scope, codes=unused_recovery_codes(account))


def _verified(form: CodeForm, guess: Guess) -> bool:
    """Whether the form's code or passkey is right: then it is used up; otherwise the failure is audited."""
    if form.is_valid():
        form.save()
        guess.succeed()
        return True
    # Also a wrong passkey: many failures in the trail show an attack.
    audit_wrong_code(form.user, guessed=guess.reached_limit)
    return False


def may_change(scope: PageContext) -> bool:
    """Whether this session may add factors: it has shown an existing one; without one, it can confirm its identity."""
    if has_factor(scope.user) and not scope.request.session.get(SESSION_FACTOR_KEY):
        return False
    return signed_in_recently(scope) or scope.user.has_usable_password()


def signed_in_recently(scope: PageContext) -> bool:
    return bool(time.time() - scope.request.session.get(PROVEN_AT, 0) < RECENT_SIGN_IN_SECONDS)


def after_adding(scope: PageContext, message: str, *, first: bool) -> HttpResponse:
    """The page after one was added; recovery codes only after the first one."""
    scope.request.session[SESSION_FACTOR_KEY] = True
    scope.request.session.cycle_key()
    _end_other_sessions(scope)
    messages.success(scope.request, message)
    return factors_page(scope, codes=unused_recovery_codes(scope.user)) if first else redirect("second-factor")


def factors_page(scope: PageContext, *, status: int = 200, **context: Any) -> HttpResponse:
    account = scope.user
    defaults = {
        "app": has_app(account),
        "passkeys": passkeys(account),
        "passkey_usable": has_passkey(account, relying_party(scope.request)),
        "new": PasskeyForm(user=account, fresh=signed_in_recently(scope)) if may_change(scope) else None,
        "needs_enrolment_code": bool(account.roles) and len(factors(account)) == 1,
        "codes_left": len(unused_recovery_codes(account)),
        "codes_form": NewCodesForm(user=account, check=_accept_any),
        "remove": RemoveForm(user=account, check=_accept_any),
    }
    return _render(scope, "account/second_factor.html", status=status, **{**defaults, **context})


def stale_session_page(scope: PageContext) -> HttpResponse:
    """Signed in before the factor was added, or too long ago to add one."""
    return _render(scope, "account/second_factor_stale_session.html")


def add_app_page(
    scope: PageContext, form: AddAppForm | None = None, *, status: int = 200, **context: Any
) -> HttpResponse:
    """The QR code for an app and, without any factor, a passkey instead."""
    account, fresh = scope.user, signed_in_recently(scope)
    form = form or AddAppForm(user=account, fresh=fresh)
    defaults = {
        "form": form,
        "qr_code": _qr_code(account, form.secret),
        "secret": form.secret,
        "role_requires": lacks_factor(account, scope.request.session),
        "new": None if has_factor(account) else PasskeyForm(user=account, fresh=fresh),
    }
    return _render(scope, "account/second_factor_add.html", status=status, **{**defaults, **context})


def _add_app(scope: PageContext) -> HttpResponse:
    account, request = scope.user, scope.request
    form = AddAppForm(user=account, fresh=signed_in_recently(scope), data=request.POST or None)
    if request.method != "POST":
        return add_app_page(scope, form)
    first = not has_factor(account)
    guess = guess_of(scope, form)
    if not form.is_valid():
        form.discount_guess(guess)
        return add_app_page(scope, form)
    try:
        is_new = add_app(account=account, secret=form.secret, enrolment_code=form.enrolment_code)
    except EnrolmentCodeRequired:
        form.refuse_code()
        return add_app_page(scope, form)
    guess.succeed()
    if not is_new:
        return redirect("second-factor")
    # The secret waits in the session until its first code: after that only the encrypted copy remains.
    clear_totp_secret(request)
    message = (
        _("Your second factor is added. Write down or print these recovery codes, and keep them in a safe place.")
        if first
        else _("The authenticator app is added.")
    )
    return after_adding(scope, message, first=first)


def guess_of(scope: PageContext, form: AddAppForm | PasskeyForm) -> Guess:
    """The guess at a password or an enrolment code in a form that adds a factor, if it asks for one."""
    return guess_in_session(scope.request, scope.user) if form.asks_secret else NO_GUESS


def passkey_check(request: HttpRequest, account: Account, purpose: Purpose) -> Callable[[str], None]:
    return partial(_check, request, account, purpose)


def _check(request: HttpRequest, account: Account, purpose: Purpose, answer: str) -> None:
    state = pop_challenge(request, purpose, account)
    check_passkey(account=account, relying_party=relying_party(request), state=state, answer=answer)


def _end_other_sessions(scope: PageContext) -> None:
    """After a new second factor, all other sessions must sign in again."""
    end_sessions(account=scope.user, by=scope.user.actor, but=scope.request.session.session_key)


def _accept_any(answer: str) -> None:
    """An empty form does not check answers."""


def _render(scope: PageContext, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    defaults = {"scope": scope, "now": scope.now}
    return render_template(scope.request, template, {**defaults, **context}, status=status)


def _qr_code(account: Account, secret: str) -> str:
    adapter = EncryptingMFAAdapter()
    drawn = adapter.build_totp_svg(adapter.build_totp_url(account, secret))
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.encode()).decode()
