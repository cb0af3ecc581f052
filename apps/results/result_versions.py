"""The result version of a granted correction: copied, signed and stored in one transaction, once.

A small one is made with the grant. A large one takes longer than a request may, so a worker makes it after the grant;
until then the version before is the result. If a worker dies, only the grant is left, and the sweep finds it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from psycopg2.sql import SQL

from apps.campaigns.models import Campaign
from apps.core import progress as progress_rows
from apps.core.audit import Actor, audit
from apps.core.events import record_event
from apps.core.locks import advisory_lock, disable_statement_timeout
from apps.core.models import Progress
from apps.core.sql import compose, fetch_all, statement
from apps.results.models import FrozenResult, ResultCorrection
from apps.results.store_result import store_version
from apps.standings.base_query import pace_sql

ProgressCallback = Callable[[int], None]
# The largest result whose next version is made while a page waits: about a second.
SYNC_LIMIT_ROWS = 20_000
# A step of the progress bar; the copy of a million rows takes minutes.
CHUNK_ROWS = 20_000
COPY_ROWS = statement("results", "results", "copy_rows")
CHUNKS = statement("results", "results", "chunks")
CORRECTED_EMPLOYEES = statement("results", "results", "corrected_employees")


def pending_versions() -> QuerySet[ResultCorrection]:
    """Granted corrections whose version does not exist yet."""
    stored = FrozenResult.objects.filter(campaign=OuterRef("campaign"), version=OuterRef("result_version"))
    granted = ResultCorrection.objects.filter(state=ResultCorrection.State.GRANTED)
    return granted.exclude(Exists(stored)).order_by("pk")


def is_pending(correction: ResultCorrection) -> bool:
    return pending_versions().filter(pk=correction.pk).exists()


def latest_progress(correction: ResultCorrection) -> Progress | None:
    """The newest attempt at making it, for the progress display."""
    return Progress.objects.filter(kind=_kind(correction)).order_by("-started_at").first()


def ensure_version(correction_id: int) -> FrozenResult | None:
    """Create the version of a granted correction unless it exists; returns it. None: another process is creating it."""
    with advisory_lock(f"correction:{correction_id}") as locked:
        if not locked:
            return None
        correction = ResultCorrection.objects.select_related("campaign").get(pk=correction_id)
        if not is_pending(correction):
            return find_version(correction)
        # Every version has as many rows as the first: a correction changes standings and adds none.
        rows = FrozenResult.objects.get(campaign=correction.campaign, version=1).rows
        try:
            with progress_rows.track_progress(_kind(correction), total=2 * rows) as progress:
                return create_version(correction, progress)
        except IntegrityError:
            # Behind a connection pool the advisory lock may not protect: another process has made it first.
            if is_pending(correction):
                raise
            return find_version(correction)


def find_version(correction: ResultCorrection) -> FrozenResult | None:
    """The version that a granted correction has made; None while it is pending."""
    return FrozenResult.objects.filter(campaign=correction.campaign, version=correction.result_version or 0).first()


def create_version(correction: ResultCorrection, progress: ProgressCallback = lambda done: None) -> FrozenResult:
    """Make the version in one transaction. `progress` receives the number of rows copied and then signed, together."""
    campaign, version, done = correction.campaign, correction.result_version or 0, 0
    by = Actor(correction.decided_by_id, correction.decided_by_label)
    with transaction.atomic():
        disable_statement_timeout()
        # Serialises decisions and version builds of one campaign.
        Campaign.objects.lock(campaign.pk).get()
        before = FrozenResult.objects.get(campaign=campaign, version=version - 1)
        # As of the cut-off, like all of the result: a corrected count has the pace that it would have had.
        pace = pace_sql(campaign.rule, campaign.rule.cutoff_at)
        with connection.cursor() as cursor:
            cursor.execute(CHUNKS, {"size": CHUNK_ROWS, "campaign": campaign.pk, "version": version - 1})
            for first, last, rows in cursor.fetchall():
                cursor.execute(
                    compose(
                        COPY_ROWS, campaign=campaign.pk, correction=correction.pk, version=version, pace=SQL(pace),
                        first=first, last=last,
                    )
                )  # fmt: skip
                done += rows
                progress(done)
        result = store_version(
            campaign, version, by, reasons_kept=before.reasons_kept, progress=lambda lines: progress(done + lines)
        )
        detail = {"campaign": campaign.slug, "result_version": version, "digest": result.digest}
        audit("correction.made", by=by, kind="correction", id=correction.pk, label=correction.reason, detail=detail)
        _notify_employees(correction, version)
    return result


def _notify_employees(correction: ResultCorrection, version: int) -> None:
    """Of the version, those whose line it changed."""
    campaign_id = correction.campaign_id
    values = {"campaign": campaign_id, "correction": correction.pk, "version": version}
    employees = [employee_id for (employee_id,) in fetch_all(CORRECTED_EMPLOYEES, values)]
    record_event(
        "result_corrected", subject=f"{campaign_id}:{version}", campaign_id=campaign_id, employees=employees
    )  # fmt: skip


def _kind(correction: ResultCorrection) -> str:
    return f"correction:{correction.pk}"
