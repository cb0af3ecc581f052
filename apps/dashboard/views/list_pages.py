"""Pages of long lists: their rows, and the addresses of the next and the first page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict

from apps.core.cursors import InvalidCursor, paginate
from apps.dashboard.views.page_context import PageContext

MAX_QUERY_CHARS = 200


@dataclass(frozen=True)
class ListPage:
    """`next`, `previous` and `first` are addresses; empty where there is no such page.

    Only a list that counts its rows has `previous` and `position`, for example "1-20 of 182".
    """

    rows: list[Any]
    next: str
    first: str
    previous: str = ""
    position: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether these are all rows of the list."""
        return not self.next and not self.first


def list_page(scope: PageContext, rows: QuerySet[Any], *order: str, size: int, address: Callable[..., str]) -> ListPage:
    """The page of the list that the request asks for; the first one for an address that is no page of it.

    `order` as for `paginate`. `address(**query)`: the address of the list with its filters.
    """
    after = scope.request.GET.get("after", "")
    # Sealed for this reader: in another person's list, the own row's place would tell the sealed key.
    listing = f"{address()} for {scope.user.pk}"
    try:
        page = paginate(rows, *order, listing=listing, after=after, size=size)
    # A bookmark of a page that no longer exists, or an edited address: the first page is a useful answer.
    except InvalidCursor:
        after = ""
        page = paginate(rows, *order, listing=listing, after=after, size=size)
    return ListPage(page.rows, address(after=page.next) if page.next else "", address() if after else "")


def text_param(params: QueryDict, name: str) -> str:
    # A NUL cannot be stored, and PostgreSQL would refuse it in a comparison too.
    return params.get(name, "").replace("\0", "").strip()[:MAX_QUERY_CHARS]
