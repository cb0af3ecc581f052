"""The form that adds an endpoint of webhooks."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.dashboard.forms.base import RefusableForm, set_choices
from apps.notifications.webhooks.addresses import MAX_URL_CHARS
from apps.notifications.webhooks.event_types import EVENT_KINDS, LABELS
from apps.notifications.webhooks.services import MAX_DESCRIPTION_CHARS
from apps.notifications.webhooks.signing import Scheme

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class EndpointForm(RefusableForm):
    url = forms.CharField(
        label=_("Address of the receiver"),
        max_length=MAX_URL_CHARS,
        widget=forms.TextInput(attrs={**PLAIN, "inputmode": "url", "placeholder": "https://"}),
    )
    description = forms.CharField(
        label=_("Description (optional)"),
        max_length=MAX_DESCRIPTION_CHARS,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    event_types = forms.MultipleChoiceField(
        label=_("Events"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose at least one.")},
    )
    scheme = forms.ChoiceField(
        label=_("Signature"),
        choices=[
            (Scheme.HMAC.value, _("HMAC-SHA256: the receiver has the secret too")),
            (Scheme.ED25519.value, _("Ed25519: the receiver has a public key")),
        ],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        set_choices(self.fields["event_types"], [(name, LABELS[name]) for name in EVENT_KINDS])
