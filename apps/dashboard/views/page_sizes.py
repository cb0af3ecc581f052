"""How many rows a page of a long list has: chosen below the list, kept in the address and remembered by the browser."""

from collections.abc import Callable
from typing import NamedTuple

from django.conf import settings
from django.http import HttpResponse

from apps.dashboard.views.page_context import PageContext

# The first is the default.
SIZES = (20, 50, 100)
PARAMETER, COOKIE, REMEMBERED_SECONDS = "rows", "list-rows", 365 * 24 * 3600


class SizeLink(NamedTuple):
    size: int
    url: str
    is_current: bool


def page_size(scope: PageContext) -> int:
    """The number in the address, else the number that this browser remembers, else the default."""
    request = scope.request
    for text in (request.GET.get(PARAMETER), request.COOKIES.get(COOKIE)):
        if size := next((size for size in SIZES if str(size) == text), None):
            return size
    return SIZES[0]


def size_query(scope: PageContext) -> dict[str, str]:
    """The parameter of the links of a list, when its own address has it."""
    return {PARAMETER: str(page_size(scope))} if PARAMETER in scope.request.GET else {}


def size_links(scope: PageContext, total: int, address: Callable[..., str]) -> list[SizeLink]:
    """The choice of sizes; empty where all would show the same. `address(**query)`: the address of the list."""
    if total <= SIZES[0]:
        return []
    current = page_size(scope)
    return [SizeLink(size, address(**{PARAMETER: str(size)}), size == current) for size in SIZES]


def remember_size(scope: PageContext, response: HttpResponse) -> HttpResponse:
    """Keep the size of the address in a cookie. It reveals nothing about the reader."""
    if PARAMETER in scope.request.GET:
        response.set_cookie(
            COOKIE, str(page_size(scope)), max_age=REMEMBERED_SECONDS, httponly=True,
            secure=settings.SESSION_COOKIE_SECURE, samesite="Lax",
        )  # fmt: skip
    return response
