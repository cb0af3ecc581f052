"""Verifies a CSV against the results and hand-overs stored in this installation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import islice
from typing import IO, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from apps.core.files import read_file
from apps.core.signing_key import has_key, public_key
from apps.exports.models import Export
from apps.reports.standings_columns import COLUMNS
from apps.results.models import FrozenResult, FrozenStanding
from apps.results.result_files import signature_error
from apps.results.store_result import LINE_BREAKS_AS_BLANKS, canonical_lines, signature_document
from apps.results.verification import (
    HANDOVER,
    Finding,
    Table,
    UnreadableResultFile,
    instant_in,
    joined,
    read_key,
    read_signature,
    signed_by,
    unguarded,
    verify,
    verify_either,
    verify_part,
    with_changes,
)

# Columns that no signature covers but that are stored with a result.
STORED_COLUMNS = ("name", "remaining", "email", "department", "manager_staff_no", "pace", "reached_at")
ROWS_PER_QUERY = 5_000


def verify_stored(raw: IO[bytes], signature: bytes | None, key: bytes | None) -> Finding:
    """Whether a CSV is a frozen result or a hand-over. Signature and key default to this installation's own.

    Without a signature, every stored version is tried, newest first; the best match decides. Columns outside the
    signature are compared with the stored ones. Raises UnreadableResultFile.
    """
    # A given signature decides alone; else every stored document may fit.
    if signature is not None:
        return _verify_whole(raw, read_signature(signature), key)
    return _best_match(lambda _result, document: _verify_whole(raw, document, key))


def _verify_whole(raw: IO[bytes], document: dict[str, Any], key: bytes | None) -> Finding:
    return _compare_stored(raw, verify(raw, document, _key_of(document, key), _comparable(document)))


def verify_stored_part(raw: IO[bytes], whole: IO[bytes] | None, signature: bytes | None, key: bytes | None) -> Finding:
    """Whether a CSV is a part of a frozen result: of the one in `whole`, else of a stored one.

    A stored result is first checked against its signature. Among several, the newest with all rows decides, else the
    one with most rows. Raises UnreadableResultFile.
    """
    if whole is not None:
        if signature is None:
            raise UnreadableResultFile("the whole result has no signature beside it: name it with --signature")
        document = read_signature(signature)
        return _compare_stored(raw, verify_either(whole, raw, document, _key_of(document, key), _comparable(document)))

    def verify_with(result: FrozenResult | None, document: dict[str, Any]) -> Finding:
        if result is None:
            raise UnreadableResultFile("a part of a hand-over needs the whole file beside it: name it after --part")
        if broken := signature_error(result, document, key):
            return Finding(False, f"{result} is not proved: {broken}", None, "whole", document=document)
        lines = partial(canonical_lines, result.campaign, result.version, result.canonical_form)
        return _compare_stored(raw, verify_part(raw, lines, document, STORED_COLUMNS))

    return _best_match(verify_with)


def _key_of(document: dict[str, Any], given: bytes | None) -> Ed25519PublicKey:
    """The given key, else this installation's key that signed the document; any of them if none did.

    Raises UnreadableResultFile.
    """
    if given is not None:
        return read_key(given)
    results = FrozenResult.objects.filter(campaign__slug=document["campaign"])
    of_version = results.filter(version=document["result_version"]).values_list("public_key", flat=True)
    if not of_version:
        raise UnreadableResultFile("no such result is stored here: give the key that signed it with --public-key")
    pems = [*of_version]
    if document.get("kind") == HANDOVER:
        # The key of the day of the hand-over signs it. Keys that were only announced are not trusted: the
        # application's role could write one.
        pems += {*results.values_list("public_key", flat=True), *([public_key()] if has_key() else [])}
    keys = [read_key(pem.encode()) for pem in pems]
    return next((key for key in keys if signed_by(document, key)), keys[0])


def _best_match(verify_with: Callable[[FrozenResult | None, dict[str, Any]], Finding]) -> Finding:
    """The finding on the first stored document that verifies the file; else on the closest one."""
    closest: Finding | None = None
    unreadable: UnreadableResultFile | None = None
    for result, document in _stored_documents():
        try:
            finding = verify_with(result, document)
        except UnreadableResultFile as error:
            # A hand-over's columns do not fit a result, nor the other way round.
            unreadable = error
            continue
        if finding.covered_is_proved:
            return finding
        if closest is None or (finding.line or 0) > (closest.line or 0):
            closest = finding
    if closest is None:
        raise unreadable or UnreadableResultFile("no campaign is frozen here")
    return closest


def _stored_documents() -> Iterator[tuple[FrozenResult | None, dict[str, Any]]]:
    """The hand-overs with a stored signature, then every result with its signature document, newest first.

    An old result's signature would also verify a hand-over, but it proves less.
    """
    for export in Export.objects.filter(signature__isnull=False).select_related("signature"):
        if export.signature is not None:
            yield None, read_signature(b"".join(read_file(export.signature)))
    for result in FrozenResult.objects.select_related("campaign").order_by("-frozen_at", "-version"):
        yield result, signature_document(result)


def _comparable(document: dict[str, Any]) -> tuple[str, ...]:
    """The columns to compare: none where the signature is of another installation's result."""
    # Another installation may use the same short name: the digest tells the results apart.
    digest = document.get("result_digest", document["digest"])
    here = FrozenResult.objects.filter(
        campaign__slug=document["campaign"], version=document["result_version"], digest=digest
    )
    return STORED_COLUMNS if here.exists() else ()


def _compare_stored(raw: IO[bytes], finding: Finding) -> Finding:
    """The finding after comparing the columns outside the signature with the stored rows."""
    document = finding.document
    if not finding.covered_is_proved or document is None:
        return finding
    names = [name for name in finding.uncovered if name in _comparable(document)]
    if not names:
        return finding
    rows = FrozenStanding.objects.filter(campaign__slug=document["campaign"], version=document["result_version"])
    fields = {name: COLUMNS[name].source for name in names}
    changed: dict[str, int] = {}
    lines = iter(Table(raw, document, finding.encoding).rows())
    while piece := list(islice(lines, ROWS_PER_QUERY)):
        # An apostrophe may be a guard or belong to the staff number.
        numbers = {one for _line, cells in piece for one in (cells["staff_no"], unguarded(cells["staff_no"]))}
        stored = {
            row["staff_no"]: row for row in rows.filter(staff_no__in=numbers).values("staff_no", *fields.values())
        }
        for line, cells in piece:
            row = stored.get(unguarded(cells["staff_no"])) or stored.get(cells["staff_no"])
            for name in names:
                if row is None or not _same(cells[name], row[fields[name]]):
                    changed.setdefault(name, line)
    if finding.verified and not changed:
        return replace(finding, sentence=f"{finding.sentence} As stored here: {joined(names)}.")
    return with_changes(finding, changed)


def _same(cell: str, stored: str | int | datetime | None) -> bool:
    if isinstance(stored, datetime):
        return instant_in(cell) == stored
    # Cells have no line break, stored texts may.
    text = stored.translate(LINE_BREAKS_AS_BLANKS) if isinstance(stored, str) else "" if stored is None else str(stored)
    return text in (cell, unguarded(cell))
