"""Whether the browser already has a response."""

from django.http import HttpRequest


def request_has_etag(request: HttpRequest, etag: str) -> bool:
    """Whether If-None-Match names this ETag."""
    header = request.headers.get("If-None-Match", "")
    # Compression turns a strong ETag into a weak one (W/), and browsers send that back.
    return etag in (tag.strip().removeprefix("W/") for tag in header.split(","))
