"""Scrapes for tests: what a monitor reads, as numbers by name and labels."""

from typing import Any

from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from apps.core import health
from apps.monitoring import collector

TOKEN = "a-token-of-the-monitor-with-enough-characters"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def forget() -> None:
    """Readings are shared for a second: the next scrape reads anew."""
    health._checks.cache_clear()
    collector._figures.cache_clear()


def get(client: Client, **headers: str) -> Any:
    return client.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"} | headers)


def scraped(client: Client) -> str:
    """A new scrape as text. Needs METRICS_TOKEN."""
    forget()
    response = get(client)
    assert response.status_code == 200
    return str(response.content.decode())


def samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(client: Client, name: str, **labels: str) -> float | None:
    """One number of a new scrape; None where there is none with exactly these labels."""
    return samples(scraped(client)).get((name, frozenset(labels.items())))
