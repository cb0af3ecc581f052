"""Forms of second factors. allauth checks codes and their rate; the view names the passkeys that are accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.accounts.enrolment import audit_wrong_enrolment_code, needs_code
from apps.accounts.login_throttling import Guess
from apps.accounts.models import Account
from apps.accounts.passkeys import NAME_LIMIT, NotProven
from apps.accounts.second_factors import Unreadable, factors

# Bytes of a passkey answer; with RSA keys and no attestation it has about 1,500.
MAX_ANSWER_BYTES = 20_000


def _code() -> forms.CharField:
    attributes = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
    return forms.CharField(label=_("Code"), max_length=40, widget=forms.TextInput(attrs=attributes))


def _answer(*, required: bool) -> forms.CharField:
    """The browser's passkey answer as JSON, which the page's script fills in."""
    return forms.CharField(
        max_length=MAX_ANSWER_BYTES, required=required, widget=forms.HiddenInput,
        error_messages={"required": _("Your browser has not made a passkey. Use an app instead.")},
    )  # fmt: skip


class CodeForm(AuthenticateForm):
    """A code of the authenticator app, a recovery code (which is then used up), or a passkey answer.

    `check` raises NotProven for a wrong answer.
    """

    code = _code()
    passkey = _answer(required=False)

    def __init__(self, *args: Any, check: Callable[[str], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.check = check
        self.by_passkey = bool(self.data.get(self.add_prefix("passkey")))
        self.fields["code"].required = not self.by_passkey

    def clean_code(self) -> str:
        if self.by_passkey:
            return ""
        try:
            return str(super().clean_code())
        except Unreadable:
            raise forms.ValidationError(
                _("This second factor can no longer be read. Ask for it to be reset.")
            ) from None

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.by_passkey and not self.errors:
            try:
                self.check(cleaned["passkey"])
            except NotProven:
                self.add_error("code", _("This passkey was not taken. Try again, or type a code."))
        return cleaned

    def save(self) -> None:
        """Store that a code was used; `check` has done so for a passkey."""
        if not self.by_passkey:
            super().save()


class NewCodesForm(CodeForm):
    """New recovery codes, confirmed with any factor; an old recovery code is accepted."""

    prefix = "paper"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs.pop("autofocus")


class RemoveForm(CodeForm):
    """The factor to remove, confirmed with any factor."""

    factor = forms.TypedChoiceField(label=_("What to remove"), coerce=int, empty_value=None, required=False)

    field_order = ["factor", "code", "passkey"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs.pop("autofocus")
        named = [
            (factor.pk, str(factor) if factor.type == factor.Type.WEBAUTHN else _("The app"))
            for factor in factors(self.user)
        ]
        everything = ("", pgettext_lazy("second factors", "All of it, the codes on paper too"))
        self.fields["factor"].choices = [everything, *named]


class _Proven(forms.Form):
    """A form that adds a factor. It also asks for the password, unless the sign-in was recent, and for the enrolment
    code where this account needs one.
    """

    enrolment = forms.CharField(
        label=_("Enrolment code"), max_length=40,
        help_text=_("Your role needs it for the first second factor. The operator of Hundred hands it over, once."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Your password"), strip=False, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )  # fmt: skip
    user: Account

    def drop_unneeded(self, fresh: bool) -> None:
        if fresh:
            del self.fields["password"]
        if not needs_code(self.user):
            del self.fields["enrolment"]

    @property
    def asks_secret(self) -> bool:
        """Whether the form asks for a secret that can be guessed."""
        return bool({"password", "enrolment"} & set(self.fields))

    @property
    def enrolment_code(self) -> str:
        """The typed enrolment code; empty where none is required."""
        return str(self.cleaned_data.get("enrolment", ""))

    def uncount(self, guess: Guess) -> None:
        """An invalid form with the right password is no guess: its enrolment code was not checked."""
        if "password" not in self.errors:
            guess.was_none()

    def refuse_code(self) -> None:
        """Show that the enrolment code is not valid."""
        audit_wrong_enrolment_code(self.user)
        self.add_error("enrolment", _("This code is wrong, used or too old. The operator can make a new one."))

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError(_("This password is not right."))
        return password


class AddForm(_Proven, ActivateTOTPForm):
    """The first code of an authenticator app."""

    code = _code()
    field_order = ["enrolment", "code", "password"]

    def __init__(self, *args: Any, fresh: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.drop_unneeded(fresh)


class PasskeyForm(_Proven):
    """A name for a new passkey, and the browser's answer."""

    name = forms.CharField(
        label=_("Name of the passkey"), max_length=NAME_LIMIT,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": _("Phone, key, laptop")}),
    )  # fmt: skip
    passkey = _answer(required=True)
    prefix = "new"
    field_order = ["enrolment", "name", "password", "passkey"]

    def __init__(self, *args: Any, user: Account, fresh: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.drop_unneeded(fresh)
