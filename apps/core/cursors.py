"""Keyset pagination: page 1,000 costs as much as page 1, and nothing is counted.

The address of the next page holds the last row's key. It is encrypted, because addresses stay in logs and a key may be
a person's name, and it belongs to one list with its order and filters.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from cryptography.fernet import InvalidToken
from django.db.models import Q, QuerySet

from apps.core.encryption import fernet_for


class InvalidCursor(ValueError):
    """The token is not a page of this list."""


@dataclass(frozen=True)
class Page:
    """Rows of a list, and the token of the page after them; empty at the end."""

    rows: list[Any]
    next: str


def encode_cursor(listing: str, key: Sequence[Any]) -> str:
    """The token of the page after `key` in the list that `listing` names with its order and filters.

    Instants and UUIDs become texts, which a query takes too.
    """
    return fernet_for(f"page of {listing}").encrypt(json.dumps(key, default=str).encode()).decode()


def decode_cursor(listing: str, token: str) -> list[Any] | None:
    """The key in a token; None without a token. Raises InvalidCursor for a token of another list."""
    if not token:
        return None
    try:
        key: list[Any] = json.loads(fernet_for(f"page of {listing}").decrypt(token.encode()))
    except (InvalidToken, ValueError) as error:
        raise InvalidCursor from error
    return key


def paginate(rows: QuerySet[Any], *order: str, listing: str, after: str, size: int) -> Page:
    """A page of at most `size` rows in this order, beginning after the token.

    `order`: fields as for order_by, never NULL; together they are unique. Raises InvalidCursor.
    """
    if key := decode_cursor(listing, after):
        rows = rows.filter(_behind(order, key))
    # One row more than asked for tells whether a next page exists, without a count.
    window = list(rows.order_by(*order)[: size + 1])
    if len(window) <= size:
        return Page(window, "")
    last = window[size - 1]
    key = [attrgetter(field.lstrip("-").replace("__", "."))(last) for field in order]
    return Page(window[:size], encode_cursor(listing, key))


def _behind(order: Sequence[str], key: Sequence[Any]) -> Q:
    """The rows behind a key: behind in the first field, or equal there and behind in the next one, and so on."""
    condition, equal = Q(), Q()
    for field, value in zip(order, key, strict=True):
        name = field.lstrip("-")
        # Not a row comparison, `(a, b) > (x, y)`: it has one direction for all fields, and an order may mix them.
        condition |= equal & Q(**{f"{name}__{'lt' if field.startswith('-') else 'gt'}": value})
        equal &= Q(**{name: value})
    return condition
