"""A small result with its payout file, signed in every form, and helpers to write it as a file."""

import base64
import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apps.results import verification
from apps.results.verification import HANDOVER, RESULT, read_key, read_signature
from tests.published import STANDINGS_FILE

Row = dict[str, str]
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
REVIEWS_AT = "2026-12-01T00:05:00Z"
DIGEST = "d" * 64


def person(staff_no: str, name: str, counted: int, target: int, *, exempt: bool = False, verdict: str = "") -> Row:
    red = counted < target and not exempt
    return {
        **dict.fromkeys(STANDINGS_FILE, ""),
        "staff_no": staff_no, "name": name, "email": f"{name.split()[0].lower()}@corp.example.com",
        "department": "Sales", "manager_staff_no": "B001", "counted": str(counted), "target": str(target),
        "remaining": str(max(target - counted, 0)), "exempt": "yes" if exempt else "no", "red": "yes" if red else "no",
        "pace": "behind" if red else "done", "reached_at": "" if red else "2026-11-20T12:00:00.000000+08:00",
        "as_of": "2026-12-01T00:00:00.000000+08:00", "under_review": "no",
        "verdict": verdict or ("not_eligible" if red else "eligible"), "result_version": "1", "rule_version": "1",
        "cutoff_at": "2026-12-01T00:00:00.000000+08:00", "reviews_as_of": "2026-12-01T08:05:00.000000+08:00",
        "digest": DIGEST,
    }  # fmt: skip


# In canonical order; as stored, without a file's escapes.
PEOPLE = [
    person("007", "Seven", 99, 100, verdict="under_review"),
    person("=1+1", "=Formula", 100, 100),
    person("A001", "Alice 艾", 0, 100, exempt=True),
    person("A,2", 'Comma "C", Inc.', 5, 5),
    person("O'1", "O'Hara", 3, 5),
    person("Z9", "Last", 1, 100),
    person("é1", "Accent É", 1, 100),
]


def people(**changes: tuple[int, str]) -> list[Row]:
    """The rows with some cells changed: column=(place, text)."""
    rows = [dict(row) for row in PEOPLE]
    for column, (place, text) in changes.items():
        rows[place][column] = text
    return rows


def table(
    rows: Sequence[Row],
    columns: Sequence[str] = STANDINGS_FILE,
    *,
    header: Sequence[str] | None = None,
    separator: str = ",",
    end: str = "\r\n",
    quoting: Any = csv.QUOTE_MINIMAL,
    guard: bool = True,
) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=quoting)
    writer.writerow(columns if header is None else header)
    for row in rows:
        writer.writerow([verification.guarded(row[name]) if guard else row[name] for name in columns])
    return text.getvalue()


def signed(rows: Sequence[Row] = tuple(PEOPLE), *, form: int = 2, kind: str = RESULT, **changes: Any) -> bytes:
    """The signature file of these rows; `changes` are made before signing."""
    document: dict[str, Any] = {} if form == 1 else {"form": form, "kind": kind}
    document |= {"campaign": "november", "cutoff": "2026-11-30T16:00:00Z", "rule_version": 1, "result_version": 1}
    document |= {"reviews_as_of": REVIEWS_AT, "result_digest": DIGEST} if kind == HANDOVER else {}
    document |= changes
    lines = [verification.canonical_line(form, [row[name] for name in verification.covered(document)]) for row in rows]
    digest, hashes, count = verification.fingerprints(verification.canonical_head(document), lines)
    document |= {"rows": count, "line_hashes": base64.b64encode(hashes).decode(), "digest": digest}
    return sealed(document)


def sealed(document: dict[str, Any], key: Ed25519PrivateKey = KEY) -> bytes:
    signature = base64.b64encode(key.sign(verification.signed_bytes(document))).decode()
    return json.dumps({**document, "signature": signature}).encode()


def verify(raw: bytes, signature: bytes | None = None, key: bytes = PEM) -> verification.Finding:
    return verification.verify(io.BytesIO(raw), read_signature(signature or signed()), read_key(key))


def verify_part(raw: bytes, whole: bytes | None = None, signature: bytes | None = None) -> verification.Finding:
    document = read_signature(signature or signed())
    files = (io.BytesIO(each) for each in (whole or table(PEOPLE).encode(), raw))
    return verification.verify_either(*files, document, read_key(PEM))
