"""What Celery runs. A task reads the clock and the outbox and calls one service; the broker carries no truth.

A task takes numbers of rows, UUIDs and words, by position: a worker drops a message with anything else
(config.worker). Whoever can write to the broker can send any of them at any time; an id that names nothing is a line of
the log.
"""

import logging
import uuid
from datetime import timedelta
from zoneinfo import ZoneInfo

from celery import shared_task
from django.core.exceptions import ObjectDoesNotExist

from apps.contacts.imports import import_submission as import_file
from apps.contacts.imports import next_files, next_large_files, waiting_files
from apps.contacts.services import count_handles_daily, finish_abandoned, sum_up_tally
from apps.employees.loads import forget_loads, process_load, waiting_loads
from apps.ledger import signing
from apps.ledger.files import expire_files
from apps.ledger.services import SYSTEM
from apps.ledger.uploads import next_large_previews, waiting_previews
from apps.quotas import exports, services
from apps.quotas.freeze import freezing, versions
from apps.quotas.models import Campaign, Export
from apps.quotas.services import erasure_approvals

logger = logging.getLogger(__name__)
# The recount of a day starts in the small hours, when few people wait for a page.
RECOUNT_AFTER = timedelta(hours=2)


@shared_task
def mark_touched() -> None:
    """The doorbell's task: mark whoever has a note, and ask for the ranges where everybody is to be judged."""
    while services.mark_touched():
        pass
    _ring_for_ranges()


@shared_task
def sweep() -> None:
    """Find what no doorbell rang for: notes to mark, what was handed in, ranges of a run, versions of results, sums,
    approved erasures.
    """
    finish_abandoned(services.db_now())
    mark_touched()
    for submission_id in waiting_files(services.db_now()):
        services.enqueue_import(submission_id)
    for file_id in waiting_previews(services.db_now()):
        services.enqueue_preview(file_id)
    for load_id in waiting_loads(services.db_now()):
        services.enqueue_roster_import(load_id)
    for correction in versions.pending_versions():
        services.enqueue_result_version(correction.pk)
    for export in Export.objects.waiting():
        services.enqueue_export(export.pk)
    services.enqueue_summaries()
    erasure_approvals.finish_approved()


@shared_task(throws=(ObjectDoesNotExist,))
def import_submission(submission_id: uuid.UUID | str) -> None:
    """Record what is left of a file that was handed in, then mark whom it touched; ask for what waited for it."""
    done = uuid.UUID(str(submission_id))
    if import_file(done):
        for waiting in next_files(done):
            services.enqueue_import(waiting)
        for waiting in next_large_previews():
            services.enqueue_preview(waiting)
    mark_touched()


@shared_task
def work_on_load(load_id: uuid.UUID | str) -> None:
    """Look at a roster that was sent, or apply one that was confirmed; then mark whom it touched."""
    process_load(uuid.UUID(str(load_id)))
    mark_touched()


def _ring_for_ranges() -> None:
    services.enqueue_ranges(services.claim_due_ranges(services.db_now()))


@shared_task
def roll_up() -> None:
    """Sum up what marks have changed and writers tallied. Given out twice or at once, it is done once."""
    services.update_summaries()
    sum_up_tally()


@shared_task
def process_range(range_id: int) -> None:
    """One range of a run over everybody. Given out twice, late or again, it is done once."""
    services.process_range(range_id)


@shared_task
def make_preview(file_id: uuid.UUID | str) -> None:
    """What an uploaded file would do. Given out twice, late or again, it is made once."""
    for waiting in services.make_preview(uuid.UUID(str(file_id))):
        services.enqueue_preview(waiting)
    for waiting in next_large_files():
        services.enqueue_import(waiting)


@shared_task(throws=(ObjectDoesNotExist,))
def make_version(correction_id: int) -> None:
    """The version of a result that a correction was granted for. Given out twice, late or again, it is made once."""
    versions.make_version(correction_id)


@shared_task(throws=(ObjectDoesNotExist,))
def make_export(export_id: uuid.UUID | str) -> None:
    """The file of an export. Given out twice, late or again, it is made once."""
    exports.make_export(uuid.UUID(str(export_id)))


@shared_task
def day_change() -> None:
    """Note what changed because time passed, then mark it, and drop what has expired."""
    if services.process_effective_dates():
        mark_touched()
    services.disable_unused_tracking()
    expire_files(services.db_now())
    erasure_approvals.forget_expired_subjects(services.db_now())
    forget_loads(services.db_now())


@shared_task
def send_answer_mails() -> None:
    """Mail everybody whose review was answered and who was not told yet."""
    services.send_answer_mails()


@shared_task
def freeze_due() -> None:
    """Freeze the campaigns whose cut-off has passed; what must still wait is found by the next call."""
    signing.announce()
    for result in freezing.freeze_due(SYSTEM):
        logger.info("%s: %s standings, %s red, digest %s", result, result.rows, result.red, result.digest)


@shared_task
def retain() -> None:
    """Once a day, erase the contacts whose time is over."""
    services.forget_expired_daily(services.db_now())


@shared_task
def nightly_recount() -> None:
    """Once a night and campaign, begin to compare every standing with the facts and to put right what differs."""
    # What time alone has changed is noted first, or the recount would take it for drift.
    services.process_effective_dates()
    now = services.db_now()
    for campaign in Campaign.objects.to_mark(now):
        local = (now - RECOUNT_AFTER).astimezone(ZoneInfo(campaign.rule.time_zone))
        services.begin_nightly_recount(campaign, local.date().isoformat())
    count_handles_daily(now)
    _ring_for_ranges()
