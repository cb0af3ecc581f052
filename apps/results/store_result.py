"""Build and store the result in one transaction: from the facts as of the cut-off that were stored by the snapshot."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q
from django.db.models.functions import Collate

from apps.campaigns.models import Campaign
from apps.campaigns.population import employee_ids_sql
from apps.core.audit import Actor, audit
from apps.core.closed_periods import block_backdated_writes
from apps.core.locks import disable_statement_timeout
from apps.core.sql import sql_literal
from apps.employees.models import Employee
from apps.employees.org_tree import tree_at_sql
from apps.results import signing
from apps.results.models import FrozenResult, FrozenStanding
from apps.results.verification import COVERED, FORM, RESULT, canonical_line, fingerprints, head
from apps.standings.base_query import base_ctes
from apps.standings.evaluation import frozen_reasons_sql
from apps.standings.marking import ranges
from apps.standings.population import EmployeeIds

# A cell in a standings file has no line break and no tab.
ONE_LINE = str.maketrans("\r\n\t", "   ")
STORE_ROWS = """
{sources}, by_day AS (
    SELECT employee_id, array_agg(day ORDER BY day) AS days, array_agg(count ORDER BY day) AS counts
    FROM days GROUP BY employee_id)
INSERT INTO results_frozenstanding (campaign_id, version, employee_id, staff_no, name, email, department,
    manager_staff_no, counted, target, exempt, pace, target_reached_at, days, counts)
SELECT {campaign}, 1, employee_id, staff_no, name, email, department, manager_staff_no, counted, target, exempt, pace,
    target_reached_at, coalesce(by_day.days, '{{}}'), coalesce(by_day.counts, '{{}}')
FROM listed LEFT JOIN by_day USING (employee_id)
"""
STORE_TREE = """
{tree} INSERT INTO results_frozenorgposition (campaign_id, employee_id, manager_id, first, last)
SELECT {campaign}, employee_id, manager_id, first, last FROM tree
"""
STORE_REASONS = """
INSERT INTO results_frozenreason (campaign_id, employee_id, contact_id, reason)
SELECT {campaign}, employee_id, contact_id, reason FROM ({reasons}) judged
"""


def store_result(
    campaign: Campaign, by: Actor, progress: Callable[[int, int], None] = lambda done, total: None
) -> None:
    """Make and store version 1 of a closing campaign's result and freeze the campaign, atomically.

    No lock is needed: facts stored after the snapshot do not count, and changes of the past are refused. Of two
    concurrent calls the database lets one succeed; the other raises IntegrityError.
    """
    # Read again: while the campaign was open, the caller may have read a rule that has changed since.
    campaign = Campaign.objects.get(pk=campaign.pk)
    rule, total, done = campaign.rule, Employee.objects.count(), 0
    with transaction.atomic():
        # The duration depends on the number of employees, not on a page's time limit.
        disable_statement_timeout()
        with connection.cursor() as cursor:
            for employees in ranges():
                listed = base_ctes(campaign, rule, EmployeeIds(employees), rule.cutoff_at, historical=True)
                cursor.execute(STORE_ROWS.format(sources=listed, campaign=campaign.pk))
                why = frozen_reasons_sql(rule, employee_ids_sql(employees))
                cursor.execute(STORE_REASONS.format(reasons=why, campaign=campaign.pk))
                done += len(employees)
                progress(done, total)
            tree = tree_at_sql(sql_literal(rule.cutoff_at))
            cursor.execute(STORE_TREE.format(tree=tree, campaign=campaign.pk))
        result = store_version(campaign, 1, by, reasons_kept=True)
        if not Campaign.objects.filter(pk=campaign.pk, state=Campaign.State.CLOSING).update(
            state=Campaign.State.FROZEN
        ):
            raise RuntimeError(f"{campaign.slug} is closing no more")
        block_backdated_writes(campaign.slug, False)
        detail = {
            "rows": result.rows,
            "red": result.red,
            "digest": result.digest,
            "snapshot_at": f"{result.snapshot_at}",
        }
        audit("campaign.frozen", by=by, kind="campaign", id=campaign.slug, label=campaign.name, detail=detail)


def store_version(
    campaign: Campaign,
    version: int,
    by: Actor,
    *,
    reasons_kept: bool,
    signed: Callable[[int], None] = lambda lines: None,
) -> FrozenResult:
    """Sign the stored rows of a version: digest, signature, and the result they belong to.

    `signed` receives the number of lines in the digest so far.
    """
    rows = FrozenStanding.objects.filter(campaign=campaign, version=version)
    if campaign.snapshot_at is None:
        raise ValueError(f"{campaign.slug} has no K: nothing says what counts")
    counts = rows.aggregate(rows=Count("pk"), red=Count("pk", filter=Q(red=True)))
    document = signature_fields(campaign, version, FORM, signed)
    signature, public_key = signing.sign(document)
    return FrozenResult.objects.create(
        campaign=campaign, version=version, rule_version=campaign.rule.version, cutoff_at=campaign.rule.cutoff_at,
        snapshot_at=campaign.snapshot_at, rows=counts["rows"], red=counts["red"], digest=document["digest"],
        signature=signature, public_key=public_key, created_by_label=by.label,
        reasons_kept=reasons_kept, canonical_form=FORM,
    )  # fmt: skip


def signature_fields(
    campaign: Campaign, version: int, form: int, signed: Callable[[int], None] = lambda lines: None
) -> dict[str, Any]:
    """The content of a signature file of a version, without the signature; made from the stored rows.

    `form`: the version of the canonical form that was signed.
    """
    rule = campaign.rule
    fields = result_fields(form, campaign.slug, instant(rule.cutoff_at), rule.version, version)
    return add_lines(fields, _counted(canonical_lines(campaign, version, form), signed))


def result_fields(form: int, slug: str, cutoff: str, rule_version: int, version: int) -> dict[str, Any]:
    """The header fields of a result; version 1 of the form had neither version nor kind."""
    named = {} if form == 1 else {"form": form, "kind": RESULT}
    return {
        **named, "campaign": slug, "cutoff": cutoff, "rule_version": rule_version, "result_version": version,
    }  # fmt: skip


def add_lines(fields: dict[str, Any], lines: Iterable[str]) -> dict[str, Any]:
    """The header fields together with those computed from the canonical lines."""
    digest, hashes, rows = fingerprints(head(fields), lines)
    return {**fields, "rows": rows, "line_hashes": base64.b64encode(hashes).decode(), "digest": digest}


def signature_document(result: FrozenResult) -> dict[str, Any]:
    """The signature file of a stored result. It proves nothing if the rows were changed outside of the application."""
    fields = signature_fields(result.campaign, result.version, result.canonical_form)
    return {**fields, "signature": result.signature}


def instant(at: datetime) -> str:
    """An instant in UTC as the first canonical line has it: to the second, or to the microsecond where it has any."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def canonical_lines(campaign: Campaign, version: int, form: int) -> Iterator[str]:
    """The stored rows of a version in the signed form, in order."""
    rows = FrozenStanding.objects.filter(campaign=campaign, version=version).order_by(Collate("staff_no", "C"))
    for cells in rows.values_list(*COVERED[form, RESULT]).iterator(chunk_size=5_000):
        yield stored_line(form, cells)


def stored_line(form: int, cells: Iterable[str | int | bool]) -> str:
    """The canonical line of a stored row: its covered cells in order, as in its CSV."""
    return canonical_line(form, [_cell(cell) for cell in cells])


def _cell(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.translate(ONE_LINE) if isinstance(value, str) else str(value)


def _counted(lines: Iterator[str], signed: Callable[[int], None]) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        yield line
        if number % 10_000 == 0:
            signed(number)
