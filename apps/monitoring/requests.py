"""Latency and status of requests by route, counted in each web process and added up for a scrape.

With several processes of one gunicorn the numbers are in shared files (apps.monitoring.shared_files): a scrape reaches
any of the processes and must answer for all.
"""

from __future__ import annotations

import os

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.multiprocess import MultiProcessCollector

from apps.monitoring.shared_files import FOLDER_VARIABLE

# They would add a series for each counter that nothing reads: Prometheus notices a restart by itself.
disable_created_metrics()
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# Half a second is what a page may take; ten, what a proxy waits for.
BUCKETS_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_in_this_process = CollectorRegistry()
_requests = Counter(
    "hundred_http_requests",
    "Answered requests by name of the route, method and status",
    ["route", "method", "status"],
    registry=_in_this_process,
)
_seconds = Histogram(
    "hundred_http_request_seconds",
    "Seconds until the answer began, by name of the route",
    ["route"],
    buckets=BUCKETS_SECONDS,
    registry=_in_this_process,
)


def count_request(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    """Count an answered request, by the route's name and never by its address, which can name a person."""
    match = request.resolver_match
    # Files, redirects to TLS and what has no route; an unnamed route is not in the interface.
    route = (match.view_name if match else "") or "none"
    # A client may invent methods; each would be a new series.
    method = request.method if request.method in METHODS else "other"
    _requests.labels(route, method, str(response.status_code)).inc()
    _seconds.labels(route).observe(seconds)


def request_registry() -> CollectorRegistry:
    """The counts of all processes of this gunicorn, or of this process where it shares none."""
    if FOLDER_VARIABLE not in os.environ:
        return _in_this_process
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry
