"""The Celery app and the whole beat schedule.

The database is the queue; messages only wake workers. Celery stores no results.
"""

import logging
import os
import signal
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_process_init
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.utils.log import configure_logging
from kombu.transport import TRANSPORT_ALIASES

from apps.localstack.processes import ask_for_death_signal

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if not settings.configured:
    # This process is a worker. A re-evaluation of all employees may exceed the limit for pages; the task has its own
    # limit.
    os.environ.setdefault("STATEMENT_TIMEOUT", "600000")

logger = logging.getLogger(__name__)
TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "apps.core.redis_transport:Transport")
app = Celery("hundred")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Seconds beat waits until RabbitMQ confirms a message: a queue that lost its leader never does.
CONFIRMED_WITHIN = 5.0


def _ask(task: str, every: float) -> dict[str, Any]:
    # A periodic task must wait in a long queue. If it expired after one interval, no sweep, no day change and no freeze
    # would happen while the queue is long.
    options: dict[str, Any] = {"expires": max(4 * every, 60.0), "confirm_timeout": CONFIRMED_WITHIN}
    # Beat keeps one connection and notices a restarted broker only when it sends. It has time for one retry over a new
    # connection; otherwise it would never reach RabbitMQ again.
    options |= {"retry": True, "retry_policy": {"max_retries": 1, "interval_start": 0}}
    return {"task": f"apps.operations.tasks.{task}", "schedule": every, "options": options}


# Beat only triggers a check for due work: a unique row limits each job to once per period.
app.conf.beat_schedule = {
    "sweep": _ask("sweep", settings.SWEEP_INTERVAL),
    "freeze-due": _ask("freeze_due", 15.0),
    "day-change": _ask("day_change", 60.0),
    "tell-answers": _ask("send_answer_mails", 60.0),
    "address-mails": _ask("mail_address_changes", 60.0),
    "nightly-recount": _ask("nightly_recount", 600.0),
    "retention": _ask("retain", 600.0),
    "security-mails": _ask("send_security_mails", 15.0),
    "sessions": _ask("forget_sessions", 3600.0),
}


@setup_logging.connect
def _log_as_settings_say(**kwargs: object) -> None:
    """Worker and beat use the log format of the web; a connected receiver keeps Celery from setting its own."""
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)


@worker_init.connect
def _refuse_another_key(**kwargs: object) -> None:
    """A worker whose IDENTITY_KEY differs from the database's would match no employee: it does not start.

    It also reports here whether it can sign results, and not only on the night of the deadline.
    """
    from apps.core.identity_key import verify_identity_key
    from apps.core.signing_key import announce

    try:
        verify_identity_key()
        announce()
    except ImproperlyConfigured as error:
        # Celery swallows exceptions of signal receivers, but not this one.
        raise SystemExit(str(error)) from error
    except DatabaseError:
        logger.warning("No database yet: the identity key is checked with the first contact")
    finally:
        connection.close()


@worker_process_init.connect
def _die_with_worker(**kwargs: object) -> None:
    """A worker's child dies with it: otherwise it would continue a task that another worker receives again."""
    ask_for_death_signal(signal.SIGKILL, os.getppid())
    from apps.core.audit import set_audit_origin

    set_audit_origin("worker")
