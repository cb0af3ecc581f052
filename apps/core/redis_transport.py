"""Redis and Valkey as an untrusted broker: an invalid entry is dropped and does not end the worker.

kombu reads entries of its lists and hashes as its own JSON, and an error ends the process.
"""

import logging
from collections.abc import Callable, Mapping
from queue import Empty
from typing import Any

import redis
from kombu.transport import redis as kombu_redis

logger = logging.getLogger(__name__)
# Exceptions from reading an entry that kombu did not write.
ENTRY_ERRORS = (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError, redis.DataError)


class QoS(kombu_redis.QoS):
    def append(self, message: Any, delivery_tag: Any) -> None:
        self._retry_after_repair(lambda: super(QoS, self).append(message, delivery_tag))

    def ack(self, delivery_tag: Any) -> None:
        self._retry_after_repair(lambda: super(QoS, self).ack(delivery_tag))

    def restore_visible(self, *arguments: Any, **options: Any) -> None:
        self._retry_after_repair(lambda: super(QoS, self).restore_visible(*arguments, **options))

    def _retry_after_repair(self, operation: Callable[[], None]) -> None:
        # kombu's own types of these keys; a writer to the broker may have put another type in their place.
        kinds = {self.unacked_key: b"hash", self.unacked_index_key: b"zset"}
        with self.channel.conn_or_acquire() as connection:
            _retry_after_repair(connection, kinds, operation)

    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Deliver a message again; an unreadable one is dropped, or it would block all others."""
        try:
            super().restore_by_tag(tag, client=client, leftmost=leftmost)
        except (*ENTRY_ERRORS, redis.ResponseError) as error:
            _log_dropped(error)
            with self.channel.conn_or_acquire(client) as connection:
                for key, command in ((self.unacked_index_key, "zrem"), (self.unacked_key, "hdel")):
                    try:
                        getattr(connection, command)(key, tag)
                    except redis.ResponseError:  # a key of another type in its place
                        connection.delete(key)


class Channel(kombu_redis.Channel):
    QoS = QoS

    def _size(self, queue: str) -> int:
        kinds = {self._q_for_pri(queue, priority): b"list" for priority in self.priority_steps}
        with self.conn_or_acquire() as connection:
            return int(_retry_after_repair(connection, kinds, lambda: super(Channel, self)._size(queue)))

    def _queue_bind(self, exchange: str, *arguments: Any) -> None:
        kinds = {key % (exchange,): b"set" for key in (self.keyprefix_queue, self.keyprefix_binding_permanent)}
        with self.conn_or_acquire() as connection:
            _retry_after_repair(connection, kinds, lambda: super(Channel, self)._queue_bind(exchange, *arguments))

    def _do_restore_message(
        self, payload: Any, exchange: Any, routing_key: Any, pipe: Any, leftmost: bool = False
    ) -> None:
        """Raises the exceptions in UNREADABLE: kombu itself would log the whole entry and lose the message."""
        parts = (payload, payload["headers"], payload["properties"], payload["properties"]["delivery_info"])
        if not all(isinstance(part, dict) for part in parts):
            raise TypeError("no message")
        self._lookup(exchange, routing_key)
        super()._do_restore_message(payload, exchange, routing_key, pipe, leftmost)

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except ENTRY_ERRORS as error:
            _log_dropped(error)
            raise Empty from error
        except redis.ResponseError as error:
            # A key of another type has the queue's name: treated as an unreachable broker. The next connection deletes
            # it when it declares the queue.
            raise redis.ConnectionError(f"The queue cannot be read: {error}") from error


# Registered for redis:// and rediss:// in config.celery, because kombu has no setting for the classes of a channel.
class Transport(kombu_redis.Transport):
    Channel = Channel


def _retry_after_repair(connection: Any, kinds: Mapping[str, bytes], operation: Callable[[], Any]) -> Any:
    """The result of the operation; keys of the wrong type are deleted, because they hold no message."""
    try:
        return operation()
    except redis.ResponseError:
        for key, kind in kinds.items():
            if connection.type(key) not in (kind, b"none"):
                connection.delete(key)
                logger.warning("A key of the broker was deleted: it is not a %s.", kind.decode())
        return operation()


def _log_dropped(error: Exception) -> None:
    logger.warning("An entry of the broker was dropped: it is not a message (%s).", type(error).__name__)
