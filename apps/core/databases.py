"""The settings of a PostgreSQL connection, from its URL and the limits of the environment."""

import re
from typing import Any
from urllib.parse import unquote

from django.core.exceptions import ImproperlyConfigured

from apps.core.secret_files import Environment

# Without these, a machine that lost its power holds a request until TCP gives up, after many minutes.
DEAD_MACHINE_OPTIONS = {
    "connect_timeout": "2", "tcp_user_timeout": "3000",
    "keepalives_idle": "2", "keepalives_interval": "1", "keepalives_count": "3",
}  # fmt: skip


def primary_database(
    name: str, url: str, *, statement_timeout: int, lock_timeout: int, max_age: int, **libpq_options: str
) -> dict[str, Any]:
    """A connection with time limits in milliseconds, 0 for none; `max_age` is in seconds.

    Of several hosts, separated by commas, each with its own port or 5432, libpq takes the first that can be written.
    `libpq_options`: defaults of the connection that the URL may change. Raises ImproperlyConfigured for another kind
    of database.
    """
    database: dict[str, Any] = Environment.db_url_config(url)
    if database["ENGINE"] != "django.db.backends.postgresql":
        raise ImproperlyConfigured(f"{name} must name a PostgreSQL database: postgres://user:password@host/name")
    # JIT compiles longer than any statement here runs. A statement whose client has died ends within a second, and its
    # session's locks with it.
    limits = "-c jit=off -c client_connection_check_interval=1000"
    limits += f" -c lock_timeout={lock_timeout} -c statement_timeout={statement_timeout}"
    given = database.get("OPTIONS", {})
    options = {"connect_timeout": "5"}
    if "," in str(given.get("host") or database["HOST"]):
        options = DEAD_MACHINE_OPTIONS | {"target_session_attrs": "read-write"}
    if "," in database["HOST"]:
        database |= _hosts_and_ports(url)
    options |= libpq_options | given
    # The data is in memory or on an SSD: reading a page by an index costs no more than in sequence.
    # Of two settings with one name PostgreSQL takes the last: the URL may change the page cost, and not the limits.
    options["options"] = " ".join(filter(None, ("-c random_page_cost=1.1", options.get("options"), limits)))
    return database | {"OPTIONS": options, "CONN_MAX_AGE": max_age, "CONN_HEALTH_CHECKS": True}


def _hosts_and_ports(url: str) -> dict[str, str]:
    """As libpq reads them: a port belongs to its host alone, and an IPv6 address loses its brackets."""
    addresses = url.partition("?")[0].rpartition("@")[2].partition("/")[0].split(",")
    pairs = [re.fullmatch(r"\[?(.*?)\]?(?::(\d+))?", address) for address in addresses]
    found = [(unquote(pair[1]), pair[2] or "5432") for pair in pairs if pair]
    return {"HOST": ",".join(host for host, _port in found), "PORT": ",".join(port for _host, port in found)}


def replica_database(name: str, url: str, *, statement_timeout: int, lock_timeout: int, max_age: int) -> dict[str, Any]:
    """A read-only connection that gives up an unreachable server within seconds; the primary is worth a longer wait."""
    database = primary_database(
        name, url, statement_timeout=statement_timeout, lock_timeout=lock_timeout, max_age=max_age,
        target_session_attrs="any", **DEAD_MACHINE_OPTIONS,
    )  # fmt: skip
    # A standby refuses writes anyway. This also protects a server that was promoted while this process still uses it.
    database["OPTIONS"]["options"] += " -c default_transaction_read_only=on"
    # Each read scope begins with a query, which finds a broken connection.
    return database | {"CONN_HEALTH_CHECKS": False, "TEST": {"MIRROR": "default"}}
