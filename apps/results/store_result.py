"""Build and store the result in one transaction: from the facts as of the cut-off that were stored by the snapshot."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q
from django.db.models.functions import Collate
from psycopg2.sql import SQL

from apps.campaigns.models import Campaign
from apps.campaigns.population import employee_ids_sql
from apps.core.audit import Actor, audit
from apps.core.closed_periods import block_backdated_writes
from apps.core.events import record_event
from apps.core.locks import disable_statement_timeout
from apps.core.signing_key import pem_of, private_key
from apps.core.sql import compose, sql_literal, statement
from apps.employees.models import Employee
from apps.employees.org_tree import tree_at_sql
from apps.results.models import FrozenResult, FrozenStanding
from apps.results.verification import COVERED, FORM, RESULT, canonical_head, canonical_line, fingerprints, signed_bytes
from apps.standings.base_query import base_ctes
from apps.standings.evaluation import frozen_reasons_sql
from apps.standings.marking import ranges
from apps.standings.report_people import EmployeeIds

# A cell in a standings file has no line break and no tab.
LINE_BREAKS_AS_BLANKS = str.maketrans("\r\n\t", "   ")
STORE_ROWS = statement("results", "results", "store_rows")
STORE_TREE = statement("results", "results", "store_tree")
STORE_REASONS = statement("results", "results", "store_reasons")


def store_result(
    campaign: Campaign, by: Actor, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Make and store version 1 of a closing campaign's result and freeze the campaign, atomically.

    No lock is needed: facts stored after the snapshot do not count, and changes of the past are refused. Of two
    concurrent calls the database lets one succeed; the other raises IntegrityError.
    """
    # Read again: while the campaign was open, the caller may have read a rule that has changed since.
    campaign = Campaign.objects.get(pk=campaign.pk)
    with transaction.atomic():
        # The duration depends on the number of employees, not on a page's time limit.
        disable_statement_timeout()
        _store_rows(campaign, progress)
        result = store_version(campaign, 1, by, reasons_kept=True)
        # Guarded: of two processes without a working advisory lock only one changes the state.
        if not Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.CLOSING).update(
            state=Campaign.State.FROZEN
        ):
            raise RuntimeError(f"{campaign.slug} is no longer closing")
        # The result no longer depends on the facts, so that the feed may go on.
        block_backdated_writes(campaign.slug, False)
        detail = {
            "rows": result.rows,
            "red": result.red,
            "digest": result.digest,
            "snapshot_at": f"{result.snapshot_at}",
        }
        record_event("result_final", subject=campaign.pk, campaign_id=campaign.pk)
        audit("campaign.frozen", by=by, kind="campaign", id=campaign.slug, label=campaign.name, detail=detail)


def _store_rows(campaign: Campaign, progress: Callable[[int, int], None]) -> None:
    rule, total, done = campaign.rule, Employee.objects.count(), 0
    with connection.cursor() as cursor:
        # One transaction, but many statements: a single one for a million employees would need all of them in
        # memory.
        for employees in ranges():
            standings = base_ctes(campaign, rule, EmployeeIds(employees), rule.cutoff_at, historical=True)
            cursor.execute(compose(STORE_ROWS, standings=SQL(standings), campaign=campaign.pk))
            reasons = frozen_reasons_sql(rule, employee_ids_sql(employees))
            cursor.execute(compose(STORE_REASONS, reasons=SQL(reasons), campaign=campaign.pk))
            done += len(employees)
            progress(done, total)
        # Stored with the result: teams of a frozen campaign are those of the deadline, whatever the roster says
        # later.
        tree = tree_at_sql(sql_literal(rule.cutoff_at))
        cursor.execute(compose(STORE_TREE, tree=SQL(tree), campaign=campaign.pk))


def store_version(
    campaign: Campaign,
    version: int,
    by: Actor,
    *,
    reasons_kept: bool,
    progress: Callable[[int], None] = lambda lines: None,
) -> FrozenResult:
    """Sign the stored rows of a version: digest, signature, and the result they belong to.

    `progress` receives the number of lines in the digest so far.
    """
    # Read back from the table: the signature covers what is stored, not what was meant to be stored.
    rows = FrozenStanding.objects.filter(campaign=campaign, version=version)
    if campaign.snapshot_at is None:
        raise ValueError(f"{campaign.slug} has no snapshot: nothing says which facts count")
    counts = rows.aggregate(rows=Count("pk"), red=Count("pk", filter=Q(red=True)))
    document = signature_fields(campaign, version, FORM, progress)
    signature, public_key = sign(document)
    return FrozenResult.objects.create(
        campaign=campaign, version=version, rule_version=campaign.rule.version, cutoff_at=campaign.rule.cutoff_at,
        snapshot_at=campaign.snapshot_at, rows=counts["rows"], red=counts["red"], digest=document["digest"],
        signature=signature, public_key=public_key, created_by_label=by.label,
        reasons_kept=reasons_kept, canonical_form=FORM,
    )  # fmt: skip


def sign(document: dict[str, Any]) -> tuple[str, str]:
    """The signature over the other fields of a signature file (base64), and the public key that verifies it (PEM).

    Raises CannotSign.
    """
    key = private_key()
    return base64.b64encode(key.sign(signed_bytes(document))).decode(), pem_of(key)


def signature_fields(
    campaign: Campaign, version: int, form: int, progress: Callable[[int], None] = lambda lines: None
) -> dict[str, Any]:
    """The content of a signature file of a version, without the signature; made from the stored rows.

    `form`: the version of the canonical form that was signed.
    """
    rule = campaign.rule
    fields = result_fields(form, campaign.slug, instant(rule.cutoff_at), rule.version, version)
    return add_lines(fields, _with_progress(canonical_lines(campaign, version, form), progress))


def result_fields(form: int, slug: str, cutoff: str, rule_version: int, version: int) -> dict[str, Any]:
    """The header fields of a result; version 1 of the form had neither version nor kind."""
    # Results of form 1 must give the same bytes as when they were signed.
    named = {} if form == 1 else {"form": form, "kind": RESULT}
    return {
        **named, "campaign": slug, "cutoff": cutoff, "rule_version": rule_version, "result_version": version,
    }  # fmt: skip


def add_lines(fields: dict[str, Any], lines: Iterable[str]) -> dict[str, Any]:
    """The header fields together with those computed from the canonical lines."""
    digest, hashes, rows = fingerprints(canonical_head(fields), lines)
    return {**fields, "rows": rows, "line_hashes": base64.b64encode(hashes).decode(), "digest": digest}


def signature_document(result: FrozenResult) -> dict[str, Any]:
    """The signature file of a stored result. It proves nothing if the rows were changed outside of the application."""
    fields = signature_fields(result.campaign, result.version, result.canonical_form)
    return {**fields, "signature": result.signature}


def instant(at: datetime) -> str:
    """An instant in UTC as the first canonical line has it: to the second, or to the microsecond where it has any."""
    # One spelling of an instant in all time zones: the line is compared byte by byte.
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def canonical_lines(campaign: Campaign, version: int, form: int) -> Iterator[str]:
    """The stored rows of a version in the signed form, in order."""
    # By code points, like the verification; a collation of the system can change with an update.
    rows = FrozenStanding.objects.filter(campaign=campaign, version=version).order_by(Collate("staff_no", "C"))
    for cells in rows.values_list(*COVERED[form, RESULT]).iterator(chunk_size=5_000):
        yield stored_line(form, cells)


def stored_line(form: int, cells: Iterable[str | int | bool]) -> str:
    """The canonical line of a stored row: its covered cells in order, as in its CSV."""
    return canonical_line(form, [_cell(cell) for cell in cells])


def _cell(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    # As the CSV writer does: the signed line must equal what a reader of the file computes.
    return value.translate(LINE_BREAKS_AS_BLANKS) if isinstance(value, str) else str(value)


def _with_progress(lines: Iterator[str], progress: Callable[[int], None]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        yield line
        if number % 10_000 == 0:
            progress(number)
