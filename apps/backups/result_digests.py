"""Frozen results in a backup: digests recomputed from the rows, their signatures, and the key for new results."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from psycopg2 import sql

from apps.backups.archive import Backup
from apps.core import signing_key as core_signing_key
from apps.core.sql import statement
from apps.localstack.paths import InstallPaths
from apps.results import verification
from apps.results.store_result import add_lines, instant, result_fields, stored_line

RESULTS = statement("backups", "result_digests", "results")
ROWS = sql.SQL(statement("backups", "result_digests", "rows"))
FETCH_ROWS = 10_000


def describe_results(cursor: Any) -> list[dict[str, Any]]:
    """Every version of every frozen result, as the transaction of `cursor` sees its rows.

    `digest` is computed from the rows, `signed` says whether the key stored with the result signed them, and `key` is
    that key's fingerprint.
    """
    # A backup may bring an older schema without this table.
    cursor.execute("SELECT to_regclass('public.results_frozenresult') IS NOT NULL")
    if not cursor.fetchone()[0]:
        return []
    cursor.execute(RESULTS)
    return [_result_of(cursor, *row) for row in cursor.fetchall()]


def _result_of(
    cursor: Any, campaign: int, slug: str, version: int, rule: int, cutoff: Any, signature: str, pem: str, form: int
) -> Any:
    by_red = Counter[bool]()

    def lines() -> Iterator[str]:
        columns = sql.SQL(", ".join(verification.COVERED[form, verification.RESULT]))
        rows.execute(ROWS.format(columns=columns), {"campaign": campaign, "version": version})
        for *cells, red in rows:
            by_red[red] += 1
            yield stored_line(form, cells)

    # A named cursor reads in portions: a result has a row for each employee.
    with cursor.connection.cursor(name="frozen_rows") as rows:
        rows.itersize = FETCH_ROWS
        document = add_lines(result_fields(form, slug, instant(cutoff), rule, version), lines())
    return {
        "campaign": slug, "version": version, "rows": document["rows"], "red": by_red[True],
        "digest": document["digest"], **_verify_signature({**document, "signature": signature}, pem),
    }  # fmt: skip


def _verify_signature(document: dict[str, Any], pem: str) -> dict[str, Any]:
    """An invalid key verifies nothing; it does not stop a backup."""
    try:
        return {
            "signed": verification.signed_by(document, verification.read_key(pem.encode())),
            "key": core_signing_key.fingerprint(pem),
        }
    except verification.UnreadableResultFile:
        return {"signed": False, "key": None}


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The results that differ between two descriptions; a backup of an older Hundred may describe none."""
    if "results" not in before:
        return []
    restored_results = {(result["campaign"], result["version"]): result for result in now["results"]}
    return [
        f"{result['campaign']}: result {result['version']} differs from the backup"
        for result in before["results"]
        if restored_results.get((result["campaign"], result["version"])) != result
    ]


# -- the signing key -----------------------------------------------------------------------------------------------


def signing_key(cursor: Any, secret: str) -> str | None:
    """The fingerprint of the key that signs the next freeze: `secret`, else the key that the worker announced.

    None when there is neither or the key is invalid.
    """
    if secret:
        return _fingerprint_of(secret)
    cursor.execute("SELECT value #>> '{}' FROM core_setting WHERE name = %s", [core_signing_key.PUBLIC_KEY_SETTING])
    announced = cursor.fetchone()
    return core_signing_key.fingerprint(announced[0]) if announced and announced[0] else None


def _fingerprint_of(secret: str) -> str | None:
    try:
        return core_signing_key.fingerprint(core_signing_key.public_key_of(secret)) if secret else None
    except ValueError:
        return None


def signing_key_report(backup: Backup, paths: InstallPaths | None, secret: str) -> dict[str, Any] | None:
    """Whether the restored installation signs with the key of the backed-up one, and how to fix it if not.

    `secret` is its SIGNING_KEY. None where nothing was frozen and no key was known.
    """
    results = backup.manifest.get("results", [])
    # Backups of older versions have no key in the manifest; their last result has it.
    expected = backup.manifest.get("signing_key") or (results[-1]["key"] if results else None)
    if expected is None:
        return None
    here = _fingerprint_of(secret)
    if here == expected:
        sentence = f"The next freeze or correction is signed with the same key as before ({expected})."
    else:
        sentence = _key_warning(here, expected, _how_to_fix(backup, paths))
    return {"expected": expected, "here": here, "same": here == expected, "sentence": sentence}


def _how_to_fix(backup: Backup, paths: InstallPaths | None) -> str:
    if backup.secrets is None:
        return (
            "set the key in the .env of the backed-up server (a key that an older version stored in its "
            "database is no longer used: set a new one)"
        )
    if paths is None:
        return f"set the key from the backup: tar -xOf '{backup.path}' secrets.json"
    return "remove SIGNING_KEY from the environment and from .env, and the backup's own is used"


def _key_warning(here: str | None, expected: str, how_to_fix: str) -> str:
    if settings.SIGNING_KEY and here is None:
        problem = "SIGNING_KEY is not a key: it must be 32 random bytes as base64"
    elif here is None:
        problem = "SIGNING_KEY is not set, and without it no campaign can be frozen or corrected"
    else:
        problem = f"SIGNING_KEY is a different key: it signs as {here}"
    return (
        f"Results were signed as {expected} before. Here {problem}. What is frozen already still verifies, with the "
        f"key that is kept with it. Before the next freeze or correction {how_to_fix}; or, if it is lost, tell "
        "the people who verify results about the new key. `public_key` prints it, "
        "`public_key --campaign N` prints that of an old result."
    )
