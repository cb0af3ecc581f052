"""The Celery app and the whole beat schedule.

The broker is a doorbell: work stands in the database, so nothing here keeps a result or a truth.
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
    # This process is a worker. A marking of everybody may take longer than a page; the task's own limit bounds it.
    os.environ.setdefault("STATEMENT_TIMEOUT", "600000")

logger = logging.getLogger(__name__)
TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "apps.core.redis_transport:Transport")
app = Celery("hundred")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# Seconds beat waits until RabbitMQ confirms a message: a queue that has lost its leader never does.
CONFIRMED_WITHIN = 5.0


def _ask(task: str, every: float) -> dict[str, Any]:
    # It waits its turn behind doorbells: dropped after one interval, nothing would be found, no day would change and
    # nothing be frozen for as long as the queue is longer than that.
    options: dict[str, Any] = {"expires": max(4 * every, 60.0), "confirm_timeout": CONFIRMED_WITHIN}
    # Beat keeps one connection, and learns only by sending that its broker was restarted. It has time to try once more
    # over a new one; without that it would never speak to RabbitMQ again.
    options |= {"retry": True, "retry_policy": {"max_retries": 1, "interval_start": 0}}
    return {"task": f"apps.operations.tasks.{task}", "schedule": every, "options": options}


# Beat only says "look for due work": a job is done once per period by a unique row, however often it is asked for.
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
    """Worker and beat write the same lines as the web; that somebody listens here keeps Celery from its own format."""
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)


@worker_init.connect
def _refuse_another_key(**kwargs: object) -> None:
    """A worker with another IDENTITY_KEY than the database's would take everybody for a stranger: it does not start.

    Whether it can sign results it says here, and not first in the night of the deadline.
    """
    from apps.core.identity_key import verify_identity_key
    from apps.core.signing_key import announce

    try:
        verify_identity_key()
        announce()
    except ImproperlyConfigured as error:
        # Celery swallows what a signal's receiver raises, but not this.
        raise SystemExit(str(error)) from error
    except DatabaseError:
        logger.warning("No database yet: the identity key is checked with the first contact")
    finally:
        connection.close()


@worker_process_init.connect
def _die_with_worker(**kwargs: object) -> None:
    """A worker's child dies with it: an orphan would go on with a task that another worker is given again."""
    ask_for_death_signal(signal.SIGKILL, os.getppid())
    from apps.core.audit import set_audit_origin

    set_audit_origin("worker")
