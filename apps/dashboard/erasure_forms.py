"""The forms that look for somebody who asks to be forgotten, and that erase them."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.dashboard.forms import IDENTITY_FIELDS, LONGEST, MarkedForm

PRIVATE = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def _identity(label: Any) -> forms.CharField:
    return forms.CharField(label=label, required=False, max_length=LONGEST, widget=forms.TextInput(attrs=PRIVATE))


class PersonForm(MarkedForm):
    """What the person gave: one of these is enough, and each is looked for."""

    phone = _identity(_("Phone"))
    email = _identity(_("E-mail"))
    handle = _identity(_("Handle"))

    def identities(self) -> list[tuple[str, str]]:
        """As (kind, text)."""
        return [(kind, self.cleaned_data.get(kind, "")) for kind in IDENTITY_FIELDS]


class EraseForm(PersonForm):
    """The same person, why, and that it is meant: nothing of it can be taken back."""

    reason = forms.CharField(
        label=_("How the request came, and how it was checked"),
        max_length=2_000,
        help_text=_("It is kept in the audit trail. Do not write who it is about."),
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )
    sure = forms.BooleanField(label=_("I have checked that the request is theirs. This cannot be taken back."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in IDENTITY_FIELDS:
            self.fields[kind].widget = forms.HiddenInput()
