"""A process to be measured: `python -m tests.bench.process WORK FILE [STAFF_NO, NUMBER or ...]`; prints a JSON object.

Seconds are of the work alone, without Django's start; the peak of memory is the process's.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django


def read(path: Path, staff_no: str) -> dict[str, Any]:
    """Read and normalise the file, and nothing else."""
    from apps.contacts.batches import batches
    from apps.contacts.reading import open_contacts

    began = time.perf_counter()
    with path.open("rb") as raw, open_contacts(raw) as file:
        count = sum(len(batch) for batch in batches(file.entries))
    return {"seconds": time.perf_counter() - began, "read": count}


def import_file(path: Path, staff_no: str) -> dict[str, Any]:
    """Import it as the command does: for the employee with this number, or for those it names."""
    from apps.contacts.imports import import_contacts
    from apps.core.audit import Actor
    from apps.employees.models import Employee

    employee = Employee.objects.get_by_staff_no(staff_no) if staff_no else None
    began = time.perf_counter()
    with path.open("rb") as raw:
        done = import_contacts(raw=raw, by=Actor(None, "bench"), employee=employee, file_name=path.name).as_json()
    counts = {name: done[name] for name in ("read", "created", "duplicate", "rejected")}
    return {"seconds": time.perf_counter() - began, **counts}


def plain(path: Path, staff_no: str) -> dict[str, Any]:
    """Store the same rows by SQL alone."""
    from tests.bench.plain import store

    return store(path)


def load_roster(path: Path, staff_no: str) -> dict[str, Any]:
    """Load a roster as the command does."""
    from apps.core.audit import Actor
    from apps.fileio.csv_reader import open_table
    from apps.roster.loading import load_roster
    from apps.roster.parser import read_roster

    began = time.perf_counter()
    with open_table(path) as table:
        result = load_roster(roster=read_roster(table), by=Actor(None, "bench"), file_name=path.name)
    return {"seconds": time.perf_counter() - began, **result.counts}


def look(path: Path, staff_no: str) -> dict[str, Any]:
    """Make the difference that a roster would be."""
    from tempfile import SpooledTemporaryFile

    from apps.fileio.csv_reader import open_table
    from apps.roster.loading import preview_roster
    from apps.roster.parser import read_roster

    began = time.perf_counter()
    with open_table(path) as table, SpooledTemporaryFile(max_size=1 << 22) as whole:
        result, _difference, _version = preview_roster(roster=read_roster(table), complete=False, csv_file=whole)
    return {"seconds": time.perf_counter() - began, **result.counts}


def plain_roster(path: Path, staff_no: str) -> dict[str, Any]:
    """Store the same people and build their tree by SQL alone."""
    from tests.bench.plain_roster import store

    return store(path)


def company(path: Path, target: str) -> dict[str, Any]:
    """Open a campaign for the employees of the database, and evaluate them."""
    from tests.bench import standings

    began = time.perf_counter()
    return {"people": standings.make_company(int(target or 100)), "seconds": time.perf_counter() - began}


def mark(path: Path, staff_no: str) -> dict[str, Any]:
    """Evaluate all employees like the command."""
    from tests.bench import judging

    return judging.mark()


def mark_by_workers(path: Path, staff_no: str) -> dict[str, Any]:
    """Let the stack's workers evaluate all employees."""
    from tests.bench import judging

    return judging.by_workers()


def mark_one(path: Path, times: str) -> dict[str, Any]:
    """Evaluate one employee after one contact, `times` times."""
    from tests.bench import judging

    return judging.one(int(times))


def forecast(path: Path, staff_no: str) -> dict[str, Any]:
    """Make the forecast of all employees."""
    from tests.bench import judging

    return judging.forecast()


def plain_mark(path: Path, staff_no: str) -> dict[str, Any]:
    """The verdicts of all employees, and their upsert, by one SQL statement."""
    from tests.bench import plain_marks

    return plain_marks.mark()


def plain_recount(path: Path, staff_no: str) -> dict[str, Any]:
    """The verdicts of all employees by one SQL statement, not written."""
    from tests.bench import plain_marks

    return plain_marks.recount()


def csv(which: str) -> Callable[[Path, str], dict[str, Any]]:
    """The CSV of all standings, by that function of `standings`."""

    def write(path: Path, staff_no: str) -> dict[str, Any]:
        from tests.bench import standings

        result: dict[str, Any] = getattr(standings, which)(path)
        return result

    return write


def export(path: Path, department: str) -> dict[str, Any]:
    """A current file, created like a worker does, of one department or of all."""
    from tests.bench import standings

    return standings.export(path, department)


def peer_import(path: Path, staff_no: str) -> dict[str, Any]:
    """Import contacts by django-import-export."""
    from tests.bench import peer

    return peer.import_contacts(path)


def peer_csv(path: Path, staff_no: str) -> dict[str, Any]:
    """All standings as CSV by django-import-export."""
    from tests.bench import peer

    return peer.export_standings(path)


def weigh(path: Path, staff_no: str) -> dict[str, Any]:
    """The bytes of the company's page, `path` being Plotly's script."""
    from tests.bench import weight

    return weight.weigh(path)


def notifications(path: Path, staff_no: str) -> dict[str, Any]:
    """Plan and send a notification of every employee."""
    from tests.bench import sending

    return sending.measure()


def over(path: Path, staff_no: str) -> dict[str, Any]:
    """Open a campaign whose last day was yesterday, for the employees of the database."""
    from tests.bench import standings

    standings.open_over()
    return {}


def command(path: Path, words: str) -> dict[str, Any]:
    """A command of Hundred; `words` are its name and arguments, and "{path}" stands for the path."""
    from django.core.management import call_command

    call_command(*words.format(path=path).split(), "--json", stdout=sys.stderr)
    return {}


WORK: dict[str, Callable[[Path, str], dict[str, Any]]] = {
    "read": read, "import": import_file, "plain": plain, "load_roster": load_roster, "look": look,
    "plain_roster": plain_roster, "company": company, "export": export,
    "mark": mark, "mark_by_workers": mark_by_workers, "mark_one": mark_one, "plain_mark": plain_mark,
    "plain_recount": plain_recount, "forecast": forecast,
    "peer_import": peer_import, "peer_csv": peer_csv, "weigh": weigh, "over": over, "command": command,
    "notifications": notifications,
    **{which: csv(which) for which in ("page_csv", "past_csv", "same_csv", "plain_csv", "plain_past_csv")},
}  # fmt: skip


def main(work: str, path: str, staff_no: str = "") -> None:
    django.setup()
    from apps.core.identity_key import verify_identity_key

    verify_identity_key()
    result = WORK[work](Path(path), staff_no)
    # Kilobytes on Linux, bytes on macOS.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(json.dumps({**result, "peak_mb": peak}))


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main(*sys.argv[1:])
