"""The form of notification settings: a check box for each kind and channel, and the language of messages."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apps.accounts.models import Account
from apps.dashboard.labels import base
from apps.dashboard.labels.notifications import KINDS
from apps.notifications.channels import label_of
from apps.notifications.channels.chat import configured_product
from apps.notifications.models import Channel
from apps.notifications.preferences import channels_for, enabled_channels, kinds_for, save_preferences


class NotificationSettingsForm(forms.Form):
    language = forms.ChoiceField(label=_("Language of messages"), required=False)

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.account, self.kinds = account, kinds_for(account)
        language: Any = self.fields["language"]
        language.choices, language.initial = [("", _("All languages")), *settings.LANGUAGES], account.language
        for (kind, channel), enabled in enabled_channels(account).items():
            self.fields[f"{kind}.{channel}"] = forms.BooleanField(
                label=str(label_of(channel)), required=False, initial=enabled
            )

    @property
    def chat_account(self) -> str:
        """The account that HR's list names for messages by chat; empty where none is used."""
        product, employee = configured_product(), self.account.employee
        return employee.chat_id if product and employee else ""

    @property
    def chat_product(self) -> base.Text:
        return label_of("chat")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """For the page: each kind with its check boxes, or without any when it cannot be switched off. A channel that a
        kind does not use leaves its place empty, so that each channel has a column.
        """
        names = {
            kind.code: {channel for channel in channels_for(self.account, kind) if kind.can_switch_off_by(channel)}
            for kind in self.kinds
        }
        columns = [channel for channel in Channel.values if any(channel in chosen for chosen in names.values())]
        return [
            {
                "label": KINDS[code],
                "fields": chosen and [self[f"{code}.{name}"] if name in chosen else None for name in columns],
            }
            for code, chosen in names.items()
        ]

    def save(self) -> None:
        self.account.language = self.cleaned_data["language"]
        self.account.save(update_fields=["language"])
        choices = {name.partition(".")[::2]: value for name, value in self.cleaned_data.items() if "." in name}
        save_preferences(self.account, choices)
