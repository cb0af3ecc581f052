"""The Celery tasks. A task reads the clock and the outbox and calls one service; messages carry no data.

A task takes numbers of rows, UUIDs and words, by position: a worker drops a message with any other argument
(apps.core.task_messages). A writer to the broker can send any of them at any time; an unknown id only gives a log line.
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
# The daily recount starts in the small hours, when few users are active.
RECOUNT_AFTER = timedelta(hours=2)


@shared_task
def mark_touched() -> None:
    """Re-evaluate all queued employees, and enqueue the ranges of runs over all employees."""
    while marking.mark_touched():
        pass
    _ring_for_ranges()


@shared_task
def sweep() -> None:
    """Find pending work whose message was lost: outbox rows, submissions, ranges of a run, result versions, summaries,
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
    """Record the rest of a submitted file, re-evaluate its employees, and enqueue the work that waited for it."""
    done = uuid.UUID(str(submission_id))
    if import_file(done):
        for waiting in next_files(done):
            enqueue.enqueue_import(waiting)
        for waiting in next_large_previews():
            enqueue.enqueue_preview(waiting)
    mark_touched()


@shared_task
def work_on_load(load_id: uuid.UUID | str) -> None:
    """Preview an uploaded roster or apply a confirmed one; then re-evaluate the affected employees."""
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
    """Update the summaries with the changes of standings and the intake counts. Repeated or concurrent calls are
    safe.
    """
    build_summaries.update_summaries()
    sum_up_tally()


@shared_task
def process_range(range_id: int) -> None:
    """Process one range of a run over all employees. Repeated, late or concurrent calls are safe."""
    process_runs.process_range(range_id)


@shared_task
def make_preview(file_id: uuid.UUID | str) -> None:
    """Preview an uploaded file. Repeated, late or concurrent calls are safe."""
    for waiting in bulk_previews.make_preview(uuid.UUID(str(file_id))):
        enqueue.enqueue_preview(waiting)
    for waiting in next_large_files():
        enqueue.enqueue_import(waiting)


@shared_task(throws=(ObjectDoesNotExist,))
def make_version(correction_id: int) -> None:
    """Create the result version of an approved correction. Repeated, late or concurrent calls are safe."""
    result_versions.make_version(correction_id)


@shared_task(throws=(ObjectDoesNotExist,))
def make_export(export_id: uuid.UUID | str) -> None:
    """Create the file of an export. Repeated, late or concurrent calls are safe."""
    build_export.make_export(uuid.UUID(str(export_id)))


@shared_task
def day_change() -> None:
    """Queue and process the changes that the passage of time causes, and delete what has expired."""
    if effective_dates.process_effective_dates():
        mark_touched()
    effective_dates.disable_unused_tracking()
    expire_files(clock.db_now())
    erasure_approvals.forget_expired_subjects(clock.db_now())
    forget_loads(clock.db_now())


@shared_task
def send_answer_mails() -> None:
    """Mail every employee whose review was answered and who has no mail about it yet."""
    answer_mails.send_answer_mails()


@shared_task
def freeze_due() -> None:
    """Freeze the campaigns whose cut-off has passed; the next call retries those that must still wait."""
    signing_key.announce()
    for result in freeze.freeze_due(SYSTEM):
        logger.info("%s: %s standings, %s red, digest %s", result, result.rows, result.red, result.digest)


@shared_task
def retain() -> None:
    """Once a day, erase the contacts whose retention has ended."""
    retention.forget_expired_daily(clock.db_now())


@shared_task
def nightly_recount() -> None:
    """Once per night and campaign, start to compare every standing with the facts and to repair differences."""
    # Changes caused by time are processed first, or the recount would report them as drift.
    effective_dates.process_effective_dates()
    now = clock.db_now()
    for campaign in Campaign.objects.to_mark(now):
        local = (now - RECOUNT_AFTER).astimezone(ZoneInfo(campaign.rule.time_zone))
        start_run.begin_nightly_recount(campaign, local.date().isoformat())
    count_handles_daily(now)
    _ring_for_ranges()


@shared_task
def mail_link(account_id: int, employee_id: int, language: str) -> None:
    """Mail a link to set a password to the account's owner, if the account still matches."""
    password_reset.mail_link(account_id=account_id, employee_id=employee_id, language=language)


@shared_task
def forget_sessions() -> None:
    """Delete expired browser sessions."""
    sessions.forget_sessions()


@shared_task
def mail_address_changes() -> None:
    """Mail old addresses about new ones. Repeated or concurrent calls send each mail once; beat asks too."""
    email_change_mails.mail_address_changes()


@shared_task
def send_security_mails() -> None:
    """Mail the owners of accounts whose password, factor, token, role or address changed."""
    security_mails.send_security_mails()
