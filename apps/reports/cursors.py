"""Cursors of list pages: the key after which the next page begins, as a token."""

from __future__ import annotations

import base64
import json
from typing import Any

from apps.core.identity import storable

TEXT_KEYS = frozenset({"name", "department", "staff_no"})
LARGEST_NUMBER = 2**31 - 1


def encode_cursor(key: tuple) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(token: str, keys: list[str]) -> list[Any] | None:
    """The key in a token; None without a token or for a token of another list."""
    try:
        key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, RecursionError):
        return None
    if not isinstance(key, list) or len(key) != len(keys):
        return None
    return key if all(_fits(part, name) for part, name in zip(key, keys, strict=True)) else None


def _fits(part: Any, name: str) -> bool:
    """Whether this part of a key can be compared with that column."""
    if name in TEXT_KEYS:
        return isinstance(part, str) and storable(part)
    return type(part) is int and abs(part) <= LARGEST_NUMBER
