"""Pages of the API's lists: limits, and the address of the next page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request

from apps.core.cursors import paginate

MAX_LIMIT, DEFAULT_LIMIT = 500, 50


def page_of(
    request: Request, rows: QuerySet[Any], *order: str, listing: str, query: Mapping[str, Any]
) -> dict[str, Any]:
    """The page that the validated `query` asks for, as `results` and `next`. `order` as for `paginate`.

    Raises InvalidCursor, which becomes a problem of the field `after`.
    """
    page = paginate(rows, *order, listing=listing, after=query.get("after", ""), size=query["limit"])
    return {"results": page.rows, "next": next_address(request, page.next)}


def next_address(request: Request, token: str) -> str | None:
    """The whole address of the page after the token, with the same filters; None at the end."""
    if not token:
        return None
    query = request.query_params.copy()
    query["after"] = token
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
