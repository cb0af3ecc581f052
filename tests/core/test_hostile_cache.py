"""A cache in hostile hands (T2): its values run no code, break no page and sign no user in."""

import os
import pickle
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.core.cache import caches
from django.core.cache.backends.redis import RedisSerializer
from django.test import Client

from apps.accounts.login_throttling import WAIT
from apps.accounts.models import Account
from apps.campaigns.models import Campaign
from apps.core import rate_limits
from apps.core.cache import JsonSerializer
from apps.core.rate_limits import Kind
from apps.employees.models import Employee
from tests import people

pytestmark = pytest.mark.django_db
SEED = int(os.environ.get("FUZZ_SEED") or 20261130)
CASES = int(os.environ.get("FUZZ_CASES") or 200) // 10
DEEP = b"[" * 100_000
NOT_NUMBERS = [
    b"", b"\x00", b"NaN", b"1e999", b"-1", b"true", b"null", b'"12"', b"[1]", b'{"a": 1}', b"9" * 5_000, b"1.5", DEEP,
    "１２".encode(), b"\xff\xfe", b"12 ",
]  # fmt: skip


class Bomb:
    """When unpickled, it creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.fixture
def server(valkey: str, settings: Any) -> Iterator[redis.Redis]:
    """The cache and the rate counters in a Valkey whose keys this test can write."""
    path = valkey.removeprefix("redis+socket://")
    before = settings.CACHES["default"]
    settings.CACHES = {"default": {
        "BACKEND": "apps.core.cache.JsonRedisCache", "LOCATION": f"unix://{path}?db=1", "KEY_PREFIX": "hundred",
    }}  # fmt: skip
    settings.RATES_STORAGE = f"redis+unix://{path}?db=1"
    settings.RATES = {kind.value: "100/minute" for kind in Kind}
    client = redis.Redis(unix_socket_path=path, db=1)
    yield client
    client.close()
    caches["default"]._cache._get_connection_pool(True).disconnect()
    rate_limits._counters(settings.RATES_STORAGE).windows.storage.storage.close()
    settings.CACHES = {"default": before}


def sign_in(password: str) -> int:
    status: int = Client().post("/login/", {"username": "A001", "password": password}).status_code
    return status


def poison(server: redis.Redis, value: Any) -> list[bytes]:
    """Replace all stored values with this one, with their expiry times."""
    keys: list[bytes] = list(server.scan_iter())
    for key in keys:
        server.delete(key)
        if isinstance(value, list):
            server.rpush(key, *value)
        else:
            server.set(key, value)
    return keys


def values(bomb: Path) -> list[Any]:
    chance = random.Random(SEED)
    pickles = [pickle.dumps(Bomb(bomb), protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    return [*pickles, *NOT_NUMBERS, [b"a", b"list"], *(chance.randbytes(chance.randint(1, 200)) for _n in range(CASES))]


def test_no_cached_value_runs_code_breaks_or_grants_a_sign_in(
    server: redis.Redis, alice: Employee, campaign: Campaign, tmp_path: Path
) -> None:
    bomb = tmp_path / "went off"
    Account.objects.get(employee=alice)
    for value in values(bomb):
        # The keys of a failure of this name, of its address, and of the rates.
        sign_in("wrong")
        assert len(poison(server, value)) >= 3
        assert sign_in("wrong") in (200, 429), (value[:20], SEED)
        server.flushdb()
        assert sign_in(people.PASSWORD) == 302, "an earlier value never expires"
        assert not bomb.exists()
        server.flushdb()


def test_with_pickle_the_same_bytes_run_code(
    server: redis.Redis, alice: Employee, campaign: Campaign, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant: Django's own serializer."""
    monkeypatch.setattr(JsonSerializer, "loads", lambda _self, data: RedisSerializer().loads(data))
    sign_in("wrong")
    poison(server, pickle.dumps(Bomb(tmp_path / "went off")))
    sign_in("wrong")
    assert (tmp_path / "went off").exists()


@pytest.mark.parametrize("value", [*NOT_NUMBERS, [b"a", b"list"]])
def test_an_invalid_counter_starts_again_from_zero(server: redis.Redis, value: Any) -> None:
    """Otherwise an address could never sign in again, because a broken counter never expires."""
    rate_limits.enforce_rate_limit(Kind.SIGN_IN, "somebody")
    poison(server, value)
    for _try in range(3):
        rate_limits.enforce_rate_limit(Kind.SIGN_IN, "somebody")


@pytest.mark.parametrize("seconds", [None, 10_000_000])
def test_a_forged_counter_locks_no_account_longer_than_the_normal_wait(
    server: redis.Redis, alice: Employee, seconds: int | None
) -> None:
    """Otherwise one write locks an address out permanently, long after the access is closed."""
    sign_in("wrong")
    keys = [key for key in server.scan_iter() if b"failed-" in key]
    assert len(keys) == 2
    for key in keys:
        server.set(key, 999, ex=seconds)
    assert sign_in(people.PASSWORD) == 429
    assert all(0 < server.ttl(key) <= WAIT.total_seconds() for key in keys)
    for key in keys:
        server.expire(key, 60)
    assert sign_in(people.PASSWORD) == 429
    assert all(server.ttl(key) <= 60 for key in keys), "attempts during the wait do not extend it"


def test_the_applications_own_values_are_read_back(server: redis.Redis) -> None:
    cache = caches["default"]
    for value in (1, 0, -5, True, "y", ["a", 1.5, None], {"a": [1]}):
        cache.set("key", value)
        assert cache.get("key") == value
        assert type(cache.get("key")) is type(value)
    cache.set("count", 41)
    assert cache.incr("count") == 42
    cache.set_many({"a": 1, "b": "two"})
    assert cache.get_many(["a", "b", "c"]) == {"a": 1, "b": "two"}


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", float("nan")])
def test_nothing_but_numbers_and_json_can_be_stored(server: redis.Redis, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        caches["default"].set("key", value)
