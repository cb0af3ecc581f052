"""The form that confirms a change of another person's account."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts.approvals import MAX_REASON_CHARS
from apps.accounts.enrolment import has_factor
from apps.dashboard.forms.base import BoundedPasswords, RefusableForm
from apps.dashboard.forms.second_factors import CodeForm


class ProofForm(BoundedPasswords, CodeForm, RefusableForm):
    """The reader's password and second factor, each if the reader has one, and with `asks_reason` a reason.

    The code is checked last, because a check uses it up.
    """

    reason = forms.CharField(
        label=_("Reason"), max_length=MAX_REASON_CHARS, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("The second person and the audit trail show it."),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Your password"), strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )  # fmt: skip
    field_order = ["reason", "password", "code", "passkey"]

    def __init__(self, *args: Any, asks_reason: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = _("Your second factor: a code")
        self.fields["code"].widget.attrs["autofocus"] = False
        unneeded = {"reason": asks_reason, "password": self.user.has_usable_password()}
        unneeded |= dict.fromkeys(("code", "passkey"), has_factor(self.user))
        for name, is_needed in unneeded.items():
            if not is_needed:
                del self.fields[name]

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError(_("This password is wrong."))
        return password

    def clean_code(self) -> str:
        return "" if self.errors else super().clean_code()

    def save(self) -> None:
        if "code" in self.fields:
            super().save()

    @property
    def guessed_wrong(self) -> bool:
        """Whether the password or the second factor is the reason why the form is invalid."""
        return bool({"password", "code", "passkey"} & set(self.errors))
