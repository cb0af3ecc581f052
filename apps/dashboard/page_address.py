"""The page that sent a request: where the reader continues after a sign-in or a failure."""

from urllib.parse import urlsplit

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

SAFE_METHODS = frozenset({"GET", "HEAD"})


def is_scripted(request: HttpRequest) -> bool:
    """Whether a script of a page sent this request (htmx, or fetch in static/js): no browser opens the answer."""
    return "HX-Request" in request.headers or request.headers.get("X-Requested-With") == "fetch"


def referring_page(request: HttpRequest) -> str:
    """The address of the page that sent this request, with its query; "/" when the browser names none of this site.

    A navigation is its own page. A form's address and the address of a part of a page cannot be opened as pages.
    """
    if request.method in SAFE_METHODS and not is_scripted(request):
        return request.get_full_path()
    try:
        page = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
        # A path that begins with two slashes would name another host.
        if page.netloc != request.get_host() or not page.path or page.path.startswith("//"):
            return "/"
    # An invalid address, or a request for another host: its error page needs an answer too.
    except (ValueError, DisallowedHost):
        return "/"
    return f"{page.path}?{page.query}" if page.query else page.path
