"""Gives each request an id: the one of the trusted proxy, or a new one."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.core.request_id import is_request_id, new_request_id, request_id_scope

HEADER = "X-Request-ID"


class RequestIdMiddleware:
    """Sets the id for log lines and task messages, and returns it in the response's header.

    Runs after TrustedProxyMiddleware, which removes the header of other senders.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        chosen = given if is_request_id(given) else new_request_id()
        # Django logs refused requests after the middleware, and the log format finds the id here.
        request.META["HTTP_X_REQUEST_ID"] = chosen
        with request_id_scope(chosen):
            response = self.get_response(request)
        response[HEADER] = chosen
        return response
