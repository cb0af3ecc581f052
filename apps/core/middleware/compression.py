"""Pages and figures compressed on their way to a browser. What programs fetch and what is downloaded goes as it is."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

COMPRESSED = ("text/html", "application/json")
PROGRAMS = "/api/"


class CompressionMiddleware(GZipMiddleware):
    """Django's own, which hides the length of a secret behind up to 100 random bytes, for what people look at alone.

    Files of contacts and standings are streams: they stay plain, and with them the length that a browser counts to.
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if response.streaming or request.path.startswith(PROGRAMS):
            return response
        if not response.get("Content-Type", "").startswith(COMPRESSED):
            return response
        return super().process_response(request, response)
