"""Counts requests, and answers at METRICS_PORT, which serves only the metrics."""

import time
from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseNotFound

from apps.monitoring.shared_files import is_enabled
from apps.monitoring.views import METRICS_PATH, arrived_at_metrics_port, metrics


class MetricsMiddleware:
    """Outermost, to count every response, and because a monitor scrapes METRICS_PORT by IP address, without TLS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not is_enabled():
            raise MiddlewareNotUsed
        # Only now: it takes memory in each process.
        from apps.monitoring.requests import count_request

        self.get_response = get_response
        self.count_request = count_request

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.METRICS_PORT and arrived_at_metrics_port(request):
            return metrics(request) if request.path == METRICS_PATH else HttpResponseNotFound()
        began = time.perf_counter()
        response = self.get_response(request)
        self.count_request(request, response, time.perf_counter() - began)
        return response
