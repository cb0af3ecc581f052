"""System checks for the list of breached passwords."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Tags, register

from apps.accounts.breached_passwords import PasswordListError, check_list_format

HINT = "docs/deployment.md explains how to make such a list. Without BREACHED_PASSWORDS, no list is used."


@register(Tags.security)
def check_breached_passwords_file(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Report an unusable list at start-up, before the first user sets a password."""
    if not settings.BREACHED_PASSWORDS:
        return []
    try:
        check_list_format(Path(settings.BREACHED_PASSWORDS))
    except PasswordListError as error:
        return [Error(f"BREACHED_PASSWORDS: {settings.BREACHED_PASSWORDS} {error}.", hint=HINT, id="hundred.E006")]
    return []


@register(Tags.security, deploy=True)
def suggest_breached_passwords(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Suggest a list of breached passwords, because Django's list of common passwords is short."""
    if settings.BREACHED_PASSWORDS:
        return []
    message = "BREACHED_PASSWORDS is not set: leaked passwords are accepted, except the most common ones."
    return [Info(message, hint="docs/deployment.md explains how to make a list of them.", id="hundred.I007")]
