"""Files of contacts as employees upload them, recorded like a worker does, and exported files."""

import uuid
from datetime import date, timedelta
from typing import Any

from apps.accounts.services import account_for
from apps.campaigns.adjustments import bulk_previews
from apps.campaigns.models import Campaign
from apps.contacts import previews
from apps.contacts.file_receipt import receive_file
from apps.contacts.imports import import_submission
from apps.contacts.models import Source, Submission
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.files import store_file
from apps.core.models import FilePreview, StoredFile
from apps.core.previews import request_preview
from apps.employees.models import Employee
from apps.exports import build_export, export_requests, schedules
from apps.exports.models import Export, ExportSchedule
from apps.operations import file_previews
from apps.results import correction_file
from tests.people import TESTER


def sent(employee: Employee, content: str | bytes, name: str = "contacts.csv") -> StoredFile:
    """A file that this employee has uploaded and no worker has read."""
    options = {"employee": employee.pk, "encoding": "", "roles": None, "language": "en"}
    return _sent(account_for(employee).pk, content, name, previews.UPLOAD, options)


def upload(employee: Employee, content: str | bytes, name: str = "contacts.csv") -> StoredFile:
    """A file that this employee has uploaded and not confirmed; a worker has read it."""
    stored = sent(employee, content, name)
    file_previews.make_preview(stored.pk)
    return stored


def adjustments(
    employee: Employee | None, content: str | bytes, name: str = "leave.csv", *, campaign: Campaign | None = None,
    read: bool = True,
) -> StoredFile:  # fmt: skip
    """A file of adjustments, of the newest campaign unless another is named, that this employee of HR looks at and has
    not asked with; a worker has read it, or is to."""
    campaign = campaign or Campaign.objects.order_by("-pk").first()
    owner, excluded = (account_for(employee).pk, employee.pk) if employee else (None, None)
    options = {"campaign": campaign and campaign.pk, "employee": excluded, "encoding": "", "language": "en"}
    stored = _sent(owner, content, name, bulk_previews.UPLOAD, options)
    if campaign and read:
        file_previews.make_preview(stored.pk)
    return stored


def corrections(employee: Employee, content: str | bytes, name: str = "late.csv", *, campaign: Campaign) -> StoredFile:
    """A file of corrections of a frozen result that this employee of HR has uploaded; a worker has read it."""
    options = {"campaign": campaign.pk, "employee": employee.pk, "encoding": "", "language": "en"}
    stored = _sent(account_for(employee).pk, content, name, correction_file.UPLOAD, options)
    file_previews.make_preview(stored.pk)
    return StoredFile.objects.select_related("preview").get(pk=stored.pk)


def _sent(
    owner_id: int | None, content: str | bytes, name: str, content_type: str, options: dict[str, Any]
) -> StoredFile:
    stored = store_file(
        name=name, content=[content.encode() if isinstance(content, str) else content], content_type=content_type,
        expires_at=db_now() + timedelta(days=1), owner_id=owner_id,
    )  # fmt: skip
    request_preview(stored, options)
    return stored


def make_previews() -> None:
    """Read every waiting file, as workers do."""
    for file_id in FilePreview.objects.filter(state="waiting").values_list("pk", flat=True):
        file_previews.make_preview(file_id)


def received(
    employee: Employee, content: str | bytes, roles: list[str] | None = None, *, by: Actor = TESTER
) -> Submission:
    """A CSV file that this employee has submitted and that is not recorded yet."""
    stored = upload(employee, content)
    text = content if isinstance(content, str) else content.decode()
    header = text.splitlines()[0].split(",")
    layout = {"format": "csv", "encoding": "utf-8", "roles": roles or header}
    return receive_file(
        employee=employee, by=by, source=Source.CSV, file_name=stored.name, sha256=bytes(stored.sha256),
        layout=layout, key=f"file-{stored.pk}", file=stored, total=len(text.splitlines()) - 1,
    )  # fmt: skip


def handed_in(employee: Employee, content: str | bytes) -> Submission:
    """A recorded CSV file of this employee. Evaluates nothing."""
    submission = received(employee, content)
    import_submission(submission.pk)
    submission.refresh_from_db()
    return submission


def export(campaign: Campaign, by: Employee, kind: str = "standings", **wish: Any) -> Export:
    """A file that was requested and created; `wish` holds fields of exports.ExportRequest."""
    export_row = export_requests.request_export(
        campaign=campaign,
        request=export_requests.ExportRequest(kind, **wish),
        key=uuid.uuid4(),
        by=account_for(by).actor,
    )
    made = build_export.make_export(export_row.pk, show_progress=False)
    assert made is not None
    assert made.state == Export.State.DONE, made.error
    return made


def schedule(
    campaign: Campaign, by: Employee, kind: str = "standings", *, hour: int = 8, weekday: int | None = None,
    ends_on: date | None = None, **wish: Any,
) -> ExportSchedule:  # fmt: skip
    """A scheduled file of this employee; `wish` holds fields of exports.ExportRequest."""
    return schedules.create_schedule(
        campaign=campaign,
        request=export_requests.ExportRequest(kind, **wish),
        repetition=schedules.Repetition(hour, weekday, ends_on),
        key=uuid.uuid4(),
        by=account_for(by),
    )
