"""The Celery app and the whole beat schedule.

The database is the queue; messages only wake workers. Celery stores no results.
"""

import logging
import os
import signal
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging, task_success, worker_init, worker_process_init
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.utils.log import configure_logging
from kombu.transport import TRANSPORT_ALIASES

from apps.core.log_format import write_line
from apps.localstack.processes import set_parent_death_signal

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if not settings.configured:
    # This process is a worker. A re-evaluation of all employees may exceed the limit for pages; the task has its own
    # limit.
    os.environ.setdefault("STATEMENT_TIMEOUT", "600000")

logger = logging.getLogger(__name__)
# Before the app: kombu resolves an alias with the first connection.
TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "apps.core.redis_transport:Transport")
TRANSPORT_ALIASES |= {"amqps": "apps.core.rabbitmq_transport:Transport"}
app = Celery("hundred")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    # Never pickle: a message would run code.
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
    # A task of a worker that died is delivered again; every task is idempotent.
    task_acks_late=True,
    task_publish_retry=False,
    task_reject_on_worker_lost=True,
    # The soft limit leaves five minutes to end in order; brokers.VISIBILITY_TIMEOUT_SECONDS must exceed both.
    task_soft_time_limit=1500,
    task_time_limit=1800,
    timezone="UTC",
    worker_hijack_root_logger=False,
    # A worker that reads a large file must not hold other messages that a free worker could take.
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
    # Writers to the broker are not trusted: a worker takes task names and ids from it, and no commands.
    worker_consumer="apps.core.task_messages:Consumer",
    worker_enable_remote_control=False,
)
app.autodiscover_tasks()

# Seconds beat waits until RabbitMQ confirms a message: a queue that lost its leader never does.
CONFIRM_TIMEOUT_SECONDS = 5.0


def _periodic(task: str, seconds: float) -> dict[str, Any]:
    # A periodic task must wait in a long queue. If it expired after one interval, no sweep, no day change and no freeze
    # would happen while the queue is long.
    options: dict[str, Any] = {"expires": max(4 * seconds, 60.0), "confirm_timeout": CONFIRM_TIMEOUT_SECONDS}
    # Beat keeps one connection and notices a restarted broker only when it sends. It has time for one retry over a new
    # connection; otherwise it would never reach RabbitMQ again.
    options |= {"retry": True, "retry_policy": {"max_retries": 1, "interval_start": 0}}
    return {"task": f"apps.operations.tasks.{task}", "schedule": seconds, "options": options}


# Beat only triggers a check for due work: a unique row limits each job to once per period.
app.conf.beat_schedule = {
    "sweep": _periodic("sweep", settings.SWEEP_INTERVAL),
    # HR waits for the result in the minutes after the cut-off.
    "freeze-due": _periodic("freeze_due", 15.0),
    # A minute after the freeze readers find out how right the forecast was.
    "forecast-accuracy": _periodic("judge_forecasts", 60.0),
    "day-change": _periodic("day_change", 60.0),
    "scheduled-files": _periodic("request_scheduled_files", 60.0),
    "tell-answers": _periodic("send_answer_mails", 60.0),
    "address-mails": _periodic("mail_address_changes", 60.0),
    # Asked for every ten minutes, done once a night: a worker that was away catches up.
    "nightly-recount": _periodic("nightly_recount", 600.0),
    "forecasts": _periodic("make_forecasts", 600.0),
    "retention": _periodic("retain", 600.0),
    "notifications": _periodic("send_notifications", 15.0),
    "webhooks": _periodic("send_webhooks", 15.0),
    "security-mails": _periodic("send_security_mails", 15.0),
    "audit-stream": _periodic("send_audit_trail", 15.0),
    "sessions": _periodic("forget_sessions", 3600.0),
}


@setup_logging.connect
def _configure_logging(**kwargs: object) -> None:
    """Worker and beat use the log format of the web; a connected receiver keeps Celery from setting its own."""
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)


@celeryd_init.connect
def _write_only_json(instance: Any, **kwargs: object) -> None:
    """With LOG_FORMAT=json the worker prints no banner, and its warnings and its words at the stop become lines."""
    if settings.LOG_FORMAT == "json":
        from celery.apps import worker

        _configure_logging()
        logging.captureWarnings(True)
        instance.quiet = True
        worker.safe_say = lambda message, stream=None: write_line(worker.__name__, message)


@worker_init.connect
def _check_keys(**kwargs: object) -> None:
    """A worker whose IDENTITY_KEY differs from the database's would match no employee: it does not start.

    It also reports here whether it can sign results, and not only on the night of the deadline.
    """
    from apps.core.identity_key import verify_identity_key
    from apps.core.signing_key import announce_public_key

    try:
        verify_identity_key()
        announce_public_key()
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
    set_parent_death_signal(signal.SIGKILL, os.getppid())
    from apps.core.audit import set_audit_origin

    set_audit_origin("worker")
    # Only in a worker: elsewhere a task that runs at once proves nothing about beat.
    task_success.connect(_record_run, weak=False)


def _record_run(sender: Any, **kwargs: object) -> None:
    """Record that a scheduled task has ended well, for monitoring. Celery logs a failure of this and goes on."""
    from apps.core.task_runs import record_task_run, scheduled_tasks

    if (task := sender.name.rpartition(".")[2]) in scheduled_tasks():
        record_task_run(task)
