"""Downloads that are sent piece by piece."""

from collections.abc import Iterable

from django.http import StreamingHttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.http import content_disposition_header


def streamed(pieces: Iterable[bytes], name: str, content_type: str) -> StreamingHttpResponse:
    """A streamed download, never cached."""
    response = StreamingHttpResponse(pieces, content_type=content_type)
    response["Content-Disposition"] = content_disposition_header(True, name)
    add_never_cache_headers(response)
    return response
