"""A frozen result as files: the CSV with its signature file, and the check that they belong together."""

from __future__ import annotations

import json
from typing import Any

from apps.campaigns.models import Campaign
from apps.results.models import FrozenResult
from apps.results.store_result import signature_document
from apps.results.verification import (
    read_key,
    signed_by,
)


class UnknownResult(ValueError):
    """A campaign without a result of this version, with a message."""


def signature_file(result: FrozenResult) -> bytes:
    """The signature file of a result; the same bytes every time."""
    return json.dumps(signature_document(result), indent=1).encode() + b"\n"


def result_of(campaign: Campaign, version: int | None) -> FrozenResult:
    """A version of a campaign's result, or the newest. Raises UnknownResult."""
    if campaign.newest_result is None:
        raise UnknownResult(f"{campaign.name} is not frozen")
    if version in (None, campaign.newest_result.version):
        return campaign.newest_result
    result = campaign.results.filter(version=version).first()
    if result is None:
        raise UnknownResult(f"the result of {campaign.name} has no version {version}")
    return result


def signature_error(result: FrozenResult, document: dict[str, Any], key: bytes | None = None) -> str:
    """Why the stored rows, as `document` (signature_document) has them, differ from what was signed; empty if equal."""
    if document["digest"] != result.digest:
        return "its stored rows give another digest than the one that was signed."
    return (
        "" if signed_by(document, read_key(key or result.public_key.encode())) else "its signature is not of this key."
    )
