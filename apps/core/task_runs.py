"""When a worker last finished each scheduled task.

A beat or worker that died leaves no other trace while nothing is due.
"""

from datetime import UTC, datetime

from celery import current_app

from apps.core.models import Setting
from apps.core.sql import execute

# The first part of the name of a setting, one for each task.
TASK_RUN = "task run:"
# Messages can ask for a scheduled task many times a second: not each run is worth a write.
MIN_SECONDS_BETWEEN_WRITES = 5


def scheduled_tasks() -> dict[str, float]:
    """The name of each task that beat requests, without its module, and the seconds between two requests."""
    entries = current_app.conf.beat_schedule.values()
    return {entry["task"].rpartition(".")[2]: float(entry["schedule"]) for entry in entries}


def record_task_run(task: str) -> None:
    """Store that a worker has finished this scheduled task now. Repeated and concurrent calls are safe."""
    execute(
        "INSERT INTO core_setting (name, value)"
        " VALUES (%(name)s, to_jsonb(extract(epoch FROM hundred_clock())))"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
        " WHERE (core_setting.value #>> '{}')::float8 + %(seconds)s <= (excluded.value #>> '{}')::float8",
        {"name": f"{TASK_RUN}{task}", "seconds": MIN_SECONDS_BETWEEN_WRITES},
    )


def last_runs() -> dict[str, datetime]:
    """When each scheduled task was last finished; a task without an entry has not run since this version came."""
    rows = Setting.objects.filter(name__startswith=TASK_RUN).values_list("name", "value")
    return {name.removeprefix(TASK_RUN): datetime.fromtimestamp(float(value), UTC) for name, value in rows}
