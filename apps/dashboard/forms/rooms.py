"""The form of a group room."""

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.dashboard.forms.base import RefusableForm
from apps.notifications.models import Room
from apps.notifications.rooms.apprise_client import MAX_ADDRESS_CHARS


class RoomForm(RefusableForm):
    address = forms.CharField(
        label=_("Address of the group chat"),
        max_length=MAX_ADDRESS_CHARS,
        # It is never shown again, and no browser remembers it.
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
    )
    every = forms.ChoiceField(label=_("How often"), choices=Room.Every.choices)
    language = forms.ChoiceField(label=_("Language of messages"), choices=settings.LANGUAGES)
