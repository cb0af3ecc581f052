"""Submitted files of one employee with their bytes, and the state to compare afterwards."""

import random
from datetime import timedelta
from typing import Any

from apps.contacts.file_receipt import receive_file
from apps.contacts.models import Contact, ContactIdentity, Submission
from apps.core.clock import db_now
from apps.core.files import read_file, store_file
from apps.employees.models import Employee
from tests import people


def own_file(dice: random.Random, rows: int) -> str:
    """Return a file for one employee, with bad rows and repeated people."""
    lines = ["name,phone,email,handle"]
    for number in range(rows):
        mail = f"g{dice.randrange(rows)}@outside.example.org"
        lines.append(f"Guest {number},{dice.choice(['', '', '', '', '12'])},{mail},{dice.choice(['', f'h{number}'])}")
    return "\n".join(lines) + "\n"


def submit_file(employee: Employee, text: str, key: str = "file-1") -> Submission:
    """Submit the file as the page does, without enqueueing a task."""
    expires = db_now() + timedelta(days=30)
    stored_file = store_file(
        name="c.csv", content=[text.encode()], content_type="text/csv", expires_at=expires, owner_id=None
    )
    return receive_file(
        employee=employee, by=people.TESTER, source="csv", file_name="c.csv", sha256=bytes(stored_file.sha256),
        key=key, file=stored_file,
        layout={"format": "csv", "encoding": "utf-8", "roles": ["name", "phone", "email", "handle"]},
    )  # fmt: skip


def contacts() -> list[tuple[Any, ...]]:
    """Return (staff_no, name, identities, state) of every contact, in order."""
    held: dict[int, list[tuple[str, str]]] = {}
    for contact, kind, value in ContactIdentity.objects.values_list("contact", "kind", "value"):
        held.setdefault(contact, []).append((kind, value or ""))
    rows = Contact.objects.values_list("employee__staff_no", "name", "pk", "source", "ended_at")
    return sorted((no, name, sorted(held.get(pk, [])), source, end) for no, name, pk, source, end in rows)


def stored_outcome(submission: Submission) -> dict[str, Any]:
    """Return its state, rejects and report, without the contact ids, which differ between runs."""
    submission.refresh_from_db()
    report = dict(submission.report)
    if "duplicates" in report:
        report["duplicates"] = [one["line"] for one in report["duplicates"]]
    rejects = b"".join(read_file(submission.rejects)) if submission.rejects else b""
    return {"state": submission.state, "report": report, "rejects": rejects}


def records_done() -> int:
    """Return how many lines of all files are before their checkpoint."""
    return sum(Submission.objects.values_list("done", flat=True))
