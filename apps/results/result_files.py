"""The signature files of a frozen result and of its hand-over, and the check of a stored result."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Any

from apps.campaigns.models import Campaign
from apps.fileio.csv_injection import unescape_formula
from apps.results.models import FrozenResult
from apps.results.store_result import add_lines, instant, sign, signature_document
from apps.results.verification import COVERED, FORM, HANDOVER, canonical_line, read_key, signed_by


class UnknownResult(ValueError):
    """A campaign without a result of this version, with a message."""


def signature_file(result: FrozenResult) -> bytes:
    """The signature file of a result; the same bytes every time."""
    return _as_file(signature_document(result))


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
    # First, because it tells changed rows from a changed key.
    if document["digest"] != result.digest:
        return "its stored rows give another digest than the one that was signed."
    if not signed_by(document, read_key(key or result.public_key.encode())):
        return "its signature is not of this key."
    return ""


def sign_handover(result: FrozenResult, reviews_as_of: datetime, lines: IO[bytes]) -> bytes:
    """The signature file of the payout CSV in `lines`, which is rewound. Raises CannotSign.

    It has a signature of its own: its rows depend on the reviews that are open at `reviews_as_of`.
    """
    fields = {
        "form": FORM, "kind": HANDOVER, "campaign": result.campaign.slug, "cutoff": instant(result.cutoff_at),
        "rule_version": result.rule_version, "result_version": result.version,
        "reviews_as_of": instant(reviews_as_of), "result_digest": result.digest,
    }  # fmt: skip
    document = add_lines(fields, _canonical_lines(lines))
    signature, _public_key = sign(document)
    return _as_file({**document, "signature": signature})


def _canonical_lines(lines: IO[bytes]) -> Iterator[str]:
    lines.seek(0)
    # The wrapper would close the file with itself; `detach` below leaves it to the caller.
    text = io.TextIOWrapper(lines, encoding="utf-8-sig", newline="")
    for row in csv.DictReader(text):
        yield canonical_line(FORM, [unescape_formula(row[name]) for name in COVERED[FORM, HANDOVER]])
    text.detach()
    lines.seek(0)


def _as_file(document: dict[str, Any]) -> bytes:
    # Line by line, so that a person can compare two files; the signature covers another, compact form (signed_bytes).
    return json.dumps(document, indent=1).encode() + b"\n"
