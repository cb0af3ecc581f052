"""System checks that name what an installation lacks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Info, Tags, register

from apps.core.identity import signing_seed

KEY_HINT = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' makes one. Store it with the other secrets."


@register(Tags.security, deploy=True)
def two_roles(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """One database role for everything works, but protects the facts less against mistakes."""
    if "owner" in settings.DATABASES:
        return []
    return [
        Info(
            "DATABASE_OWNER_URL is not set here: where the application's role also owns the tables, only triggers keep "
            "the audit trail and the rules of campaigns unchanged, and that role could drop them.",
            hint="Give the application a role of its own in DATABASE_URL, and run migrate with DATABASE_OWNER_URL.",
            id="hundred.I001",
        )
    ]


@register(Tags.security, deploy=True)
def signing_key(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Without the key there is no result; of a server's processes only the worker needs it."""
    if settings.SIGNING_KEY:
        return []
    return [
        checks.Warning(
            "SIGNING_KEY is not set: this process can sign nothing. Unless the worker has it, no campaign is opened "
            "and none is frozen.",
            hint=KEY_HINT,
            id="hundred.W002",
        )
    ]


@register(deploy=True)
def retention(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The operator must choose to keep personal data without limit, and should name a contact for questions about
    it.
    """
    messages: list[CheckMessage] = []
    if not settings.RETENTION_DAYS or not settings.RETENTION_LEAVER_DAYS:
        text = "RETENTION_DAYS or RETENTION_LEAVER_DAYS is 0: contacts' names, phones and e-mails are never deleted."
        messages.append(checks.Warning(text, hint="docs/privacy.md explains when the days start.", id="hundred.W004"))
    if not settings.PRIVACY_CONTACT:
        text = "PRIVACY_CONTACT is not set: the page /privacy/ names no contact for questions."
        messages.append(Info(text, hint="An e-mail address or an https address.", id="hundred.I005"))
    return messages


@register(Tags.security)
def usable_signing_key(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Reports an invalid key at the start, not on the night of the deadline."""
    try:
        if settings.SIGNING_KEY:
            signing_seed(settings.SIGNING_KEY)
    except ValueError:
        return [Error("SIGNING_KEY is no key: it must be 32 random bytes as base64.", hint=KEY_HINT, id="hundred.E003")]
    return []
