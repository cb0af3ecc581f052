"""A monitor with the right token, and a broker that answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from tests.brokers import broker_at
from tests.monitoring import scraping


@pytest.fixture
def monitored(settings: Any) -> Iterator[Client]:
    """A client of an installation with METRICS_TOKEN; its middleware counts requests."""
    settings.METRICS_TOKEN = scraping.TOKEN
    scraping.forget()
    yield Client()
    scraping.forget()


@pytest.fixture
def broker(valkey: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with broker_at(valkey, monkeypatch):
        yield
