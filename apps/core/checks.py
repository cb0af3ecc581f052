"""System checks that name what an installation lacks."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Info, Tags, register
from django.http.request import validate_host

from apps.core.service_urls import location_of, missing_protection
from apps.core.signing_key import signing_seed

PROTECTION_HINT = (
    "rediss://user:password@host:6380/0 or amqps://user:password@host:5671//; a server on this machine needs neither. "
    "docs/deployment.md, Broker and cache."
)
KEY_HINT = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))' creates one. Store it with the other secrets."


@register(Tags.security, deploy=True)
def check_database_roles(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
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
def check_signing_key_set(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Without the key there is no result; of a server's processes only the worker needs it."""
    if settings.SIGNING_KEY:
        return []
    return [
        checks.Warning(
            "SIGNING_KEY is not set: this process cannot sign results. Unless the worker has it, no campaign can be "
            "opened or frozen.",
            hint=KEY_HINT,
            id="hundred.W002",
        )
    ]


@register(deploy=True)
def check_retention_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """The operator must choose to keep personal data without limit, and should name a contact for questions about
    it.
    """
    messages: list[CheckMessage] = []
    # 0 means for ever. It is allowed, but as a decision of the operator and not as an oversight.
    if not settings.RETENTION_DAYS or not settings.RETENTION_LEAVER_DAYS:
        text = "RETENTION_DAYS or RETENTION_LEAVER_DAYS is 0: contacts' names, phones and e-mails are never deleted."
        messages.append(checks.Warning(text, hint="docs/privacy.md explains when the days start.", id="hundred.W004"))
    if not settings.PRIVACY_CONTACT:
        text = "PRIVACY_CONTACT is not set: the page /privacy/ shows no contact for questions."
        messages.append(Info(text, hint="An e-mail address or an https address.", id="hundred.I005"))
    return messages


@register(Tags.security)
def check_signing_key_valid(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Reports an invalid key at the start, not on the night of the deadline."""
    try:
        if settings.SIGNING_KEY:
            signing_seed(settings.SIGNING_KEY)
    except ValueError:
        return [Error("SIGNING_KEY is not a key: 32 random bytes as base64.", hint=KEY_HINT, id="hundred.E003")]
    return []


@register(Tags.security, deploy=True)
def check_broker_protection(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Network connections must be encrypted and need a password."""
    urls = {"CELERY_BROKER_URL": settings.CELERY_BROKER_URL, "CACHE_URL": settings.CACHE_URL}
    return [
        Error(
            f"{name} names another host without {' and without '.join(lacking)}.",
            hint=PROTECTION_HINT,
            id="hundred.E008",
        )
        for name, url in urls.items()
        if (lacking := missing_protection(url))
    ]


@register(Tags.security, deploy=True)
def check_cache_separation(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Access to the broker should not give access to the cache."""
    broker, cache = settings.CELERY_BROKER_URL, settings.CACHE_URL
    if not broker or not cache or location_of(broker) != location_of(cache):
        return []
    hint = "Give the cache another database, and better another user of Redis or Valkey."
    return [
        checks.Warning("CACHE_URL and CELERY_BROKER_URL share one database and user.", hint=hint, id="hundred.W009")
    ]


@register(Tags.security, deploy=True)
def check_public_host(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A link in a mail to a host that Hundred does not serve is broken."""
    host = urlsplit(settings.BASE_URL).hostname or ""
    if validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS):
        return []
    return [Error(f"BASE_URL names {host}, which is not in ALLOWED_HOSTS.", id="hundred.E010")]
