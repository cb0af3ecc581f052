"""From where something is done, for the audit trail: a page or the API with the client's address, or a worker."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.core.audit import audit_origin


class AuditOriginMiddleware:
    """Says for the time of a request where it came from. Behind TrustedProxies, which knows the client's address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        door = "api" if request.path.startswith("/api/") else "page"
        where = f"{door} {request.META.get('REMOTE_ADDR', '')}".strip()
        with audit_origin(where, browser=request.headers.get("User-Agent", "")):
            return self.get_response(request)
