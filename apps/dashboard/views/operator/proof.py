"""Operators confirm each change of another person's account with their own password and second factor."""

from typing import Any

from django.conf import settings
from django.http import QueryDict

from apps.accounts.enrolment import has_factor
from apps.accounts.login_throttling import guess_in_session
from apps.accounts.passkey_challenges import Purpose, relying_party
from apps.accounts.passkeys import has_passkey
from apps.accounts.second_factors import audit_wrong_code
from apps.dashboard.forms.accounts import ProofForm
from apps.dashboard.views.account.second_factor import passkey_check, signed_in_recently
from apps.dashboard.views.page_context import PageContext


def must_sign_in_again(scope: PageContext) -> bool:
    """Whether the account lacks a password or factor to ask for, as at a provider, and the sign-in is not recent."""
    asks_both = scope.user.has_usable_password() and (has_factor(scope.user) or not settings.SECOND_FACTOR_ROLES)
    return not asks_both and not signed_in_recently(scope)


def proof_form(scope: PageContext, data: QueryDict | None = None, *, asks_reason: bool = False) -> ProofForm:
    check = passkey_check(scope.request, scope.user, Purpose.PROOF)
    return ProofForm(user=scope.user, data=data, check=check, asks_reason=asks_reason)


def is_proven(scope: PageContext, form: ProofForm) -> bool:
    """Whether the form is complete and right; its code is then used up. Raises TooManyGuesses."""
    guess = guess_in_session(scope.request, scope.user)
    if must_sign_in_again(scope):
        guess.withdraw()
        return False
    if form.is_valid():
        form.save()
        guess.succeed()
        return True
    if form.guessed_wrong:
        audit_wrong_code(scope.user, guessed=guess.reached_limit)
    else:
        guess.withdraw()
    return False


def proof_context(scope: PageContext, form: ProofForm) -> dict[str, Any]:
    """What `components/_proof.html` needs."""
    return {
        "form": form, "must_sign_in_again": must_sign_in_again(scope),
        "passkey_usable": has_passkey(scope.user, relying_party(scope.request)),
    }  # fmt: skip
