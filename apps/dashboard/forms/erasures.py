"""The form that requests the erasure of a person's data."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.dashboard.forms.base import IDENTITY_FIELDS, MAX_CHARS, IdempotentForm

PRIVATE = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def _identity(label: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=MAX_CHARS, widget=forms.TextInput(attrs=PRIVATE))


class ErasureForm(IdempotentForm):
    """The person's identities (at least one; each is searched), the reason, and a confirmation."""

    phone = _identity(_("Phone"))
    email = _identity(_("E-mail"))
    handle = _identity(_("Handle"))
    reason = forms.CharField(
        label=_("How the request came, and how it was checked"),
        max_length=2_000,
        help_text=_("It is kept with the erasure. Do not write who it is about."),
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )
    sure = forms.BooleanField(label=_("I have checked that the request is theirs. An erasure cannot be taken back."))

    def identities(self) -> list[tuple[str, str]]:
        """As (kind, text)."""
        return [(kind, self.cleaned_data.get(kind, "")) for kind in IDENTITY_FIELDS]
