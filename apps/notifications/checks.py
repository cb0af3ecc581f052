"""Settings of notifications that no worker could use."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from apps.notifications.quiet_hours import configured_quiet_hours


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
    return messages


HINT = "QUIET_HOURS=20:00-08:00 and QUIET_DAYS=sat,sun, or nothing after the equals sign."
