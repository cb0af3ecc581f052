"""The cache holds numbers and JSON. A user with write access to it must not be able to run code or break a page.

Django's own serializer unpickles any value that the server holds.
"""

import json
from typing import Any

from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import ResponseError

# Exceptions from reading a foreign value; json recurses as deep as the value is nested.
VALUE_ERRORS = (ResponseError, ValueError, RecursionError)


class JsonSerializer:
    """Numbers as Redis counts them, all other values as JSON. `loads` raises ValueError for anything else."""

    def dumps(self, value: Any) -> int | bytes:
        # Redis can count only stored numbers; True is not one.
        return value if type(value) is int else json.dumps(value, allow_nan=False).encode()

    def loads(self, data: bytes) -> Any:
        return json.loads(data)


class JsonCacheClient(RedisCacheClient):
    """Treats a key with an unreadable value as missing, and deletes it."""

    def get(self, key: Any, default: Any) -> Any:
        try:
            return super().get(key, default)
        except VALUE_ERRORS:
            self.delete(key)
            return default

    def get_many(self, keys: Any) -> dict[Any, Any]:
        # One by one, and not by MGET: one unreadable value must not hide the readable ones.
        missing = object()
        values = {key: self.get(key, missing) for key in keys}
        return {key: value for key, value in values.items() if value is not missing}

    def incr(self, key: Any, delta: int) -> Any:
        """Raises ValueError, as for a missing key, where the stored value is not a number."""
        try:
            return super().incr(key, delta)
        except ResponseError as error:
            self.delete(key)
            raise ValueError(f"Key {key!r} held no number.") from error


class JsonRedisCache(RedisCache):
    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        # Django takes a serializer only from OPTIONS; the class of the client only from this attribute.
        super().__init__(server, {**params, "OPTIONS": {**params.get("OPTIONS", {}), "serializer": JsonSerializer}})
        self._class = JsonCacheClient

    def limit_ttl(self, key: str, seconds: int) -> None:
        """Set the expiry of a key without one, or with a later one, to this many seconds."""
        # The private attribute is Django's own way to its client; it has no public method for this command.
        stored_key, django_client = self.make_and_validate_key(key), self._cache
        client = django_client.get_client(stored_key, write=True)
        if not 0 <= client.ttl(stored_key) <= seconds:
            client.expire(stored_key, seconds)
