"""Second factors: the question at the sign-in, and the page to add, see and remove one's own."""

from __future__ import annotations

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

from apps.accounts.enrolment import CodeNeeded, has_factor
from apps.accounts.login_throttling import NO_GUESS, Guess, guess_factor, guess_in_session
from apps.accounts.models import Account
from apps.accounts.passkey_challenges import Purpose, place, take
from apps.accounts.passkeys import check_passkey, passkeys, works_at
from apps.accounts.second_factors import (
    SHOWN,
    Secrets,
    add_factor,
    audit_wrong_code,
    factors,
    has_app,
    lacks_factor,
    paper_codes,
    remove_factor,
    remove_factors,
    renew_codes,
    reseal_factors,
)
from apps.accounts.sessions import end_sessions
from apps.dashboard.forms.second_factors import AddForm, CodeForm, NewCodesForm, PasskeyForm, RemoveForm
from apps.dashboard.login_flow import PROVEN_AT, complete_login, waiting
from apps.dashboard.views.page_context import PageContext

# How recent a sign-in must be to add a factor without the password.
RECENT_SIGN_IN_SECONDS = 600


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def asked(request: HttpRequest) -> HttpResponse:
    """Between the password and the session; redirects all other readers."""
    pending = waiting(request)
    if pending is None:
        return redirect("login")
    account, left = pending
    form = CodeForm(user=account, data=request.POST or None, check=_checks(request, account, Purpose.SIGN_IN))
    if request.method == "POST" and _proven(form, guess_factor(request, account, by_passkey=form.by_passkey)):
        reseal_factors(account=account, by=account.actor)
        return complete_login(request, account, left["wanted"], event=left["event"], shown=True, hours=left["hours"])
    keyed = works_at(account, place(request))
    return render_template(request, "account/second_factor_prompt.html", {"form": form, "keyed": keyed})


@never_cache
@require_http_methods(["GET", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    """One's own second factors: the form to add the first, or the list."""
    scope = PageContext(request)
    if has_factor(scope.user):
        # Added in another browser since this one signed in.
        return stale(scope) if lacks_factor(scope.user, request.session) else page(scope)
    return _add_app(scope) if may_change(scope) else stale(scope)


@never_cache
@require_http_methods(["GET", "POST"])
def app(request: HttpRequest) -> HttpResponse:
    """Add an authenticator app beside existing passkeys."""
    scope = PageContext(request)
    if not may_change(scope):
        return stale(scope)
    return redirect("second-factor") if has_app(scope.user) else _add_app(scope)


@never_cache
@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Requires a code or a passkey, so an unattended browser is not enough."""
    scope = PageContext(request)
    account = scope.user
    if not has_factor(account):
        raise Http404
    form = RemoveForm(user=account, data=request.POST, check=_checks(request, account, Purpose.PROOF))
    if not _proven(form, guess_in_session(request, account)):
        return page(scope, remove=form, status=422)
    if (factor := form.cleaned_data["factor"]) is None:
        remove_factors(account=account, by=account.actor)
    else:
        remove_factor(account=account, factor=factor)
    _end_others(scope)
    if has_factor(account):
        messages.success(request, _("It is removed."))
        return redirect("second-factor")
    request.session[SHOWN] = False
    messages.success(request, _("Your second factor is removed."))
    return HttpResponseRedirect(settings.LOGIN_REDIRECT_URL)


@never_cache
@require_POST
def codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes, with a code or a passkey: only this response shows them."""
    scope = PageContext(request)
    account = scope.user
    if not has_factor(account):
        raise Http404
    form = NewCodesForm(user=account, data=request.POST, check=_checks(request, account, Purpose.PROOF))
    if not _proven(form, guess_in_session(request, account)):
        return page(scope, paper=form, status=422)
    renew_codes(account)
    return page(scope, codes=paper_codes(account))


def _proven(form: CodeForm, guess: Guess) -> bool:
    """Whether the form's code or passkey is right: then it is used up; otherwise the failure is audited."""
    if form.is_valid():
        form.save()
        guess.was_right()
        return True
    audit_wrong_code(form.user, guessed=guess.was_last)
    return False


def may_change(scope: PageContext) -> bool:
    """Whether this session may add factors: it has shown an existing one; without one, it can confirm its identity."""
    if has_factor(scope.user) and not scope.request.session.get(SHOWN):
        return False
    return is_fresh(scope) or scope.user.has_usable_password()


def is_fresh(scope: PageContext) -> bool:
    """Whether the sign-in was recent."""
    return bool(time.time() - scope.request.session.get(PROVEN_AT, 0) < RECENT_SIGN_IN_SECONDS)


def added(scope: PageContext, message: str, *, first: bool) -> HttpResponse:
    """The page after one was added; recovery codes only after the first one."""
    scope.request.session[SHOWN] = True
    scope.request.session.cycle_key()
    _end_others(scope)
    messages.success(scope.request, message)
    return page(scope, codes=paper_codes(scope.user)) if first else redirect("second-factor")


def page(scope: PageContext, *, status: int = 200, **context: Any) -> HttpResponse:
    """The own factors, with the forms to add and to remove."""
    account = scope.user
    around = {
        "app": has_app(account),
        "passkeys": passkeys(account),
        "keyed": works_at(account, place(scope.request)),
        "new": PasskeyForm(user=account, fresh=is_fresh(scope)) if may_change(scope) else None,
        "coded": bool(account.roles) and len(factors(account)) == 1,
        "left": len(paper_codes(account)),
        "paper": NewCodesForm(user=account, check=_nothing),
        "remove": RemoveForm(user=account, check=_nothing),
    }
    return _render(scope, "account/second_factor.html", status=status, **{**around, **context})


def stale(scope: PageContext) -> HttpResponse:
    """Signed in before the factor was added, or too long ago to add one."""
    return _render(scope, "account/second_factor_stale_session.html")


def first_page(scope: PageContext, form: AddForm | None = None, *, status: int = 200, **context: Any) -> HttpResponse:
    """The QR code for an app and, without any factor, a passkey instead."""
    account, fresh = scope.user, is_fresh(scope)
    form = form or AddForm(user=account, fresh=fresh)
    around = {
        "form": form,
        "picture": _picture(account, form.secret),
        "secret": form.secret,
        "needed": lacks_factor(account, scope.request.session),
        "new": None if has_factor(account) else PasskeyForm(user=account, fresh=fresh),
    }
    return _render(scope, "account/second_factor_add.html", status=status, **{**around, **context})


def _add_app(scope: PageContext) -> HttpResponse:
    account, request = scope.user, scope.request
    form = AddForm(user=account, fresh=is_fresh(scope), data=request.POST or None)
    if request.method != "POST":
        return first_page(scope, form)
    first = not has_factor(account)
    guess = guess_of(scope, form)
    if not form.is_valid():
        form.uncount(guess)
        return first_page(scope, form)
    try:
        is_new = add_factor(account=account, secret=form.secret, enrolment_code=form.enrolment_code)
    except CodeNeeded:
        form.refuse_code()
        return first_page(scope, form)
    guess.was_right()
    if not is_new:
        return redirect("second-factor")
    clear_totp_secret(request)
    message = _("Your second factor is added. Keep these codes on paper.") if first else _("The app is added.")
    return added(scope, message, first=first)


def guess_of(scope: PageContext, form: AddForm | PasskeyForm) -> Guess:
    """The guess at a password or an enrolment code in a form that adds a factor, if it asks for one."""
    return guess_in_session(scope.request, scope.user) if form.asks_secret else NO_GUESS


def _checks(request: HttpRequest, account: Account, purpose: Purpose) -> Callable[[str], None]:
    return partial(_check, request, account, purpose)


def _check(request: HttpRequest, account: Account, purpose: Purpose, answer: str) -> None:
    state = take(request, purpose, account)
    check_passkey(account=account, place=place(request), state=state, answer=answer)


def _end_others(scope: PageContext) -> None:
    """After a new second factor, all other sessions must sign in again."""
    end_sessions(account=scope.user, by=scope.user.actor, but=scope.request.session.session_key)


def _nothing(answer: str) -> None:
    """An empty form does not check answers."""


def _render(scope: PageContext, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    around = {"scope": scope, "frame": scope.frame(), "now": scope.now}
    return render_template(scope.request, template, {**around, **context}, status=status)


def _picture(account: Account, secret: str) -> str:
    """The secret as a QR code for an app, as a data URL."""
    adapter = Secrets()
    drawn = adapter.build_totp_svg(adapter.build_totp_url(account, secret))
    return "data:image/svg+xml;base64," + base64.b64encode(drawn.encode()).decode()
