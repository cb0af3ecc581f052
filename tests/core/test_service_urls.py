"""Configured addresses: a wrong one mails broken links, or sends data unencrypted."""

import json
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured

from apps.core.service_urls import default_cache_url, location_of, missing_protection, public_address
from scripts.check import PRODUCTION
from tests.config.test_production import run

SHOW = """
import json
from django.conf import settings as s
print(json.dumps([s.CACHES["default"], s.RATES_STORAGE, s.BASE_URL]))
"""


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("https://hundred.example.com", "https://hundred.example.com"),
        ("https://hundred.example.com/", "https://hundred.example.com"),
        (" https://hundred.example.com:8443 ", "https://hundred.example.com:8443"),
    ],
)
def test_the_public_address_is_an_origin(address: str, read: str) -> None:
    assert public_address(address, local=False) == read


@pytest.mark.parametrize(
    "address",
    [
        "http://hundred.example.com", "hundred.example.com", "https://", "https://u:p@hundred.example.com", "ftp://h",
        "https://hundred.example.com/app", "https://hundred.example.com?x=1", "https://hundred.example.com#x", "",
    ],
)  # fmt: skip
def test_an_invalid_public_address_stops_the_start(address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="BASE_URL"):
        public_address(address, local=False)


@pytest.mark.parametrize(
    ("url", "lacking"),
    [
        ("redis://localhost:6379/0", []),
        ("redis://127.0.0.1/0", []),
        ("amqp://guest:guest@[::1]:5672//", []),
        ("redis+socket:///run/valkey.sock", []),
        ("unix://cache:secret@/run/valkey.sock?db=1", []),
        ("memory://", []),
        ("", []),
        ("rediss://broker:secret@queue.example.com:6380/0", []),
        ("amqps://hundred:secret@queue.example.com:5671//", []),
        ("redis://queue.example.com:6379/0", ["TLS", "a password"]),
        ("redis://:secret@queue.example.com:6379/0", ["TLS"]),
        ("rediss://queue.example.com:6380/0", ["a password"]),
        ("rediss://:secret@queue.example.com:6380/0?ssl_cert_reqs=none", ["TLS"]),
        ("amqp://hundred:secret@10.0.0.5:5672//", ["TLS"]),
        ("amqp://10.0.0.5//", ["TLS", "a password"]),
        ("REDIS://queue.example.com/0", ["TLS", "a password"]),
        ("redis://localhost.example.com/0", ["TLS", "a password"]),
        ("redis://127.0.0.1.example.com/0", ["TLS", "a password"]),
    ],
)
def test_only_local_services_need_neither_tls_nor_a_password(url: str, lacking: list[str]) -> None:
    assert missing_protection(url) == lacking


def deploy_errors(settings: Any, **options: Any) -> list[str]:
    for name, value in options.items():
        setattr(settings, name, value)
    return [str(error.id) for error in run_checks(include_deployment_checks=True) if error.id in OURS]


OURS = {"hundred.E008", "hundred.W009", "hundred.E010"}
SAFE = "rediss://broker:secret@queue.example.com:6380/0"
HERE = {"BASE_URL": "https://h.example.com", "ALLOWED_HOSTS": ["h.example.com"]}


@pytest.mark.parametrize(
    ("broker", "cache", "expected"),
    [
        (SAFE, default_cache_url(SAFE), []),
        ("redis://localhost/0", default_cache_url("redis://localhost/0"), []),
        ("amqps://u:p@queue.example.com//", "", []),
        ("redis://queue.example.com/0", "redis://localhost/1", ["hundred.E008"]),
        ("amqp://u:p@queue.example.com//", "redis://queue.example.com/1", ["hundred.E008", "hundred.E008"]),
        (SAFE, SAFE, ["hundred.W009"]),
        ("redis://localhost", "redis://localhost:6379/0", ["hundred.W009"]),
    ],
)
def test_the_deployment_check_reports_an_unprotected_broker(
    settings: Any, broker: str, cache: str, expected: list[str]
) -> None:
    assert deploy_errors(settings, CELERY_BROKER_URL=broker, CACHE_URL=cache, **HERE) == expected


def test_the_deployment_check_reports_links_to_an_unserved_host(settings: Any) -> None:
    quiet = {"CELERY_BROKER_URL": "", "CACHE_URL": "", "ALLOWED_HOSTS": ["hundred.example.com", ".example.org"]}
    assert deploy_errors(settings, BASE_URL="https://other.example.com", **quiet) == ["hundred.E010"]
    assert deploy_errors(settings, BASE_URL="https://hundred.example.com:8443", **quiet) == []
    assert deploy_errors(settings, BASE_URL="https://a.example.org", **quiet) == []


@pytest.mark.parametrize(
    ("broker", "cache"),
    [
        ("redis://queue:6379/0", "redis://queue:6379/1"),
        ("redis://queue", "redis://queue/1"),
        ("rediss://u:p@queue:6379/3?ssl_cert_reqs=required", "rediss://u:p@queue:6379/4?ssl_cert_reqs=required"),
        ("redis+socket:///run/v.sock", "unix:///run/v.sock?db=1"),
        ("redis+socket://u:p@/run/v.sock?virtual_host=2", "unix://u:p@/run/v.sock?db=3"),
        ("amqp://queue//", ""),
        ("memory://", ""),
        ("", ""),
    ],
)
def test_the_cache_on_the_brokers_server_has_a_separate_database(broker: str, cache: str) -> None:
    assert default_cache_url(broker) == cache
    if cache:
        assert location_of(broker) != location_of(cache)


def test_the_cache_and_the_rate_limits_use_no_pickle() -> None:
    values = run(SHOW, **PRODUCTION | {"CELERY_BROKER_URL": "redis://localhost:6379/0"})
    cache, rates, base = json.loads(values.stdout)
    assert cache == {
        "BACKEND": "apps.core.cache.JsonRedisCache", "LOCATION": "redis://localhost:6379/1", "KEY_PREFIX": "hundred",
    }  # fmt: skip
    assert rates == "redis://localhost:6379/1"
    assert base == PRODUCTION["BASE_URL"]
