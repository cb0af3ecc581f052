"""Redis and Valkey as a broker that is not trusted: an entry that is no message is dropped and does not end the worker.

kombu reads entries of its lists and hashes as its own JSON, and lets what goes wrong end the process.
"""

from __future__ import annotations

import logging
from queue import Empty
from typing import Any

import redis
from kombu.transport import redis as kombu_redis

logger = logging.getLogger(__name__)
# What an entry that kombu did not write raises while it is read as one.
UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError, OverflowError, redis.DataError)


class QoS(kombu_redis.QoS):
    def restore_by_tag(self, tag: Any, client: Any = None, leftmost: bool = False) -> None:
        """Give a message out again; one that cannot be read is forgotten, or it would keep all others back."""
        try:
            super().restore_by_tag(tag, client=client, leftmost=leftmost)
        except (*UNREADABLE, redis.ResponseError) as error:
            _dropped(error)
            with self.channel.conn_or_acquire(client) as connection:
                for key, command in ((self.unacked_index_key, "zrem"), (self.unacked_key, "hdel")):
                    try:
                        getattr(connection, command)(key, tag)
                    except redis.ResponseError:  # another kind of key in its place
                        connection.delete(key)


class Channel(kombu_redis.Channel):
    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except UNREADABLE as error:
            _dropped(error)
            raise Empty from error
        except redis.ResponseError as error:
            # Another kind of key stands in the place of the queue: as if the broker were away, until it is removed.
            raise redis.ConnectionError(f"The queue cannot be read: {error}") from error


class Transport(kombu_redis.Transport):
    Channel = Channel


def _dropped(error: Exception) -> None:
    logger.warning("An entry of the broker was dropped: it is no message (%s).", type(error).__name__)
