"""The payout file of a result has its own signature: its verdicts depend on the reviews open at that moment."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import datetime
from typing import IO

from apps.fileio.csv_injection import unescape_formula
from apps.results.models import FrozenResult
from apps.results.signing import sign
from apps.results.store_result import add_lines, instant
from apps.results.verification import COVERED, FORM, HANDOVER, canonical_line

COLUMNS = COVERED[FORM, HANDOVER]


def sign_handover(result: FrozenResult, reviews_as_of: datetime, lines: IO[bytes]) -> bytes:
    """The signature file of the payout CSV in `lines`, which is rewound. Raises CannotSign."""
    fields = {
        "form": FORM, "kind": HANDOVER, "campaign": result.campaign.slug, "cutoff": instant(result.cutoff_at),
        "rule_version": result.rule_version, "result_version": result.version,
        "reviews_as_of": instant(reviews_as_of), "result_digest": result.digest,
    }  # fmt: skip
    document = add_lines(fields, _canonical_lines(lines))
    signature, _public_key = sign(document)
    return json.dumps({**document, "signature": signature}, indent=1).encode() + b"\n"


def _canonical_lines(lines: IO[bytes]) -> Iterator[str]:
    lines.seek(0)
    text = io.TextIOWrapper(lines, encoding="utf-8-sig", newline="")
    for row in csv.DictReader(text):
        yield canonical_line(FORM, [unescape_formula(row[name]) for name in COLUMNS])
    text.detach()
    lines.seek(0)
