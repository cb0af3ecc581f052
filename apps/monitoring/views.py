"""The metrics of this installation in the format of OpenMetrics or Prometheus."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache

from apps.monitoring.shared_files import is_enabled

METRICS_PATH = "/metrics"
SCHEME = "bearer "


@login_not_required
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """All metrics: with METRICS_TOKEN for that token alone, with METRICS_PORT at that port alone; without both, 404.

    It changes nothing and reads the database at most once a second.
    """
    if not is_enabled() or (settings.METRICS_PORT and not arrived_at_metrics_port(request)):
        raise Http404
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    if settings.METRICS_TOKEN and not _has_token(request):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    # Only now: an installation without metrics does not load the library.
    from apps.monitoring.exposition import exposition

    content, content_type = exposition(request.headers.get("Accept", ""))
    return HttpResponse(content, content_type=content_type)


def arrived_at_metrics_port(request: HttpRequest) -> bool:
    """Whether the connection was made to METRICS_PORT."""
    # The socket itself: SERVER_PORT is what the client says in Host, where gunicorn listens at a Unix socket.
    connection = request.META.get("gunicorn.socket")
    address = connection.getsockname() if connection is not None else None
    return isinstance(address, tuple) and address[1] == settings.METRICS_PORT


def _has_token(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "")
    return given[: len(SCHEME)].lower() == SCHEME and constant_time_compare(
        given[len(SCHEME) :], settings.METRICS_TOKEN
    )
