"""The channels that send notifications. The list in the application needs no sending."""

from apps.notifications.channels.base import Channel
from apps.notifications.channels.email import EmailChannel

CHANNELS: dict[str, Channel] = {channel.name: channel for channel in (EmailChannel(),)}


def configured() -> frozenset[str]:
    """The names of the channels of this installation, with that of the list in the application."""
    return frozenset({"app"} | {name for name, channel in CHANNELS.items() if channel.is_configured()})
