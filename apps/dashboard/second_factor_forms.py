"""Forms of second factors; what they check is allauth's, how often included."""

from __future__ import annotations

from typing import Any

from allauth.mfa.base.forms import AuthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.utils.translation import gettext_lazy as _

from apps.employees.second_factors import Unreadable


def _code() -> forms.CharField:
    attributes = {"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}
    return forms.CharField(label=_("Code"), max_length=40, widget=forms.TextInput(attrs=attributes))


class CodeForm(AuthenticateForm):
    """A code of the app, or one of those on paper, which is then used up."""

    code = _code()

    def clean_code(self) -> str:
        try:
            return str(super().clean_code())
        except Unreadable:
            raise forms.ValidationError(
                _("This second factor can no longer be read. Ask for it to be reset.")
            ) from None


class AddForm(ActivateTOTPForm):
    """The first code of an app, and the password unless the sign-in was a moment ago."""

    code = _code()
    password = forms.CharField(
        label=_("Your password"), strip=False, required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )  # fmt: skip

    def __init__(self, *args: Any, fresh: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fresh = fresh
        if fresh:
            del self.fields["password"]

    def clean_password(self) -> str:
        found: str = self.cleaned_data["password"]
        if not self.user.check_password(found):
            raise forms.ValidationError(_("This password is not right."))
        return found
