"""The cache holds numbers and JSON. Whoever can write to it must not thereby run code here, nor break a page.

Django's own serializer unpickles what it reads, which is whatever anybody with access to the server has stored.
"""

from __future__ import annotations

import json
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import ResponseError

# What reading a value that nobody here wrote may raise; json recurses as deep as it is nested.
UNREADABLE = (ResponseError, ValueError, RecursionError)


class Plain:
    """Numbers as Redis counts them, everything else as JSON. `loads` raises ValueError for anything else."""

    def dumps(self, value: Any) -> int | bytes:
        # Redis can only count what is stored as a number; True is none.
        return value if type(value) is int else json.dumps(value, allow_nan=False).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class PlainClient(RedisCacheClient):
    """Takes a key that holds something else for one that is not there, and drops it."""

    def get(self, key: Any, default: Any) -> Any:
        try:
            return super().get(key, default)
        except UNREADABLE:
            self.delete(key)
            return default

    def get_many(self, keys: Any) -> dict[Any, Any]:
        missing = object()
        found = {key: self.get(key, missing) for key in keys}
        return {key: value for key, value in found.items() if value is not missing}

    def incr(self, key: Any, delta: int) -> Any:
        """Raises ValueError, as for a missing key, where what is stored cannot be counted."""
        try:
            return super().incr(key, delta)
        except ResponseError as error:
            self.delete(key)
            raise ValueError(f"Key {key!r} held no number.") from error

    def end_within(self, key: Any, seconds: int) -> None:
        """Let a key that has no end, or a later one, end in so many seconds."""
        client = self.get_client(key, write=True)
        if not 0 <= client.ttl(key) <= seconds:
            client.expire(key, seconds)


class PlainRedisCache(RedisCache):
    """Django's Redis cache without pickle."""

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, {**params, "OPTIONS": {**params.get("OPTIONS", {}), "serializer": Plain}})
        self._class = PlainClient

    def end_within(self, key: str, seconds: int) -> None:
        """Let a key that has no end, or a later one, end in so many seconds."""
        client: Any = self._cache
        client.end_within(self.make_and_validate_key(key), seconds)
