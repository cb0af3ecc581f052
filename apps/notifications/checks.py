"""Settings of notifications that no worker could use."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register

from apps.notifications.channels.chat import PRODUCTS
from apps.notifications.quiet_hours import configured_quiet_hours
from apps.notifications.webhooks.addresses import allowed_networks


@register()
def check_notification_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report invalid settings at the start; a worker would notice them later, and send nothing."""
    messages: list[CheckMessage] = []
    try:
        configured_quiet_hours()
    except ValueError as error:
        messages.append(Error(f"QUIET_HOURS or QUIET_DAYS cannot be read: {error}", hint=HINT, id="hundred.E011"))
    if settings.NOTIFICATIONS_PER_SECOND < 1 / 60:
        messages.append(Error("NOTIFICATIONS_PER_SECOND must be at least one a minute.", id="hundred.E012"))
    try:
        allowed_networks()
    except ValueError as error:
        messages.append(Error(f"WEBHOOK_ALLOWED_NETWORKS cannot be read: {error}", hint=NETWORKS, id="hundred.E013"))
    return messages


@register()
def check_chat_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report a chat product that is set up by half, a second one, and a secret that no request can carry."""
    messages: list[CheckMessage] = []
    given = {name: str(getattr(settings, name)) for name in CHAT_SECRETS}
    dingtalk = [name for name, value in given.items() if name.startswith("DINGTALK_") and value]
    if len(dingtalk) not in (0, 3):
        messages.append(Error("DingTalk needs DINGTALK_APP_KEY, _APP_SECRET and _AGENT_ID.", id="hundred.E020"))
    if sum(product.is_configured() for product in PRODUCTS) > 1:
        messages.append(Error("Only one chat product can be set up: DingTalk or Slack.", id="hundred.E021"))
    messages += [
        Error(f"{name} has a space, a line break or a letter that a request cannot carry.", id="hundred.E022")
        for name, value in given.items()
        if value and not (value.isascii() and value.isprintable() and " " not in value)
    ]
    return messages


@register(Tags.security, deploy=True)
def check_chat_addresses(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The address of a chat product receives its secret and messages to employees."""
    messages: list[CheckMessage] = []
    for name, hosts in CHAT_HOSTS.items():
        address = urlsplit(getattr(settings, name))
        if address.scheme != "https" or address.username or address.query or address.fragment:
            messages.append(Error(f"{name} must be an https:// address without a user.", id="hundred.E023"))
        elif address.hostname not in hosts:
            text = f"{name} names {address.hostname}, which is not the product's published host."
            messages.append(checks.Warning(text, hint=f"Usually {' or '.join(hosts)}.", id="hundred.W020"))
    return messages


CHAT_SECRETS = ("DINGTALK_APP_KEY", "DINGTALK_APP_SECRET", "DINGTALK_AGENT_ID", "SLACK_BOT_TOKEN")
CHAT_HOSTS = {
    "DINGTALK_URL": ("oapi.dingtalk.com", "oapi.dingtalk.io"),
    "SLACK_URL": ("slack.com", "slack-gov.com"),
}
NETWORKS = "Networks such as 10.20.0.0/16, separated by commas."
HINT = "QUIET_HOURS=20:00-08:00 and QUIET_DAYS=sat,sun, or nothing after the equals sign."
