"""System checks of the configured services."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.http.request import validate_host

from apps.core.service_urls import location_of, weaknesses

TRUST_HINT = (
    "rediss://user:password@host:6380/0 or amqps://user:password@host:5671//; a server on this machine needs neither. "
    "docs/deployment.md, Broker and cache."
)


@register(Tags.security, deploy=True)
def guarded_broker(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Network connections must be encrypted and need a password."""
    urls = {"CELERY_BROKER_URL": settings.CELERY_BROKER_URL, "CACHE_URL": settings.CACHE_URL}
    return [
        Error(f"{name} names another host without {' and without '.join(lacking)}.", hint=TRUST_HINT, id="hundred.E008")
        for name, url in urls.items()
        if (lacking := weaknesses(url))
    ]


@register(Tags.security, deploy=True)
def cache_apart(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Access to the broker should not give access to the cache."""
    broker, cache = settings.CELERY_BROKER_URL, settings.CACHE_URL
    if not broker or not cache or location_of(broker) != location_of(cache):
        return []
    hint = "Give the cache another database, and better another user of Redis or Valkey."
    return [
        checks.Warning("CACHE_URL and CELERY_BROKER_URL share one database and user.", hint=hint, id="hundred.W009")
    ]


@register(Tags.security, deploy=True)
def reachable_links(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """A link in a mail to a host that Hundred does not serve is broken."""
    host = urlsplit(settings.BASE_URL).hostname or ""
    if validate_host(f"[{host}]" if ":" in host else host, settings.ALLOWED_HOSTS):
        return []
    return [Error(f"BASE_URL names {host}, which is not in ALLOWED_HOSTS.", id="hundred.E010")]
