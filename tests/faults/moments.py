"""Changes that time a fault or make it visible: no mutants. One function each, applied like the breaks.

Imports are inside the functions: a web process must not load a worker's modules.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

# Records a transaction.
BATCH = 20


def small_batches() -> None:
    """A file is many transactions, so that a kill has many places to fall into."""
    from apps.contacts import batches

    batches.MAX_ENTRIES = BATCH


def name_connections() -> None:
    """The database knows which child of the worker a connection belongs to."""
    from celery.signals import worker_process_init

    def tell(**told: object) -> None:
        os.environ["PGAPPNAME"] = f"child-{os.getpid()}"

    worker_process_init.connect(tell, weak=False)


def die_before_publish() -> None:
    """While the file FAULT_ARMED exists, the process dies between its commit and the message to the workers."""
    from apps.core import enqueue

    real, armed = enqueue._publish, Path(os.environ["FAULT_ARMED"])

    def publish(send: Callable[[dict[str, Any]], None]) -> None:
        if armed.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        real(send)

    enqueue._publish = publish


def count_claims() -> None:
    """Every claimed job adds a line, so that a second claim in a period is detected."""
    from apps.core.clock import db_now

    made = Path(os.environ["FAULT_EFFECTS"])

    for module in claimers():
        real = vars(module)["claim_job"]

        def claim(job: str, period: str, detail: Any = None, real: Callable[..., bool] = real) -> bool:
            mine = real(job, period, detail)
            if mine:
                with made.open("a", encoding="utf-8") as file:
                    file.write(f"{job} {period} {db_now().isoformat()}\n")
            return mine

        vars(module)["claim_job"] = claim


def claimers() -> list[ModuleType]:
    """Every module of verdicts that claims jobs."""
    # With all it needs.
    import_module("apps.operations.tasks")

    found = [module for name, module in sys.modules.items() if name.startswith("apps.")]
    return [module for module in found if "claim_job" in vars(module)]


def slow_ranges() -> None:
    """A range takes so many seconds longer, with its effect written and not committed."""
    from apps.standings import process_runs

    real, seconds = process_runs.finish_if_done, float(os.environ.get("SLOW", "0.15"))

    def finish_if_done(run: Any) -> bool:
        time.sleep(seconds)
        return real(run)

    vars(process_runs)["finish_if_done"] = finish_if_done


def count_ends() -> None:
    """Every finished range and run adds a line, so that a second finish is detected."""
    from django.db import transaction

    from apps.standings import process_runs

    made = Path(os.environ["FAULT_EFFECTS"])
    do, close = process_runs.process_range, process_runs.finish_if_done

    def note(what: str) -> None:
        with made.open("a", encoding="utf-8") as file:
            file.write(f"{what}\n")

    def process_range(range_id: int) -> bool:
        done = do(range_id)
        if done:
            note(f"range {range_id}")
        return done

    def finish_if_done(run: Any) -> bool:
        over = close(run)
        if over:
            transaction.on_commit(lambda: note(f"run {run.pk}"))
        return over

    vars(process_runs)["finish_if_done"] = finish_if_done
    vars(process_runs)["process_range"] = process_range


def hurry() -> None:
    """Beat triggers everything several times a second, so that many periods pass in a short time."""
    from config.celery import app

    for entry in app.conf.beat_schedule.values():
        entry["schedule"] = 0.25


def hurry_notifications() -> None:
    """Beat triggers the sending several times a second; all else comes as usual, so that two beats leave CPU time."""
    from config.celery import app

    for name in ("notifications", "sweep"):
        app.conf.beat_schedule[name]["schedule"] = 0.25


ALL = [
    small_batches, name_connections, die_before_publish, count_claims, hurry, hurry_notifications, slow_ranges,
    count_ends,
]  # fmt: skip
