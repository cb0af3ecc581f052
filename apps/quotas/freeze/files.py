"""A frozen result as files: the CSV with its signature beside it, and the proof that one belongs to the other."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import IO, Any

from apps.quotas.freeze.proof import (
    NotReadable,
    Verdict,
    read_key,
    read_signature,
    signed_by,
    verify,
    verify_either,
    verify_part,
)
from apps.quotas.freeze.storing import canonical_lines, signature_document
from apps.quotas.models import Campaign, FrozenResult, FrozenStanding
from apps.quotas.services import under_review


class UnknownResult(ValueError):
    """A campaign that has no result of this version, with a sentence."""


def signature_file(result: FrozenResult) -> bytes:
    """The signature file of a result; the same bytes every time."""
    return json.dumps(signature_document(result), indent=1).encode() + b"\n"


def result_of(campaign: Campaign, version: int | None) -> FrozenResult:
    """A version of a campaign's result, or the newest. Raises UnknownResult."""
    if campaign.newest_result is None:
        raise UnknownResult(f"{campaign.name} is not frozen")
    if version in (None, campaign.newest_result.version):
        return campaign.newest_result
    found = campaign.results.filter(version=version).first()
    if found is None:
        raise UnknownResult(f"the result of {campaign.name} has no version {version}")
    return found


def red_under_review(result: FrozenResult) -> list[str]:
    """Staff numbers of who is red in a result and had an open review when it was stored: never handed over as red."""
    asked = under_review(result.campaign, result.frozen_at).values("employee")
    rows = FrozenStanding.objects.filter(campaign=result.campaign_id, version=result.version, red=True)
    return sorted(rows.filter(employee__in=asked).values_list("staff_no", flat=True))


def verify_here(raw: IO[bytes], signature: bytes | None, key: bytes | None) -> Verdict:
    """Whether a CSV is a frozen result; the signature and the key that are not given are this installation's own.

    Without a signature the result is the one whose lines the file's most look like: every version is tried, the newest
    first. Raises NotReadable.
    """
    if signature is not None:
        document = read_signature(signature)
        return verify(raw, document, read_key(key or _key_of(document)))
    return _closest(lambda result, document: verify(raw, document, read_key(key or result.public_key.encode())))


def verify_part_here(raw: IO[bytes], whole: IO[bytes] | None, signature: bytes | None, key: bytes | None) -> Verdict:
    """Whether a CSV is some rows of a frozen result: of the one in `whole`, else of one that is stored here.

    What is stored is compared with its signature first. Of several results the newest that has all rows is it, else the
    one that has the most. Raises NotReadable.
    """
    if whole is not None:
        if signature is None:
            raise NotReadable("the whole result has no signature beside it: name it with --signature")
        document = read_signature(signature)
        return verify_either(whole, raw, document, read_key(key or _key_of(document)))

    def look(result: FrozenResult, document: dict[str, Any]) -> Verdict:
        if broken := broken_seal(result, document, key):
            return Verdict(False, f"{result} is not proved: {broken}", None, "whole")
        return verify_part(raw, canonical_lines(result.campaign, result.version), document)

    return _closest(look)


def broken_seal(result: FrozenResult, document: dict[str, Any], key: bytes | None = None) -> str:
    """Why the stored rows, as `document` (signature_document) has them, are not what was signed; empty if they are."""
    if document["digest"] != result.digest:
        return "its stored rows give another digest than the one that was signed."
    return (
        "" if signed_by(document, read_key(key or result.public_key.encode())) else "its signature is not of this key."
    )


def _key_of(document: dict[str, Any]) -> bytes:
    result = FrozenResult.objects.filter(
        campaign__slug=document["campaign"], version=document["result_version"]
    ).first()
    if result is None:
        raise NotReadable("this installation has no such result: give the key that signed it with --public-key")
    return result.public_key.encode()


def _closest(look: Callable[[FrozenResult, dict[str, Any]], Verdict]) -> Verdict:
    """What `look` finds of the first stored result that it verifies; else of the one that it got farthest with."""
    closest: Verdict | None = None
    for result in FrozenResult.objects.select_related("campaign").order_by("-frozen_at", "-version"):
        verdict = look(result, signature_document(result))
        if verdict.verified:
            return verdict
        if closest is None or (verdict.line or 0) > (closest.line or 0):
            closest = verdict
    if closest is None:
        raise NotReadable("no campaign is frozen here")
    return closest
