"""The result version of a granted correction: copied, signed and stored in one transaction, once.

A small one is made with the grant. A large one takes longer than a request may, so a worker makes it after the grant;
until then the version before is the result. If a worker dies, only the grant is left, and the sweep finds it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.campaigns.models import Campaign
from apps.core import progress as shown
from apps.core.audit import Actor, audit
from apps.core.locks import advisory_lock, disable_statement_timeout
from apps.core.models import Progress
from apps.results.models import FrozenResult, ResultCorrection
from apps.results.store_result import store_version
from apps.standings.base_query import pace_sql

ProgressCallback = Callable[[int], None]
# The largest result whose next version is made while a page waits: about a second.
SYNC_LIMIT_ROWS = 20_000
CHUNK_ROWS = 20_000
# The rows of the version before, with the corrected values. A corrected row has no date of reaching the target.
COPY_ROWS = """
INSERT INTO results_frozenstanding (campaign_id, version, employee_id, staff_no, name, email, department,
    manager_staff_no, counted, target, exempt, pace, target_reached_at, days, counts)
SELECT campaign_id, {version}, employee_id, staff_no, name, email, department, manager_staff_no, counted, target,
    exempt, CASE WHEN corrected THEN {pace} ELSE pace END, CASE WHEN corrected THEN NULL ELSE target_reached_at END,
    days,
    counts
FROM (SELECT before.campaign_id, before.employee_id, before.staff_no, before.name, before.email, before.department,
        before.manager_staff_no, before.pace, before.target_reached_at, before.days, before.counts,
        line.id IS NOT NULL AND (line.counted, line.target) <> (before.counted, before.target) AS corrected,
        coalesce(line.counted, before.counted) AS counted, coalesce(line.target, before.target) AS target,
        coalesce(line.exempt, before.exempt) AS exempt
      FROM results_frozenstanding before LEFT JOIN results_correctionline line
        ON line.employee_id = before.employee_id AND line.correction_id = {correction}
      WHERE before.campaign_id = {campaign} AND before.version = {version} - 1
        AND before.employee_id BETWEEN {first} AND {last}) row
"""
CHUNKS_SQL = """
SELECT min(employee_id), max(employee_id), count(*) FROM (
    SELECT employee_id, (row_number() OVER (ORDER BY employee_id) - 1) / %s AS place FROM results_frozenstanding
    WHERE campaign_id = %s AND version = %s) cut
GROUP BY place ORDER BY place
"""


def pending_versions() -> QuerySet[ResultCorrection]:
    """Granted corrections whose version does not exist yet."""
    stands = FrozenResult.objects.filter(campaign=OuterRef("campaign"), version=OuterRef("result_version"))
    granted = ResultCorrection.objects.filter(state=ResultCorrection.State.GRANTED)
    return granted.exclude(Exists(stands)).order_by("pk")


def is_unmade(correction: ResultCorrection) -> bool:
    return pending_versions().filter(pk=correction.pk).exists()


def latest_progress(correction: ResultCorrection) -> Progress | None:
    """The newest attempt at making it, for the progress display."""
    return Progress.objects.filter(kind=_kind(correction)).order_by("-started_at").first()


def make_version(correction_id: int) -> FrozenResult | None:
    """Make the version of a granted correction unless it exists; returns it. None: another process is making it."""
    with advisory_lock(f"correction:{correction_id}") as locked:
        if not locked:
            return None
        correction = ResultCorrection.objects.select_related("campaign").get(pk=correction_id)
        if not is_unmade(correction):
            return _made(correction)
        rows = FrozenResult.objects.get(campaign=correction.campaign, version=1).rows
        try:
            with shown.track_progress(_kind(correction), total=2 * rows) as progress:
                return create_version(correction, progress)
        except IntegrityError:
            # Behind a connection pool the advisory lock may not protect: another process has made it first.
            if is_unmade(correction):
                raise
            return _made(correction)


def _made(correction: ResultCorrection) -> FrozenResult:
    return FrozenResult.objects.get(campaign=correction.campaign, version=correction.result_version or 0)


def create_version(correction: ResultCorrection, progress: ProgressCallback = lambda done: None) -> FrozenResult:
    """Make the version in one transaction. `progress` receives the number of rows copied and then signed, together."""
    campaign, version, done = correction.campaign, correction.result_version or 0, 0
    by = Actor(correction.decided_by_id, correction.decided_by_label)
    with transaction.atomic():
        disable_statement_timeout()
        # Serialises decisions and version builds of one campaign.
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        before = FrozenResult.objects.get(campaign=campaign, version=version - 1)
        pace = pace_sql(campaign.rule, campaign.rule.cutoff_at)
        with connection.cursor() as cursor:
            cursor.execute(CHUNKS_SQL, [CHUNK_ROWS, campaign.pk, version - 1])
            for first, last, rows in cursor.fetchall():
                statement = COPY_ROWS.format(
                    campaign=campaign.pk, correction=correction.pk, version=version, pace=pace, first=first, last=last
                )
                cursor.execute(statement)
                done += rows
                progress(done)
        result = store_version(
            campaign, version, by, reasons_kept=before.reasons_kept, signed=lambda lines: progress(done + lines)
        )
        detail = {"campaign": campaign.slug, "result_version": version, "digest": result.digest}
        audit("correction.made", by=by, kind="correction", id=correction.pk, label=correction.reason, detail=detail)
    return result


def _kind(correction: ResultCorrection) -> str:
    return f"correction:{correction.pk}"
