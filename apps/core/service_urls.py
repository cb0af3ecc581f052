"""Configured addresses: the public address, the broker and the cache."""

from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

# Schemes whose connection is encrypted.
ENCRYPTED = frozenset({"rediss", "amqps"})
# Brokers inside this process.
IN_PROCESS = frozenset({"memory"})


def public_address(text: str, *, local: bool) -> str:
    """BASE_URL without its final slash. Raises ImproperlyConfigured unless it is an origin, on servers with https."""
    address = urlsplit(text.strip())
    schemes = ("https", "http") if local else ("https",)
    if address.scheme not in schemes or not address.hostname or address.username or address.query or address.fragment:
        raise ImproperlyConfigured(f"BASE_URL must be an {schemes[0]}:// address such as https://hundred.example.com.")
    if address.path.strip("/"):
        raise ImproperlyConfigured("BASE_URL takes no path: Hundred is served at the root of a host.")
    return f"{address.scheme}://{address.netloc}"


def missing_protection(url: str) -> list[str]:
    """What a broker or cache at this address lacks: `TLS`, `a password`. Empty for addresses on this machine."""
    address = urlsplit(url)
    scheme, _, kind = address.scheme.partition("+")
    # kombu writes a socket as redis+socket://, the client library as unix://, limits as redis+unix://.
    if scheme in {"", "unix"} | IN_PROCESS or kind in ("socket", "unix") or _is_loopback(address.hostname):
        return []
    # Without verification, TLS encrypts for any server that answers at the address.
    verified = not {"none", "CERT_NONE"} & set(parse_qs(address.query).get("ssl_cert_reqs", []))
    return [
        *([] if scheme in ENCRYPTED and verified else ["TLS"]),
        *([] if address.password else ["a password"]),
    ]


def default_cache_url(broker_url: str) -> str:
    """The cache on the Redis or Valkey that is the broker: the next database, or none for other brokers."""
    address = urlsplit(broker_url)
    if address.scheme.partition("+")[0] not in ("redis", "rediss"):
        return ""
    if address.scheme.endswith("+socket"):
        number = int((parse_qs(address.query).get("virtual_host") or ["0"])[0])
        return f"unix://{_credentials(address.netloc)}{address.path}?db={number + 1}"
    # The next database keeps `FLUSHDB` of the cache away from the messages.
    path = address.path.strip("/")
    return address._replace(path=f"/{int(path or 0) + 1}").geturl() if path.isdecimal() or not path else broker_url


def cache_settings(url: str) -> dict[str, Any]:
    """The backend of Django's cache at this address; without one the memory of each process."""
    if not url:
        # With the default of 300 entries, typing many names would evict the counters of other users.
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 100_000}}
    return {"BACKEND": "apps.core.cache.JsonRedisCache", "LOCATION": _client_url(url)}


def rates_storage(url: str) -> str:
    """Where the rate limits count: this cache, or without one the memory of each process."""
    return _client_url(url).replace("unix://", "redis+unix://", 1) if url else "memory://"


def location_of(url: str) -> tuple[str, str, str, str]:
    """(server, database, user, password): equal for two addresses that reach the same keys with the same rights."""
    address = urlsplit(_client_url(url))
    query = parse_qs(address.query)
    database = (query.get("db") or query.get("virtual_host") or [""])[0]
    if address.scheme == "unix":
        return "", f"{address.path}?{database or 0}", address.username or "", address.password or ""
    server = f"{address.hostname}:{address.port or 6379}"
    return server, database or address.path.strip("/") or "0", address.username or "", address.password or ""


def _client_url(url: str) -> str:
    # Celery writes a socket's address as redis+socket://, the client library as unix://.
    return url.replace("redis+socket://", "unix://", 1)


def _credentials(netloc: str) -> str:
    return f"{netloc.rpartition('@')[0]}@" if "@" in netloc else ""


def _is_loopback(host: str | None) -> bool:
    # Traffic on the loopback interface never leaves the machine, so it needs neither TLS nor a password.
    if host in (None, "localhost"):
        return True
    try:
        return ip_address(unquote(host or "")).is_loopback
    except ValueError:
        return False
