"""Compresses pages for browsers. API responses and downloads stay uncompressed."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

# Images and fonts are compressed already.
COMPRESSED_TYPES = ("text/html", "application/json")
API_PREFIX = "/api/"


class CompressionMiddleware(GZipMiddleware):
    """Django's own, which hides the length of a secret behind up to 100 random bytes, for pages only.

    Files of contacts and standings are streams: they stay plain and keep the length for the browser's progress.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or request.path.startswith(API_PREFIX):
            return response
        if not response.get("Content-Type", "").startswith(COMPRESSED_TYPES):
            return response
        return super().process_response(request, response)
