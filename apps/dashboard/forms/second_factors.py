"""Forms of second factors. allauth checks codes and their rate; the view names the passkeys that are accepted."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.accounts.access_log import audit_failure
from apps.accounts.enrolment import needs_enrolment_code
from apps.accounts.login_throttling import Guess
from apps.accounts.models import Account
from apps.accounts.passkeys import MAX_NAME_CHARS, InvalidPasskeyResponse
from apps.accounts.second_factors import UndecryptableSecret, factors
from apps.dashboard.forms.base import BoundedPasswords, set_choices

# Bytes of a passkey answer; with RSA keys and no attestation it has about 1,500.
MAX_ANSWER_BYTES = 20_000


def _code(*, autofocus: bool) -> forms.CharField:
    attributes = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": autofocus}
    return forms.CharField(label=_("Code"), max_length=40, widget=forms.TextInput(attrs=attributes))


def _answer(*, required: bool) -> forms.CharField:
    """The browser's passkey answer as JSON, which the page's script fills in."""
    return forms.CharField(
        max_length=MAX_ANSWER_BYTES, required=required, widget=forms.HiddenInput,
        error_messages={"required": _("Your browser did not create a passkey. Use an authenticator app instead.")},
    )  # fmt: skip


class CodeForm(AuthenticateForm):
    """A code of the authenticator app, a recovery code (which is then used up), or a passkey answer.

    `check` raises InvalidPasskeyResponse for a wrong answer.
    """

    code = _code(autofocus=True)
    passkey = _answer(required=False)

    def __init__(self, *args: Any, check: Callable[[str], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.check = check
        self.by_passkey = bool(self.data.get(self.add_prefix("passkey")))
        # The browser submits the form with an empty code when a passkey was used.
        self.fields["code"].required = not self.by_passkey

    def clean_code(self) -> str:
        if self.by_passkey:
            return ""
        try:
            return str(super().clean_code())
        except UndecryptableSecret:
            raise forms.ValidationError(
                _("This second factor can no longer be read. Ask the operator to reset it.")
            ) from None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        # The challenge is used up by the check: not before the rest of the form is right.
        if self.by_passkey and not self.errors:
            try:
                self.check(cleaned["passkey"])
            except InvalidPasskeyResponse:
                self.add_error("code", _("This passkey was not accepted. Try again, or enter a code."))
        return cleaned

    def save(self) -> None:
        """Store that a code was used; `check` has done so for a passkey."""
        if not self.by_passkey:
            super().save()


class NewCodesForm(CodeForm):
    """New recovery codes, confirmed with any factor; an old recovery code is accepted."""

    prefix = "paper"
    code = _code(autofocus=False)


class RemoveForm(CodeForm):
    """The factor to remove, confirmed with any factor."""

    factor = forms.TypedChoiceField(label=_("Second factor to remove"), coerce=int, empty_value=None, required=False)
    code = _code(autofocus=False)
    field_order = ["factor", "code", "passkey"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        named = [
            (factor.pk, str(factor) if factor.type == factor.Type.WEBAUTHN else _("Authenticator app"))
            for factor in factors(self.user)
        ]
        everything = ("", pgettext_lazy("second factors", "All, including the recovery codes"))
        set_choices(self.fields["factor"], [everything, *named])


class AddFactorForm(BoundedPasswords, forms.Form):
    """A form that adds a factor. It also asks for the password, unless the sign-in was recent, and for the enrolment
    code where this account needs one.
    """

    enrolment = forms.CharField(
        label=_("Enrolment code"), max_length=40,
        help_text=_(
            "You need this code to add a second factor. The operator of Hundred gives it to you."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Your password"), strip=False, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )  # fmt: skip
    user: Account

    def remove_unneeded_fields(self, fresh: bool) -> None:
        if fresh:
            del self.fields["password"]
        if not needs_enrolment_code(self.user):
            del self.fields["enrolment"]

    @property
    def asks_secret(self) -> bool:
        return bool({"password", "enrolment"} & set(self.fields))

    @property
    def enrolment_code(self) -> str:
        """The typed enrolment code; empty where none is required."""
        return str(self.cleaned_data.get("enrolment", ""))

    def discount_guess(self, guess: Guess) -> None:
        """An invalid form with the right password is no guess: its enrolment code was not checked."""
        if "password" not in self.errors:
            guess.withdraw()

    def refuse_code(self) -> None:
        # Worth an entry: the password before it was right.
        audit_failure("enrolment_code_refused", self.user)
        self.add_error("enrolment", _("This code is wrong, used or expired. Ask the operator for a new one."))

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError(_("This password is wrong."))
        return password


class AddAppForm(AddFactorForm, ActivateTOTPForm):
    code = _code(autofocus=True)
    field_order = ["enrolment", "code", "password"]

    def __init__(self, *args: Any, fresh: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.remove_unneeded_fields(fresh)


class PasskeyForm(AddFactorForm):
    name = forms.CharField(
        label=_("Name of the passkey"), max_length=MAX_NAME_CHARS,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": _("Phone, key, laptop")}),
    )  # fmt: skip
    passkey = _answer(required=True)
    prefix = "new"
    field_order = ["enrolment", "name", "password", "passkey"]

    def __init__(self, *args: Any, user: Account, fresh: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.remove_unneeded_fields(fresh)
