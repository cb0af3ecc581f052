"""Error pages. They read no database, which may be the cause."""

import logging
import sys
import uuid

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from apps.core.locks import database_is_away

logger = logging.getLogger(__name__)


def _page(request: HttpRequest, status: int, **context: object) -> HttpResponse:
    response = render(request, f"{status}.html", {"status": status, **context}, status=status)
    add_never_cache_headers(response)
    return response


@login_not_required
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 400)


@login_not_required
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 403)


@login_not_required
def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was open too long, or came from another site."""
    return _page(request, 403)


@login_not_required
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The same text for what does not exist and for what the reader may not see."""
    return _page(request, 404)


@login_not_required
def too_large(request: HttpRequest, limit: int, *, upload: bool) -> HttpResponse:
    """A body larger than `limit` bytes, refused unread."""
    return _page(request, 413, megabytes=str(limit // 1_000_000), upload=upload)


@login_not_required
def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 429)


@login_not_required
def failed(request: HttpRequest) -> HttpResponse:
    """An internal error. The log has the same id beside the traceback. An unreachable database is no bug: 503."""
    problem = sys.exc_info()
    if database_is_away(problem[1]):
        return unavailable(request)
    trouble = uuid.uuid4().hex[:12]
    logger.error("Trouble %s at %s", trouble, request.path, exc_info=problem)
    return _page(request, 500, trouble=trouble)


@login_not_required
def unavailable(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    response = _page(request, 503)
    response["Retry-After"] = "30"
    return response
