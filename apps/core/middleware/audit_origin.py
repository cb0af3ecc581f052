"""The origin of an action for the audit trail: a page or the API with the client's address, or a worker."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.core.audit import audit_origin


class AuditOriginMiddleware:
    """Sets the origin during a request. Runs after TrustedProxyMiddleware, which finds the client's address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        interface = next((name for name in ("api", "scim") if request.path.startswith(f"/{name}/")), "page")
        where = f"{interface} {request.META.get('REMOTE_ADDR', '')}".strip()
        with audit_origin(where, user_agent=request.headers.get("User-Agent", "")):
            return self.get_response(request)
