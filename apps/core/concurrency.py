"""How many expensive requests of one person run at once, over all web processes. Each place is an advisory lock.

The database frees a place when the web process dies.
"""

from __future__ import annotations

from contextlib import ExitStack

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from apps.core.locks import advisory_lock
from apps.core.rate_limits import Kind, TooOften

# Two, so that one page can wait while the next is asked for; each takes a web thread for up to a second.
MAX_AT_ONCE = 2
RETRY_AFTER_SECONDS = 2
_PLACE = "_place_at_once"


def limit_concurrency(request: HttpRequest, kind: Kind, who: str) -> None:
    """Hold one of the places of `who` for requests of this kind until `free_place`. A rate of `off` has no limit.

    Raises TooOften when MAX_AT_ONCE requests hold the places.
    """
    if settings.RATES[kind.value] == "off":
        return
    held = ExitStack()
    if not any(held.enter_context(advisory_lock(f"{kind.value}:{who}:{place}")) for place in range(MAX_AT_ONCE)):
        raise TooOften(RETRY_AFTER_SECONDS)
    setattr(request, _PLACE, held)


def free_place(request: HttpRequest, response: HttpResponseBase) -> None:
    """Free the place that the request holds, if any: now, or when a streamed response has been sent."""
    held: ExitStack | None = request.__dict__.pop(_PLACE, None)
    if held is None:
        return
    if response.streaming:
        # As Django closes the files of its responses.
        response._resource_closers.append(held.close)  # type: ignore[attr-defined]  # noqa: SLF001
    else:
        held.close()
