"""The settings of a PostgreSQL connection, from its URL and the limits of the environment."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from apps.core.secret_files import Environment


def primary_database(
    name: str, url: str, *, statement_timeout: int, lock_timeout: int, max_age: int, **libpq_options: str
) -> dict[str, Any]:
    """A connection with time limits in milliseconds, 0 for none; `max_age` is in seconds.

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
    options = {"connect_timeout": "5"} | libpq_options | database.get("OPTIONS", {})
    # The data is in memory or on an SSD: reading a page by an index costs no more than in sequence.
    # Of two settings with one name PostgreSQL takes the last: the URL may change the page cost, and not the limits.
    options["options"] = " ".join(filter(None, ("-c random_page_cost=1.1", options.get("options"), limits)))
    return database | {"OPTIONS": options, "CONN_MAX_AGE": max_age, "CONN_HEALTH_CHECKS": True}


def replica_database(name: str, url: str, *, statement_timeout: int, lock_timeout: int, max_age: int) -> dict[str, Any]:
    """A read-only connection that gives up an unreachable server within seconds; the primary is worth a longer wait."""
    database = primary_database(
        name, url, statement_timeout=statement_timeout, lock_timeout=lock_timeout, max_age=max_age,
        # Without these, a machine that lost its power holds a request until TCP gives up, after many minutes.
        connect_timeout="2", tcp_user_timeout="3000",
        keepalives_idle="2", keepalives_interval="1", keepalives_count="3",
    )  # fmt: skip
    # A standby refuses writes anyway. This also protects a server that was promoted while this process still uses it.
    database["OPTIONS"]["options"] += " -c default_transaction_read_only=on"
    # Each read scope begins with a query, which finds a broken connection.
    return database | {"CONN_HEALTH_CHECKS": False, "TEST": {"MIRROR": "default"}}
