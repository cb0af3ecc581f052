"""Starts imports as separate processes that tests can kill. Django is loaded once; every start is a fork.

It reads one JSON object a line: `argv` of a command or the id of a `submission`, `out` (a path for standard output),
`batch` (entries per transaction), and `break`, the mutant's name. It answers with the child's pid, and with its status
when it ends.
"""

import json
import os
import signal
import sys
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def forget_checkpoints() -> None:
    """Mutant: every run begins at the first line with an empty report."""
    from apps.contacts import imports

    real = imports._import_entries

    def run(submission: Any, *rest: Any) -> Any:
        submission.done, submission.report, submission.rejects = 0, {}, None
        submission.save(update_fields=["done", "report", "rejects"])
        return real(submission, *rest)

    setattr(imports, "_import_entries", run)  # noqa: B010 - assigned plainly, mypy takes it for a mistake


def hold_nothing() -> None:
    """Mutant without locks and checkpoint comparison: both processes read the state before either begins."""
    from django.db import connection

    from apps.contacts import imports

    @contextmanager
    def everybody(name: str) -> Iterator[bool]:
        yield True

    real = imports._import_entries

    def run(*arguments: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(78)")
        return real(*arguments)

    broken: dict[str, Any] = {
        "advisory_lock": everybody,
        "_import_entries": run,
        "_lock_checkpoint": lambda submission: imports.lock_facts(),
    }
    vars(imports).update(broken)


def die_at_the_third_batch() -> None:
    """Not a mutant: simulate a file that kills its process, as one that uses up all memory does."""
    from apps.contacts import imports

    real = imports._record_entries

    def record(batch: Any, owners: Any, submission: Any) -> Any:
        if submission.done >= 2 * len(batch):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(batch, owners, submission)

    imports._record_entries = record


BREAKS = {one.__name__: one for one in (forget_checkpoints, hold_nothing, die_at_the_third_batch)}


def work(asked: dict[str, Any]) -> None:
    from django.core.management import execute_from_command_line
    from django.db import connection

    from apps.contacts import batches, imports

    batches.MAX_ENTRIES = asked["batch"]
    if name := asked.get("break"):
        BREAKS[name]()
    if "argv" in asked:
        execute_from_command_line(["manage.py", *asked["argv"]])
        return
    # The test releases lock 77 to let all processes begin at one moment.
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(77)")
    print(json.dumps(imports.import_submission(uuid.UUID(asked["submission"]))))


def child(asked: dict[str, Any]) -> None:
    code = 1
    try:
        out = os.open(asked["out"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(out, 1)
        work(asked)
        sys.stdout.flush()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    import apps.contacts.management.commands.import_contacts  # noqa: F401 - loaded before it is timed

    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            child(json.loads(line))
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    main()
