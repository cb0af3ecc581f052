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
from apps.campaigns.announcements import delete_old_reads
from apps.campaigns.models import Campaign
from apps.contacts import imports as contact_imports
from apps.contacts.import_queue import (
    earlier_large_import,
    next_files,
    next_large_files,
    next_own_file,
    next_own_preview,
    stalled_files,
)
from apps.contacts.services.intake_counts import compact_intake_counts, count_handles_daily
from apps.contacts.services.submissions import finish_abandoned
from apps.contacts.stored_outcomes import delete_old_outcomes
from apps.core import clock, enqueue, locks, signing_key
from apps.core.audit import SYSTEM
from apps.core.files import expire_files
from apps.core.previews import abandoned_previews, next_large_previews
from apps.exports import build_export, schedule_runs
from apps.exports.audit_stream.streaming import stream_or_log
from apps.exports.models import Export
from apps.forecasts import making
from apps.forecasts.accuracy import judge_finished_campaigns
from apps.notifications.processing import process_notifications
from apps.notifications.retention import delete_old_deliveries, delete_old_notifications
from apps.notifications.schedule import record_scheduled_events
from apps.notifications.webhooks import delivery as webhook_delivery
from apps.notifications.webhooks.endpoint_secrets import reencrypt_secrets
from apps.operations import file_previews
from apps.operations.steps import for_each, run_all
from apps.privacy import erasure_approvals, retention
from apps.results import freeze, result_versions
from apps.reviews import answer_mails
from apps.roster import email_change_mails
from apps.roster.directory_sync import apply_directory as apply_directory_changes
from apps.roster.directory_sync import has_waiting
from apps.roster.import_processing import next_loads, process_load, waiting_loads
from apps.roster.imports import purge_load_data
from apps.standings import build_summaries, effective_dates, marking, process_runs, start_run

logger = logging.getLogger(__name__)
# The daily recount starts in the small hours, when few users are active.
RECOUNT_AFTER = timedelta(hours=2)


@shared_task
def mark_touched() -> None:
    """Re-evaluate all queued employees, and enqueue the ranges of runs over all employees."""
    # Until the queue is empty: one message may stand for any number of changes.
    while marking.mark_outbox():
        pass
    _enqueue_ranges()


@shared_task
def sweep() -> None:
    """Find pending work whose message was lost, of every kind, and approved erasures."""
    run_all(
        lambda: finish_abandoned(clock.db_now()),
        mark_touched,
        for_each(lambda: stalled_files(clock.db_now()), enqueue.enqueue_import),
        for_each(lambda: abandoned_previews(clock.db_now()), enqueue.enqueue_preview),
        for_each(lambda: waiting_loads(clock.db_now()), enqueue.enqueue_roster_import),
        for_each(lambda: [row.pk for row in result_versions.pending_versions()], enqueue.enqueue_result_version),
        for_each(lambda: [row.pk for row in Export.objects.waiting()], enqueue.enqueue_export),
        enqueue.enqueue_summaries,
        _enqueue_directory,
        _enqueue_due_forecasts,
        erasure_approvals.finish_approved_erasures,
    )


def _enqueue_directory() -> None:
    if has_waiting():
        enqueue.enqueue_directory()


def _enqueue_due_forecasts() -> None:
    if making.due_campaigns(clock.db_now()):
        enqueue.enqueue_forecasts()


@shared_task(throws=(ObjectDoesNotExist,))
def import_submission(submission_id: uuid.UUID | str) -> None:
    """Record the rest of a submitted file, re-evaluate its employees, and enqueue the work that waited for it."""
    # Serialisers turn a UUID into text; eager tasks pass it on as it is.
    submission = uuid.UUID(str(submission_id))
    if contact_imports.import_submission(submission):
        for next_id in next_files(submission):
            enqueue.enqueue_import(next_id)
        for next_id in next_own_preview(submission):
            enqueue.enqueue_preview(next_id)
        _enqueue_large_previews()
    mark_touched()


@shared_task
def work_on_load(load_id: uuid.UUID | str) -> None:
    """Preview an uploaded roster or apply a confirmed one; then re-evaluate the affected employees."""
    load = uuid.UUID(str(load_id))
    is_done = process_load(load)
    mark_touched()
    # Also when the load gave way to one of these files.
    _enqueue_large_previews()
    if is_done:
        _enqueue_large_files()
        for next_id in next_loads(load):
            enqueue.enqueue_roster_import(next_id)


@shared_task
def apply_directory() -> None:
    """Bring changes of the company's directory to the roster; then re-evaluate the affected employees."""
    if apply_directory_changes():
        mark_touched()


def _enqueue_ranges() -> None:
    enqueue.enqueue_ranges(start_run.claim_due_ranges(clock.db_now()))


def _enqueue_large_previews() -> None:
    for_each(next_large_previews, enqueue.enqueue_preview)()


def _enqueue_large_files() -> None:
    for_each(next_large_files, enqueue.enqueue_import)()


# The name that messages carry, in queues that outlive an update of the program.
@shared_task(name="apps.operations.tasks.roll_up")
def update_summaries() -> None:
    """Update the summaries with changed standings, and the intake counts. Repeated or concurrent calls are safe."""
    build_summaries.update_summaries()
    compact_intake_counts()


@shared_task
def process_range(range_id: int) -> None:
    """Process one range of a run over all employees. Repeated, late or concurrent calls are safe."""
    process_runs.process_range(range_id)


@shared_task
def make_preview(file_id: uuid.UUID | str) -> None:
    """Preview an uploaded file. Repeated, late or concurrent calls are safe."""
    if earlier := earlier_large_import(uuid.UUID(str(file_id))):
        # The end of that import enqueues the next preview.
        enqueue.enqueue_import(earlier)
        return
    for next_id in file_previews.make_preview(uuid.UUID(str(file_id))):
        enqueue.enqueue_preview(next_id)
    for next_id in next_own_file(file_id):
        enqueue.enqueue_import(next_id)
    _enqueue_large_files()


@shared_task(throws=(ObjectDoesNotExist,))
def make_version(correction_id: int) -> None:
    """Create the result version of an approved correction. Repeated, late or concurrent calls are safe."""
    result_versions.ensure_version(correction_id)


@shared_task(throws=(ObjectDoesNotExist,))
def make_export(export_id: uuid.UUID | str) -> None:
    """Create the file of an export. Repeated, late or concurrent calls are safe."""
    build_export.make_export(uuid.UUID(str(export_id)))


@shared_task
def request_scheduled_files() -> None:
    """Request the files of schedules that are due. Repeated, late or concurrent calls are safe."""
    schedule_runs.request_scheduled_files(clock.db_now())


@shared_task
def day_change() -> None:
    """Queue and process the changes that the passage of time causes, and delete what has expired."""
    # What has expired must not stay when the dates had to wait too long for the org tree.
    run_all(
        _process_dates,
        lambda: expire_files(clock.db_now()),
        lambda: record_scheduled_events(clock.db_now()),
        lambda: delete_old_outcomes(clock.db_now()),
        lambda: erasure_approvals.delete_expired_subjects(clock.db_now()),
        lambda: purge_load_data(clock.db_now()),
    )


def _process_dates() -> None:
    if effective_dates.process_effective_dates():
        mark_touched()
    effective_dates.disable_unused_tracking()


def send_mails() -> None:
    """Send a portion of every kind of waiting mail, unless another worker does: of two, one is left for other tasks.

    What is left waits for the next call, seconds later.
    """
    with locks.advisory_lock("mails") as acquired:
        if acquired:
            run_all(
                security_mails.send_security_mails, password_reset.send_password_links,
                email_change_mails.mail_address_changes, answer_mails.send_answer_mails,
            )  # fmt: skip


@shared_task
def send_answer_mails() -> None:
    """Mail every employee whose review was answered and who has no mail about it yet."""
    send_mails()


@shared_task
def send_notifications() -> None:
    """Plan and send notifications; the rest waits for another message, so that other tasks come first."""
    if not process_notifications():
        enqueue.enqueue_notifications()


@shared_task
def send_webhooks() -> None:
    """Send webhooks that are due; the rest waits for another message, so that other tasks come first."""
    if not webhook_delivery.send_webhooks():
        enqueue.enqueue_webhooks()


@shared_task
def freeze_due() -> None:
    """Freeze the campaigns whose cut-off has passed; the next call retries those that must still wait."""
    signing_key.announce_public_key()
    for result in freeze.freeze_due_campaigns(SYSTEM):
        logger.info("%s: %s standings, %s red, digest %s", result, result.rows, result.red, result.digest)


@shared_task
def judge_forecasts() -> None:
    """Calculate how right the forecasts of frozen campaigns were. Repeated or concurrent calls are safe."""
    judge_finished_campaigns()


@shared_task
def retain() -> None:
    """Erase the contacts whose retention has ended, once a day, and delete what is old in other tables."""
    run_all(
        lambda: retention.erase_expired_daily(clock.db_now()),
        lambda: delete_old_notifications(clock.db_now()),
        lambda: delete_old_reads(clock.db_now()),
        lambda: delete_old_deliveries(clock.db_now()),
        reencrypt_secrets,
    )


@shared_task
def nightly_recount() -> None:
    """Once per night and campaign, start to compare every standing with the facts and to repair differences."""
    # Changes caused by time are processed first, or the recount would report them as drift.
    effective_dates.process_effective_dates()
    now = clock.db_now()
    for campaign in Campaign.objects.to_mark(now):
        # The night of the campaign's own zone: campaigns of several zones are recounted at different times.
        local = (now - RECOUNT_AFTER).astimezone(ZoneInfo(campaign.rule.time_zone))
        start_run.begin_nightly_recount(campaign, local.date().isoformat())
    # Once a day as well, in the same quiet hours.
    count_handles_daily(now)
    _enqueue_ranges()


@shared_task
def make_forecasts() -> None:
    """Make the forecasts of the night, and those by a changed rule. Repeated, late or concurrent calls are safe."""
    making.make_forecasts(clock.db_now())


@shared_task
def mail_link(account_id: int, employee_id: int, language: str) -> None:
    """Mail a link to set a password to the account's owner, if the account still matches."""
    if password_reset.queue_password_link(account_id=account_id, employee_id=employee_id, language=language):
        send_mails()


@shared_task
def send_audit_trail() -> None:
    """Send new audit entries to AUDIT_STREAM, if it is set. Repeated or concurrent calls are safe."""
    stream_or_log()


@shared_task
def forget_sessions() -> None:
    sessions.SessionStore.clear_expired()


@shared_task
def mail_address_changes() -> None:
    """Mail old addresses about new ones. Repeated or concurrent calls send each mail once; beat asks too."""
    send_mails()


@shared_task
def send_security_mails() -> None:
    """Mail the owners of accounts whose password, factor, token, role or address changed."""
    send_mails()
