"""Error pages. Except for the navigation of the 404 they read no database, which may be the cause."""

import logging
import sys
import uuid

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers

from apps.accounts.models import Account
from apps.accounts.second_factors import lacks_factor
from apps.core.locks import is_database_unavailable
from apps.dashboard.page_address import SAFE_METHODS, referring_page
from apps.dashboard.views.instants import InvalidParameter
from apps.dashboard.views.page_context import PageContext

logger = logging.getLogger(__name__)


def _page(request: HttpRequest, status: int, **context: object) -> HttpResponse:
    # Beside a form that failed: what was typed is filled in again there (static/js/forms.js).
    form_page = referring_page(request) if request.method not in SAFE_METHODS else ""
    context |= {"status": status, "is_error": True, "form_page": form_page if form_page != "/" else ""}
    response = render(request, f"{status}.html", context, status=status)
    add_never_cache_headers(response)
    return response


@login_not_required
def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 400, explanation=str(exception) if isinstance(exception, InvalidParameter) else "")


@login_not_required
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 403)


@login_not_required
def csrf_failed(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was open too long, or came from another site."""
    return _page(request, 403)


@login_not_required
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The same text for what does not exist and for what the reader may not see, with the reader's navigation."""
    return _page(request, 404, scope=_scope(request))


def _scope(request: HttpRequest) -> PageContext | None:
    """The reader's context without what the address asks for; None for a stranger, and while the database is away."""
    try:
        user = getattr(request, "user", None)
        if not isinstance(user, Account) or lacks_factor(user, request.session):
            return None
        request.GET = QueryDict()
        scope = PageContext(request)
        # Read here and not by the template, where an error would have no answer.
        return scope if scope.links else None
    except DatabaseError:
        return None


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
    # A restart of the database must not fill the error log with tracebacks of every reader.
    if is_database_unavailable(problem[1]):
        return unavailable(request)
    # Readers see only this number: a traceback may contain personal data.
    trouble = uuid.uuid4().hex[:12]
    logger.error("Error %s at %s", trouble, request.path, exc_info=problem)
    return _page(request, 500, trouble=trouble)


@login_not_required
def unavailable(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    response = _page(request, 503)
    # For programs such as the feed: a restart of the database takes less.
    response["Retry-After"] = "30"
    return response
