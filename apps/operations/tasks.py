"""What Celery runs. A task reads the clock and the outbox and calls one service; the broker carries no truth.

A task takes numbers of rows, UUIDs and words, by position: a worker drops a message with anything else
(apps.core.task_messages). A writer of the broker can send any of them at any time; an id that names nothing is a line
of the log.
"""

import logging
import uuid
from datetime import timedelta
from zoneinfo import ZoneInfo

from celery import shared_task
from django.core.exceptions import ObjectDoesNotExist

from apps.accounts import password_reset, security_mails, sessions
from apps.campaigns.adjustments import bulk_previews
from apps.campaigns.models import Campaign
from apps.contacts.imports import import_submission as import_file
from apps.contacts.imports import next_files, next_large_files, waiting_files
from apps.contacts.services.intake_counts import count_handles_daily, sum_up_tally
from apps.contacts.services.submissions import finish_abandoned
from apps.core import clock, enqueue, signing_key
from apps.core.audit import SYSTEM
from apps.core.files import expire_files
from apps.core.previews import next_large_previews, waiting_previews
from apps.exports import build_export
from apps.exports.models import Export
from apps.privacy import erasure_approvals, retention
from apps.results import freeze, result_versions
from apps.reviews import answer_mails
from apps.roster import email_change_mails
from apps.roster.imports import forget_loads, next_loads, process_load, waiting_loads
from apps.standings import build_summaries, effective_dates, marking, process_runs, start_run

logger = logging.getLogger(__name__)
# The recount of a day starts in the small hours, when few people wait for a page.
RECOUNT_AFTER = timedelta(hours=2)


@shared_task
def mark_touched() -> None:
    """The doorbell's task: mark whoever has a note, and ask for the ranges where everybody is to be judged."""
    while marking.mark_touched():
        pass
    _ring_for_ranges()


@shared_task
def sweep() -> None:
    """Find what no doorbell rang for: notes to mark, what was handed in, ranges of a run, versions of results, sums,
    approved erasures.
    """
    finish_abandoned(clock.db_now())
    mark_touched()
    for submission_id in waiting_files(clock.db_now()):
        enqueue.enqueue_import(submission_id)
    for file_id in waiting_previews(clock.db_now()):
        enqueue.enqueue_preview(file_id)
    for load_id in waiting_loads(clock.db_now()):
        enqueue.enqueue_roster_import(load_id)
    for correction in result_versions.pending_versions():
        enqueue.enqueue_result_version(correction.pk)
    for export in Export.objects.waiting():
        enqueue.enqueue_export(export.pk)
    enqueue.enqueue_summaries()
    erasure_approvals.finish_approved()


@shared_task(throws=(ObjectDoesNotExist,))
def import_submission(submission_id: uuid.UUID | str) -> None:
    """Record what is left of a file that was handed in, then mark whom it touched; ask for what waited for it."""
    done = uuid.UUID(str(submission_id))
    if import_file(done):
        for waiting in next_files(done):
            enqueue.enqueue_import(waiting)
        for waiting in next_large_previews():
            enqueue.enqueue_preview(waiting)
    mark_touched()


@shared_task
def work_on_load(load_id: uuid.UUID | str) -> None:
    """Look at a roster that was sent, or apply one that was confirmed; then mark whom it touched."""
    done = uuid.UUID(str(load_id))
    is_done = process_load(done)
    mark_touched()
    if is_done:
        for waiting in next_loads(done):
            enqueue.enqueue_roster_import(waiting)
        for waiting in next_large_previews():
            enqueue.enqueue_preview(waiting)


def _ring_for_ranges() -> None:
    enqueue.enqueue_ranges(start_run.claim_due_ranges(clock.db_now()))


@shared_task
def roll_up() -> None:
    """Sum up what marks have changed and writers tallied. Given out twice or at once, it is done once."""
    build_summaries.update_summaries()
    sum_up_tally()


@shared_task
def process_range(range_id: int) -> None:
    """One range of a run over everybody. Given out twice, late or again, it is done once."""
    process_runs.process_range(range_id)


@shared_task
def make_preview(file_id: uuid.UUID | str) -> None:
    """What an uploaded file would do. Given out twice, late or again, it is made once."""
    for waiting in bulk_previews.make_preview(uuid.UUID(str(file_id))):
        enqueue.enqueue_preview(waiting)
    for waiting in next_large_files():
        enqueue.enqueue_import(waiting)


@shared_task(throws=(ObjectDoesNotExist,))
def make_version(correction_id: int) -> None:
    """The version of a result that a correction was granted for. Given out twice, late or again, it is made once."""
    result_versions.make_version(correction_id)


@shared_task(throws=(ObjectDoesNotExist,))
def make_export(export_id: uuid.UUID | str) -> None:
    """The file of an export. Given out twice, late or again, it is made once."""
    build_export.make_export(uuid.UUID(str(export_id)))


@shared_task
def day_change() -> None:
    """Note what changed because time passed, then mark it, and drop what has expired."""
    if effective_dates.process_effective_dates():
        mark_touched()
    effective_dates.disable_unused_tracking()
    expire_files(clock.db_now())
    erasure_approvals.forget_expired_subjects(clock.db_now())
    forget_loads(clock.db_now())


@shared_task
def send_answer_mails() -> None:
    """Mail everybody whose review was answered and who was not told yet."""
    answer_mails.send_answer_mails()


@shared_task
def freeze_due() -> None:
    """Freeze the campaigns whose cut-off has passed; what must still wait is found by the next call."""
    signing_key.announce()
    for result in freeze.freeze_due(SYSTEM):
        logger.info("%s: %s standings, %s red, digest %s", result, result.rows, result.red, result.digest)


@shared_task
def retain() -> None:
    """Once a day, erase the contacts whose time is over."""
    retention.forget_expired_daily(clock.db_now())


@shared_task
def nightly_recount() -> None:
    """Once a night and campaign, begin to compare every standing with the facts and to put right what differs."""
    # What time alone has changed is noted first, or the recount would take it for drift.
    effective_dates.process_effective_dates()
    now = clock.db_now()
    for campaign in Campaign.objects.to_mark(now):
        local = (now - RECOUNT_AFTER).astimezone(ZoneInfo(campaign.rule.time_zone))
        start_run.begin_nightly_recount(campaign, local.date().isoformat())
    count_handles_daily(now)
    _ring_for_ranges()


@shared_task
def mail_link(account_id: int, employee_id: int, language: str) -> None:
    """Mail a link to set a password to the one who is meant, if there is one."""
    password_reset.mail_link(account_id=account_id, employee_id=employee_id, language=language)


@shared_task
def forget_sessions() -> None:
    """Delete the browsers' sessions that are over."""
    sessions.forget_sessions()


@shared_task
def mail_address_changes() -> None:
    """Mail old addresses about new ones. Called twice or at once, each is mailed once; beat asks too."""
    email_change_mails.mail_address_changes()


@shared_task
def send_security_mails() -> None:
    """Mail the owners of accounts whose password, factor, token, role or address changed."""
    security_mails.send_security_mails()
