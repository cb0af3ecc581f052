"""A frozen result as files: the CSV with its signature beside it, and the proof that one belongs to the other."""

from __future__ import annotations

import json

from apps.quotas.freeze.proof import NotReadable, Verdict, read_key, read_signature, verify
from apps.quotas.freeze.storing import signature_document
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


def verify_here(raw: bytes, signature: bytes | None, key: bytes | None) -> Verdict:
    """Whether a CSV is a frozen result; the signature and the key that are not given are this installation's own.

    Without a signature the result is the one whose lines the file's most look like: every version is tried, the newest
    first. Raises NotReadable.
    """
    if signature is not None:
        document = read_signature(signature)
        result = FrozenResult.objects.filter(
            campaign__slug=document["campaign"], version=document["result_version"]
        ).first()
        if key is None and result is None:
            raise NotReadable("this installation has no such result: give the key that signed it with --public-key")
        return verify(raw, document, read_key(key or (result.public_key.encode() if result else b"")))
    closest: Verdict | None = None
    for result in FrozenResult.objects.select_related("campaign").order_by("-frozen_at", "-version"):
        document = signature_document(result)
        verdict = verify(raw, document, read_key(key or result.public_key.encode()))
        if verdict.verified:
            return verdict
        if closest is None or (verdict.line or 0) > (closest.line or 0):
            closest = verdict
    if closest is None:
        raise NotReadable("no campaign is frozen here")
    return closest
