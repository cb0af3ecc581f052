"""Keyset pagination: page 1,000 costs as much as page 1, and nothing is counted.

The key travels in the signed address of the next page, so only keys issued by this API reach a query.
"""

from __future__ import annotations

from typing import Any

from django.core import signing
from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

MAX_LIMIT, DEFAULT_LIMIT = 500, 50


def seal(listed: str, key: Any) -> str:
    """The token of the page after `key` (JSON) in the list named `listed`."""
    return signing.Signer(salt=f"apps.api.paging:{listed}").sign_object(key)


def unseal(listed: str, token: str) -> Any:
    """The key in a token, None without a token. Raises ValidationError for an invalid token."""
    if not token:
        return None
    try:
        return signing.Signer(salt=f"apps.api.paging:{listed}").unsign_object(token)
    except (signing.BadSignature, ValueError) as error:
        message = ErrorDetail(_("This is no page of this list: follow the address in next."), code="unknown_page")
        raise ValidationError({"after": [message]}) from error


def next_address(request: Request, token: str) -> str | None:
    """The whole address of the page after the token, with the same filters; None at the end."""
    if not token:
        return None
    query = request.query_params.copy()
    query["after"] = token
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
