"""The channels that send notifications. The list in the application needs no sending."""

from django.utils.functional import Promise

from apps.notifications import models
from apps.notifications.channels.base import DeliveryChannel
from apps.notifications.channels.chat import ChatChannel
from apps.notifications.channels.email import EmailChannel

CHANNELS: dict[str, DeliveryChannel] = {channel.name: channel for channel in (EmailChannel(), ChatChannel())}


def configured() -> frozenset[str]:
    """The names of the channels of this installation, with that of the list in the application."""
    return frozenset({"app"} | {name for name, channel in CHANNELS.items() if channel.is_configured()})


def label_of(name: str) -> str | Promise:
    """What people call a channel; the name itself for an unknown one."""
    if name in CHANNELS:
        return CHANNELS[name].label
    return models.Channel(name).label if name in models.Channel.values else name
