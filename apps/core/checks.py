"""System checks that say plainly what an installation lacks."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Info, Tags, register

from apps.core.identity import signing_seed

KEY_HINT = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' makes one. Keep it with the other secrets."


@register(Tags.security, deploy=True)
def two_roles(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """One database role for everything works, with less between a mistake and the facts."""
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
    """Without it there is no result; of a server's processes the worker alone needs it."""
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
    """Whoever keeps people's names for ever should have meant it; whoever asks them should be told whom to ask."""
    found: list[CheckMessage] = []
    if not settings.RETENTION_DAYS or not settings.RETENTION_LEAVER_DAYS:
        told = "RETENTION_DAYS or RETENTION_LEAVER_DAYS is 0: contacts' names, phones and e-mails are kept for ever."
        found.append(checks.Warning(told, hint="docs/privacy.md says what the days begin with.", id="hundred.W004"))
    if not settings.PRIVACY_CONTACT:
        told = "PRIVACY_CONTACT is not set: the page /privacy/ names nobody to whom a person can turn."
        found.append(Info(told, hint="An e-mail address or an https address.", id="hundred.I005"))
    return found


@register(Tags.security)
def usable_signing_key(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Found at the start, not on the night of the deadline."""
    try:
        if settings.SIGNING_KEY:
            signing_seed(settings.SIGNING_KEY)
    except ValueError:
        return [Error("SIGNING_KEY is no key: 32 random bytes as base64 are wanted.", hint=KEY_HINT, id="hundred.E003")]
    return []
