"""Passkeys: the browser's challenge as JSON for the page's script, and the form that adds one."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts.enrolment import CodeNeeded, has_factor
from apps.accounts.models import Account
from apps.accounts.passkey_challenges import Purpose, keep, place, take
from apps.accounts.passkeys import NotProven, TooManyPasskeys, add_passkey, ask_known, ask_new
from apps.dashboard.forms.second_factors import PasskeyForm
from apps.dashboard.login_flow import waiting
from apps.dashboard.views.account.second_factor import added, first_page, guess_of, is_fresh, may_change, page, stale
from apps.dashboard.views.page_context import PageContext


@login_not_required
@never_cache
@require_POST
def sign_in_options(request: HttpRequest) -> HttpResponse:
    """For a sign-in that waits for its second factor."""
    pending = waiting(request)
    if pending is None:
        raise Http404
    return _known(request, pending[0], Purpose.SIGN_IN)


@never_cache
@require_POST
def proof_options(request: HttpRequest) -> HttpResponse:
    """For the removal of a factor."""
    return _known(request, PageContext(request).user, Purpose.PROOF)


@never_cache
@require_POST
def new_options(request: HttpRequest) -> HttpResponse:
    """For a new passkey."""
    scope = PageContext(request)
    if not may_change(scope):
        raise Http404
    options, state = ask_new(scope.user, place(request))
    keep(request, Purpose.ADD, scope.user, state)
    return JsonResponse(options)


@never_cache
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """With a name, and confirmed by the password unless the sign-in was recent."""
    scope = PageContext(request)
    if not may_change(scope):
        return stale(scope)
    account, first = scope.user, not has_factor(scope.user)
    form = PasskeyForm(user=account, fresh=is_fresh(scope), data=request.POST)
    guess = guess_of(scope, form)
    if not form.is_valid():
        form.uncount(guess)
    elif _added(request, account, form):
        guess.was_right()
        message = _("Your passkey is added. Keep these codes on paper.") if first else _("Your passkey is added.")
        return added(scope, message, first=first)
    elif not form.has_error("enrolment"):
        guess.was_none()
    again = first_page if first else page
    return again(scope, new=form, status=422)


def _added(request: HttpRequest, account: Account, form: PasskeyForm) -> bool:
    try:
        add_passkey(
            account=account, place=place(request), state=take(request, Purpose.ADD, account),
            answer=form.cleaned_data["passkey"], name=form.cleaned_data["name"],
            enrolment_code=form.enrolment_code,
        )  # fmt: skip
    except NotProven:
        form.add_error("name", _("This passkey was not taken. Try again."))
        return False
    except CodeNeeded:
        form.refuse_code()
        return False
    except TooManyPasskeys:
        form.add_error("name", _("You have as many passkeys as one can have. Remove one first."))
        return False
    return True


def _known(request: HttpRequest, account: Account, purpose: Purpose) -> HttpResponse:
    try:
        options, state = ask_known(account, place(request))
    except NotProven:
        raise Http404 from None
    keep(request, purpose, account, state)
    return JsonResponse(options)
