"""A process to be measured: `python -m tests.bench.process read|import|plain FILE [STAFF_NO]`; prints one JSON object.

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
    from apps.employees.models import Employee
    from apps.ledger.services import Actor

    employee = Employee.objects.by_staff_no(staff_no) if staff_no else None
    began = time.perf_counter()
    with path.open("rb") as raw:
        done = import_contacts(raw=raw, by=Actor(None, "bench"), employee=employee, file_name=path.name).as_json()
    counts = {name: done[name] for name in ("read", "created", "duplicate", "rejected")}
    return {"seconds": time.perf_counter() - began, **counts}


def plain(path: Path, staff_no: str) -> dict[str, Any]:
    """Store the same rows by SQL alone."""
    from tests.bench.plain import store

    return store(path)


WORK: dict[str, Callable[[Path, str], dict[str, Any]]] = {"read": read, "import": import_file, "plain": plain}


def main(work: str, path: str, staff_no: str = "") -> None:
    django.setup()
    from apps.ledger.services import verify_identity_key

    verify_identity_key()
    told = WORK[work](Path(path), staff_no)
    # Kilobytes on Linux, bytes on macOS.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    print(json.dumps({**told, "peak_mb": peak}))


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main(*sys.argv[1:])
