"""The form that requests the erasure of a person's data."""

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.dashboard.forms.base import IDENTITY_FIELDS, IdempotentForm, private_field


class ErasureForm(IdempotentForm):
    """The person's identities (at least one; each is searched), the reason, and a confirmation."""

    phone = private_field(_("Phone"), required=False)
    email = private_field(_("E-mail"), required=False)
    handle = private_field(_("Handle"), required=False)
    reason = forms.CharField(
        label=_("How the request was received and verified"),
        max_length=2_000,
        help_text=_("This text is stored with the erasure. Do not name the person."),
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off"}),
    )
    sure = forms.BooleanField(
        label=_("I have checked that the request comes from this person. An erasure cannot be undone.")
    )

    def identities(self) -> list[tuple[str, str]]:
        return [(kind, self.cleaned_data.get(kind, "")) for kind in IDENTITY_FIELDS]
