"""The metrics of state and requests, in the format that the monitor asks for."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from apps.monitoring.collector import StateCollector
from apps.monitoring.requests import request_registry


class _StateAndRequests(Collector):
    def collect(self) -> Iterator[Metric]:
        yield from StateCollector().collect()
        yield from request_registry().collect()


def exposition(accept: str) -> tuple[bytes, str]:
    """The metrics and their media type: OpenMetrics where `accept` names it, as Prometheus does, else plain text."""
    # Not registered: that would collect once at registration, for names only.
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_StateAndRequests())
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
