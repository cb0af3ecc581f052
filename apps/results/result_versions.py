"""The version of a result that a granted correction makes: copied, sealed and stored in one transaction, once.

A small one is made with the grant. A large one takes longer than a page may, so it is granted first and made by a
worker; until it stands, the version before is the result. Whoever is killed on the way leaves nothing but the grant,
which the sweep finds.
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

Told = Callable[[int], None]
# The largest result whose next version is made while a page waits: about a second.
AT_ONCE = 20_000
PIECE = 20_000
# The rows of the version before, with what the correction says; who reached the target is not known of a correction.
COPY_ROWS = """
INSERT INTO results_frozenstanding (campaign_id, version, employee_id, staff_no, name, email, department,
    manager_staff_no, counted, target, exempt, pace, reached_at, days, deltas)
SELECT campaign_id, {version}, employee_id, staff_no, name, email, department, manager_staff_no, counted, target,
    exempt, CASE WHEN corrected THEN {pace} ELSE pace END, CASE WHEN corrected THEN NULL ELSE reached_at END, days,
    deltas
FROM (SELECT before.campaign_id, before.employee_id, before.staff_no, before.name, before.email, before.department,
        before.manager_staff_no, before.pace, before.reached_at, before.days, before.deltas,
        line.id IS NOT NULL AND (line.counted, line.target) <> (before.counted, before.target) AS corrected,
        coalesce(line.counted, before.counted) AS counted, coalesce(line.target, before.target) AS target,
        coalesce(line.exempt, before.exempt) AS exempt
      FROM results_frozenstanding before LEFT JOIN results_correctionline line
        ON line.employee_id = before.employee_id AND line.correction_id = {correction}
      WHERE before.campaign_id = {campaign} AND before.version = {version} - 1
        AND before.employee_id BETWEEN {first} AND {last}) row
"""
PIECES = """
SELECT min(employee_id), max(employee_id), count(*) FROM (
    SELECT employee_id, (row_number() OVER (ORDER BY employee_id) - 1) / %s AS place FROM results_frozenstanding
    WHERE campaign_id = %s AND version = %s) cut
GROUP BY place ORDER BY place
"""


def pending_versions() -> QuerySet[ResultCorrection]:
    """Corrections that were granted and whose version does not stand yet."""
    stands = FrozenResult.objects.filter(campaign=OuterRef("campaign"), version=OuterRef("result_version"))
    granted = ResultCorrection.objects.filter(state=ResultCorrection.State.GRANTED)
    return granted.exclude(Exists(stands)).order_by("pk")


def is_unmade(correction: ResultCorrection) -> bool:
    return pending_versions().filter(pk=correction.pk).exists()


def latest_progress(correction: ResultCorrection) -> Progress | None:
    """The newest attempt at making it, for whoever waits."""
    return Progress.objects.filter(kind=_kind(correction)).order_by("-started_at").first()


def make_version(correction_id: int) -> FrozenResult | None:
    """Make what a granted correction stands for, unless it stands already; returns it. None: somebody is at it."""
    with advisory_lock(f"correction:{correction_id}") as mine:
        if not mine:
            return None
        correction = ResultCorrection.objects.select_related("campaign").get(pk=correction_id)
        if not is_unmade(correction):
            return _made(correction)
        rows = FrozenResult.objects.get(campaign=correction.campaign, version=1).rows
        try:
            with shown.track_progress(_kind(correction), total=2 * rows) as told:
                return create_version(correction, told)
        except IntegrityError:
            # On a connection that the hold does not reach, as behind a pool, somebody else has made it first.
            if is_unmade(correction):
                raise
            return _made(correction)


def _made(correction: ResultCorrection) -> FrozenResult:
    return FrozenResult.objects.get(campaign=correction.campaign, version=correction.result_version or 0)


def create_version(correction: ResultCorrection, told: Told = lambda done: None) -> FrozenResult:
    """Make the version in one transaction. `told` hears how many rows are copied, and then sealed, together."""
    campaign, version, done = correction.campaign, correction.result_version or 0, 0
    by = Actor(correction.decided_by_id, correction.decided_by_label)
    with transaction.atomic():
        disable_statement_timeout()
        # Two decisions and two makers of one campaign come one after the other.
        Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
        before = FrozenResult.objects.get(campaign=campaign, version=version - 1)
        pace = pace_sql(campaign.rule, campaign.rule.cutoff_at)
        with connection.cursor() as cursor:
            cursor.execute(PIECES, [PIECE, campaign.pk, version - 1])
            for first, last, rows in cursor.fetchall():
                statement = COPY_ROWS.format(
                    campaign=campaign.pk, correction=correction.pk, version=version, pace=pace, first=first, last=last
                )
                cursor.execute(statement)
                done += rows
                told(done)
        result = store_version(
            campaign, version, by, reasons_kept=before.reasons_kept, sealed=lambda lines: told(done + lines)
        )
        detail = {"campaign": campaign.slug, "result_version": version, "digest": result.digest}
        audit("correction.made", by=by, kind="correction", id=correction.pk, label=correction.reason, detail=detail)
    return result


def _kind(correction: ResultCorrection) -> str:
    return f"correction:{correction.pk}"
