"""Pages of long lists: their rows, and the addresses of the next and the first page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from apps.core.cursors import InvalidCursor, paginate
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.page_sizes import SizeLink, page_size, size_links, size_query

MAX_QUERY_CHARS = 200


@dataclass(frozen=True)
class ListPage:
    """`next`, `previous` and `first` are addresses; empty where there is no such page. `after`: the next page's cursor.

    Only a list that counts its rows has `position`, for example "1–20 of 182", and `sizes`: the choice of rows per
    page.
    """

    rows: list[Any]
    next: str
    first: str
    previous: str = ""
    position: str = ""
    sizes: Sequence[SizeLink] = ()
    after: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether these are all rows of the list."""
        return not self.next and not self.first


def position(first: int, shown: int, total: int) -> str:
    """Which rows of a list a page shows, for example "1–20 of 182"."""
    last = first + shown - 1
    # The total can be some seconds older than the rows; it must not be smaller than the last row's number.
    numbers = {"first": base.number(first), "last": base.number(last), "all": base.number(max(total, last))}
    return _("%(first)s–%(last)s of %(all)s") % numbers


def counted_list_page(
    scope: PageContext, rows: QuerySet[Any], *order: str, total: int, address: Callable[..., str]
) -> ListPage:
    """As `list_page` for a list whose rows were counted; the reader chooses their number per page."""
    size = page_size(scope)
    address = partial(address, **size_query(scope))
    page = list_page(scope, rows, *order, size=size, address=address)
    # The address says where its page begins: a cursor does not know.
    begins = scope.request.GET.get("row", "")
    first = int(begins) if page.first and begins.isdecimal() and len(begins) < 10 else 1
    return replace(
        page,
        next=address(after=page.after, row=str(first + size)) if page.after else "",
        position=position(first, len(page.rows), total) if page.rows and (first > 1 or not page.first) else "",
        sizes=size_links(scope, total, address),
    )


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
    next_url = address(after=page.next) if page.next else ""
    return ListPage(page.rows, next_url, address() if after else "", after=page.next)


def text_param(params: QueryDict, name: str) -> str:
    # A NUL cannot be stored, and PostgreSQL would refuse it in a comparison too.
    return params.get(name, "").replace("\0", "").strip()[:MAX_QUERY_CHARS]
