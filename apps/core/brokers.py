"""How each kind of broker is spoken to. Which one it is, the address alone says; everything else is the same code."""

from typing import Any

# Whoever rings the doorbell waits for no single answer longer than this (seconds).
PATIENCE = 0.2
# How long a broker waits for a task that was given out and not acknowledged, before it gives it to somebody else:
# longer than a task may take, or it would run twice.
GIVEN_OUT_FOR = 3600

# Another name than Celery's own: a queue of one type is never declared again as another.
QUEUE = "hundred"
# On RabbitMQ a queue that survives its node, written to disk before it is confirmed. Redis does not know the words.
QUEUE_ARGUMENTS = {"x-queue-type": "quorum", "x-consumer-timeout": GIVEN_OUT_FOR * 1000}

_EVERY: dict[str, Any] = {"max_retries": 0, "interval_start": 0}
_REDIS: dict[str, Any] = {
    "visibility_timeout": GIVEN_OUT_FOR,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": PATIENCE,
    "socket_timeout": 1.0,  # a server that accepts and then hangs must not hang whoever rings
}
_RABBITMQ: dict[str, Any] = {"confirm_publish": True}
_OF_SCHEME: dict[str, dict[str, Any]] = {
    "redis": _REDIS,
    "rediss": _REDIS,
    "unix": _REDIS,
    "amqp": _RABBITMQ,
    "amqps": _RABBITMQ,
}


def transport_options(url: str) -> dict[str, Any]:
    """The options of the library that speaks to the broker at this address."""
    scheme = url.partition(":")[0].partition("+")[0].lower()
    return _EVERY | _OF_SCHEME.get(scheme, {})
