"""Decides which requests may read from a replica: those that change nothing."""

from collections.abc import Callable

from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from apps.core import read_replica


class ReadReplicaMiddleware:
    """Lets the reports of pages and API read from the replica during a GET or HEAD request.

    Other requests use the primary alone, and so do streamed responses.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not read_replica.is_configured():
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return self.get_response(request)
        with read_replica.replica_allowed():
            return self.get_response(request)
