"""Passkeys: the browser's challenge as JSON for the page's script, and the form that adds one."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from apps.accounts.enrolment import EnrolmentCodeRequired, has_factor
from apps.accounts.models import Account
from apps.accounts.passkey_challenges import Purpose, pop_challenge, relying_party, store_challenge
from apps.accounts.passkeys import (
    InvalidPasskeyResponse,
    TooManyPasskeys,
    add_passkey,
    authentication_options,
    registration_options,
)
from apps.dashboard.forms.second_factors import PasskeyForm
from apps.dashboard.login_flow import pending_login
from apps.dashboard.views.account.second_factor import (
    add_app_page,
    after_adding,
    factors_page,
    guess_of,
    may_change,
    signed_in_recently,
    stale_session_page,
)
from apps.dashboard.views.page_context import PageContext


@login_not_required
@never_cache
@require_POST
def sign_in_options(request: HttpRequest) -> HttpResponse:
    """For a sign-in that waits for its second factor."""
    pending = pending_login(request)
    if pending is None:
        raise Http404
    return _known_key_options(request, pending[0], Purpose.SIGN_IN)


@never_cache
@require_POST
def proof_options(request: HttpRequest) -> HttpResponse:
    """For the removal of a factor."""
    return _known_key_options(request, PageContext(request).user, Purpose.PROOF)


@never_cache
@require_POST
def new_options(request: HttpRequest) -> HttpResponse:
    scope = PageContext(request)
    if not may_change(scope):
        raise Http404
    options, state = registration_options(scope.user, relying_party(request))
    store_challenge(request, Purpose.ADD, scope.user, state)
    return JsonResponse(options)


@never_cache
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """With a name, and confirmed by the password unless the sign-in was recent."""
    scope = PageContext(request)
    if not may_change(scope):
        return stale_session_page(scope)
    account, first = scope.user, not has_factor(scope.user)
    form = PasskeyForm(user=account, fresh=signed_in_recently(scope), data=request.POST)
    guess = guess_of(scope, form)
    if not form.is_valid():
        form.discount_guess(guess)
    elif _added(request, account, form):
        guess.succeed()
        message = (
            _("Your passkey is added. Write down or print these recovery codes, and keep them in a safe place.")
            if first
            else _("Your passkey is added.")
        )
        return after_adding(scope, message, first=first)
    elif not form.has_error("enrolment"):
        guess.withdraw()
    again = add_app_page if first else factors_page
    return again(scope, new=form, status=422)


def _added(request: HttpRequest, account: Account, form: PasskeyForm) -> bool:
    try:
        add_passkey(
            account=account, relying_party=relying_party(request), state=pop_challenge(request, Purpose.ADD, account),
            answer=form.cleaned_data["passkey"], name=form.cleaned_data["name"],
            enrolment_code=form.enrolment_code,
        )  # fmt: skip
    except InvalidPasskeyResponse:
        form.add_error("name", _("This passkey was not accepted. Try again."))
        return False
    except EnrolmentCodeRequired:
        form.refuse_code()
        return False
    except TooManyPasskeys:
        form.add_error("name", _("You have the maximum number of passkeys. Remove one first."))
        return False
    return True


def _known_key_options(request: HttpRequest, account: Account, purpose: Purpose) -> HttpResponse:
    try:
        options, state = authentication_options(account, relying_party(request))
    except InvalidPasskeyResponse:
        raise Http404 from None
    store_challenge(request, purpose, account, state)
    return JsonResponse(options)
