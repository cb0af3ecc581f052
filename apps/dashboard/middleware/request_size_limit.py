"""Refusals before any view reads the request: bodies that are too large, and text that PostgreSQL cannot store."""

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

from apps.dashboard.views.errors import too_large

CONTACTS, ROSTER = "/contacts/import/", "/company/roster/"
# The API has smaller limits of its own, and its errors name the field.
API = ("/api/", "/scim/")
# Besides uploads only forms arrive here.
MOST_FORM_BYTES = 3_000_000
# Anonymous readers only send small forms.
MOST_ANONYMOUS_BYTES = 100_000
# The overhead around the file in the body of an upload.
MULTIPART_OVERHEAD_BYTES = 100_000
# A refused body is still read up to this multiple of the limit: a browser cut off while sending shows no page. Larger
# bodies are not read.
DISCARD_FACTOR = 4
CHUNK_BYTES = 1 << 16


class RequestSizeLimitMiddleware:
    """Refuses by Content-Length, unread; a body without it is not read at all."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(API):
            return self.get_response(request)
        # Percent-encoded bytes that are not UTF-8 became U+FFFD before; only a NUL passes.
        query = request.META.get("QUERY_STRING", "")
        # PostgreSQL cannot store a NUL: a view would fail at its first query.
        if "\0" in request.path or "\0" in query or "%00" in query:
            raise BadRequest("NUL in the address")
        large = request.path in (CONTACTS, ROSTER)
        limit = settings.MOST_UPLOAD_BYTES + MULTIPART_OVERHEAD_BYTES if large else MOST_FORM_BYTES
        length = _length(request)
        # Reading the session costs a query, so it is asked only about large bodies.
        may_upload = length <= MOST_ANONYMOUS_BYTES or SESSION_KEY in request.session
        if may_upload and length <= limit:
            return self.get_response(request)
        # The body of an anonymous request is not read, not even to show a page.
        if may_upload and length <= DISCARD_FACTOR * limit:
            while request.read(CHUNK_BYTES):
                continue
        response = too_large(request, limit if may_upload else MOST_ANONYMOUS_BYTES, upload=request.path == CONTACTS)
        # The unread rest of the body would be taken for the next request on this connection.
        response["Connection"] = "close"
        return response


def _length(request: HttpRequest) -> int:
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError as error:
        raise BadRequest("a length that is no number") from error
