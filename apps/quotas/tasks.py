"""What Celery runs. A task reads the clock and the outbox and calls one service; the broker carries no truth."""

import logging
from datetime import timedelta
from zoneinfo import ZoneInfo

from celery import shared_task
from django.db import transaction

from apps.contacts.imports import waiting_files
from apps.ledger.files import expire_files
from apps.ledger.models import Setting
from apps.ledger.services import SYSTEM, claim_job
from apps.quotas import services
from apps.quotas.freeze import freezing
from apps.quotas.models import Campaign

logger = logging.getLogger(__name__)
DRIFT = "drift"
# The recount of a day starts in the small hours, when few people wait for a page.
RECOUNT_AFTER = timedelta(hours=2)


@shared_task
def mark_touched() -> None:
    """The doorbell's task: mark whoever has a note."""
    while services.mark_touched():
        pass


@shared_task
def sweep() -> None:
    """Find what no doorbell rang for: notes to mark, submissions to finish, files to record."""
    services.sweep()
    for submission_id in waiting_files(services.clock()):
        services.ring_for_file(submission_id)


@shared_task
def day_change() -> None:
    """Note what changed because time passed, then mark it, and drop what has expired."""
    if services.follow_time():
        services.sweep()
    expire_files(services.clock())


@shared_task
def tell_answers() -> None:
    """Mail everybody whose review was answered and who was not told yet."""
    services.tell_answers()


@shared_task
def freeze_due() -> None:
    """Freeze the campaigns whose cut-off has passed; what must still wait is found by the next call."""
    for result in freezing.freeze_due(SYSTEM):
        logger.info("%s: %s standings, %s red, digest %s", result, result.rows, result.red, result.digest)


@shared_task
def nightly_recount() -> None:
    """Once a night and campaign, compare every standing with the facts; drift goes to the log and /health/ready."""
    now = services.clock()
    for campaign in Campaign.objects.to_mark(now):
        local = (now - RECOUNT_AFTER).astimezone(ZoneInfo(campaign.rule.time_zone))
        with transaction.atomic():
            if not claim_job(f"recount:{campaign.slug}", local.date().isoformat()):
                continue
            services.follow_time(now)
            found = services.recount(campaign)
            Setting.objects.update_or_create(name=f"{DRIFT}:{campaign.slug}", defaults={"value": len(found)})
        for difference in found:
            logger.error("drift in %s: %s differs in %s", campaign.slug, difference.staff_no, difference.fields)
