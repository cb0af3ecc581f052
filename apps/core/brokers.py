"""The options for each kind of broker. The address alone decides which kind it is; all other code is the same."""

from typing import Any

# A process that publishes a task waits no longer than this for a single answer.
CONNECT_TIMEOUT_SECONDS = 0.2
# A broker gives an unacknowledged task to another worker after this time. It must exceed the longest task, or that task
# runs twice.
VISIBILITY_TIMEOUT_SECONDS = 3600

# Not Celery's own name: a queue cannot be declared again with another type.
QUEUE = "hundred"
# On RabbitMQ a quorum queue, which survives its node and confirms after writing to disk. Redis has no such arguments.
QUEUE_ARGUMENTS = {"x-queue-type": "quorum", "x-consumer-timeout": VISIBILITY_TIMEOUT_SECONDS * 1000}

# No retries inside the client: a request must not wait for a broker that is away, and the sweep finds the work.
_COMMON: dict[str, Any] = {"max_retries": 0, "interval_start": 0}
_REDIS: dict[str, Any] = {
    "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
    # kombu looks for messages of dead workers every interval x throttle seconds, by default every 100.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_connect_timeout": CONNECT_TIMEOUT_SECONDS,
    "socket_timeout": 1.0,  # a server that accepts and then hangs must not block the publisher
}
# Without a confirmation, RabbitMQ may lose a message that the publisher believes sent.
_RABBITMQ: dict[str, Any] = {"confirm_publish": True}
_BY_SCHEME: dict[str, dict[str, Any]] = {
    "redis": _REDIS,
    "rediss": _REDIS,
    "unix": _REDIS,
    "amqp": _RABBITMQ,
    "amqps": _RABBITMQ,
}


def transport_options(url: str) -> dict[str, Any]:
    """The options of the client library for the broker at this address."""
    scheme = url.partition(":")[0].partition("+")[0].lower()
    return _COMMON | _BY_SCHEME.get(scheme, {})
