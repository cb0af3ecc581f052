"""Two checks for monitoring: whether the process answers, and whether it can serve users."""

import logging
import time
from functools import cache, lru_cache
from threading import Lock

from celery import current_app
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.core import read_replica
from apps.core.models import Setting
from apps.core.signing_key import can_sign_results

logger = logging.getLogger(__name__)
# The prefix of the settings with the differences that the last recount of a campaign found.
DRIFT = "drift:"
# The prefix of the settings that name failing channels of notifications.
FAILING_CHANNEL = "channel fails:"
# The prefix of the settings that name endpoints of webhooks that have failed for long.
FAILING_WEBHOOK = "webhook fails:"
# The name of the setting while AUDIT_STREAM takes no entries.
FAILING_AUDIT_STREAM = "audit stream fails"
# Requests at one moment wait for one check and share its result; the cache alone would run it in each thread.
_checking = Lock()


@login_not_required
@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; checks nothing else."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """503 only when the database is unreachable or not migrated. Problems with the broker, the replica, drift, the
    signing key, the audit stream, a channel of notifications or a webhook give `degraded` with 200. No sign-in is
    needed: a process checks at most once a second.
    """
    with _checking:
        checks, failed = _checks(int(time.monotonic()))
    degraded = any(state != "ok" for state in checks.values())
    status = "unavailable" if failed else "degraded" if degraded else "ok"
    return JsonResponse({"status": status, "checks": checks}, status=503 if failed else 200)


def current_checks() -> dict[str, str]:
    """The state of each check for operators and monitors: `ok`, or what is wrong."""
    with _checking:
        return dict(_checks(int(time.monotonic()))[0])


# The second is the cache key, so that many monitors cost one check.
@lru_cache(maxsize=1)
def _checks(_second: int) -> tuple[dict[str, str], bool]:
    """The state of each check, and whether the service is unavailable."""
    try:
        checks = {"database": "ok", "migrations": "missing" if _migrations_missing() else "ok"}
    except DatabaseError:
        logger.exception("The database does not respond")
        checks = {"database": "unreachable"}
    failed = any(state != "ok" for state in checks.values())
    if not failed:
        checks["drift"] = "found" if any(drift_by_campaign().values()) else "ok"
        failing = Setting.objects.filter(name__startswith=FAILING_CHANNEL).values_list("name", flat=True)
        names = sorted(name.removeprefix(FAILING_CHANNEL) for name in failing)
        checks["notifications"] = f"failing: {', '.join(names)}" if names else "ok"
        # Their number alone: anybody may ask.
        webhooks = Setting.objects.filter(name__startswith=FAILING_WEBHOOK).count()
        checks["webhooks"] = f"failing: {webhooks}" if webhooks else "ok"
        if settings.AUDIT_STREAM:
            refused = Setting.objects.filter(name=FAILING_AUDIT_STREAM).exists()
            checks["audit_stream"] = "failing" if refused else "ok"
        # Report it long before the deadline; otherwise the freeze would stop that night.
        checks["signing"] = "ok" if can_sign_results() else "no_key"
    # The pages work without the replica and the broker: their problems must not take the process out of service.
    if not failed and read_replica.is_configured():
        checks["replica"] = read_replica.state()
    checks["broker"] = "ok" if _broker_answers() else "unreachable"
    return checks, failed


def drift_by_campaign() -> dict[str, int]:
    """How many standings differed from the facts in the last recount of each campaign, by slug."""
    found = Setting.objects.filter(name__startswith=DRIFT).values_list("name", "value")
    return {name.removeprefix(DRIFT): int(value) for name, value in found}


def record_channel_failure(channel: str, code: str) -> None:
    """Report a channel of notifications as failing, until `clear_channel_failure`."""
    Setting.objects.update_or_create(name=f"{FAILING_CHANNEL}{channel}", defaults={"value": code})


def clear_channel_failure(channel: str) -> None:
    Setting.objects.filter(name=f"{FAILING_CHANNEL}{channel}").delete()


def record_webhook_failure(endpoint_id: int) -> None:
    """Report an endpoint of webhooks as failing, until `clear_webhook_failure`."""
    Setting.objects.update_or_create(name=f"{FAILING_WEBHOOK}{endpoint_id}", defaults={"value": True})


def clear_webhook_failure(endpoint_id: int) -> None:
    Setting.objects.filter(name=f"{FAILING_WEBHOOK}{endpoint_id}").delete()


def record_audit_stream(*, failing: bool) -> None:
    """Report whether the receiver of the audit trail refuses."""
    if failing:
        Setting.objects.update_or_create(name=FAILING_AUDIT_STREAM, defaults={"value": True})
    else:
        Setting.objects.filter(name=FAILING_AUDIT_STREAM).delete()


@cache
def _migrations_of_the_code() -> frozenset[tuple[str, str]]:
    """They change only with the code, so once per process is enough."""
    return frozenset(MigrationLoader(None).disk_migrations)


def _migrations_missing() -> bool:
    return bool(_migrations_of_the_code() - MigrationRecorder(connection).applied_migrations().keys())


def _broker_answers() -> bool:
    try:
        with current_app.connection_for_write(connect_timeout=0.2) as broker:
            broker.ensure_connection(max_retries=1, interval_start=0, interval_step=0, timeout=0.5)
    except Exception:  # every transport raises its own exceptions
        logger.warning("The broker does not respond", exc_info=True)
        return False
    return True
