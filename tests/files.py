"""Files of contacts as people bring them, uploaded and recorded as a worker does, and files as they take them away."""

import uuid
from datetime import timedelta
from typing import Any

from apps.contacts.imports import import_submission, receive_file
from apps.contacts.models import Source, Submission
from apps.employees.models import Employee
from apps.employees.services import account_for
from apps.ledger.files import store_file
from apps.ledger.models import StoredFile
from apps.ledger.services import clock
from apps.quotas import exports
from apps.quotas.models import Campaign, Export
from tests.people import TESTER


def upload(employee: Employee, content: str | bytes, name: str = "contacts.csv") -> StoredFile:
    """A file this employee has sent and not confirmed."""
    return store_file(
        name=name, content=[content.encode() if isinstance(content, str) else content], content_type="text/csv",
        expires_at=clock() + timedelta(days=1), owner_id=account_for(employee).pk,
    )  # fmt: skip


def adjustments(employee: Employee, content: str | bytes, name: str = "leave.csv") -> StoredFile:
    """A file of adjustments this employee of HR looks at and has not asked with."""
    return store_file(
        name=name, content=[content.encode() if isinstance(content, str) else content],
        content_type="quotas/adjustments", expires_at=clock() + timedelta(days=1), owner_id=account_for(employee).pk,
    )  # fmt: skip


def received(employee: Employee, content: str | bytes, roles: list[str] | None = None) -> Submission:
    """A CSV file this employee has handed in and nobody has recorded yet."""
    stored = upload(employee, content)
    text = content if isinstance(content, str) else content.decode()
    header = text.splitlines()[0].split(",")
    layout = {"format": "csv", "encoding": "utf-8", "roles": roles or header}
    return receive_file(
        employee=employee, by=TESTER, source=Source.CSV, file_name=stored.name, sha256=bytes(stored.sha256),
        layout=layout, key=f"file-{stored.pk}", file=stored, total=len(text.splitlines()) - 1,
    )  # fmt: skip


def handed_in(employee: Employee, content: str | bytes) -> Submission:
    """A CSV file this employee has handed in, recorded. Marks nothing."""
    submission = received(employee, content)
    import_submission(submission.pk)
    submission.refresh_from_db()
    return submission


def export(campaign: Campaign, by: Employee, kind: str = "standings", **wish: Any) -> Export:
    """A file that was asked for and made; `wish` as exports.Wish has it."""
    asked = exports.ask_export(
        campaign=campaign, wish=exports.Wish(kind, **wish), key=uuid.uuid4(), by=account_for(by).actor
    )
    made = exports.make_export(asked.pk, tell=False)
    assert made is not None
    assert made.state == Export.State.DONE, made.error
    return made
