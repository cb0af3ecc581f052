"""`/contacts/import/<file>/`: preview an upload, read it again with other settings, and confirm the import."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.contacts.imports import UploadExpired, receive_file
from apps.contacts.models import Source, Submission
from apps.contacts.previews import UPLOAD
from apps.contacts.reading import VCARD
from apps.contacts.services import column_mappings as contacts
from apps.core import clock, enqueue
from apps.core.files import delete_files, store_file
from apps.core.models import FilePreview, StoredFile
from apps.core.previews import ask_preview
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext, fragment, render
from apps.dashboard.views.progress import ProgressView
from apps.dashboard.views.standing.standing_card import period_of
from apps.fileio.encodings import ENCODINGS

# How long an unconfirmed upload is kept, and how many unconfirmed uploads one reader may have.
UPLOAD_KEPT, WAITING = timedelta(days=1), 5
# The status with which htmx stops polling.
STOP_POLLING = 286
# A small file is read at once, so the page polls quickly for this long and then every second.
SOON = timedelta(seconds=3)
State = FilePreview.State


def receive_upload(scope: PageContext, sent: UploadedFile) -> StoredFile:
    """Store an upload for a day and ask a worker to read it."""
    with transaction.atomic():
        stored = store_file(
            name=sent.name or "", content=sent.chunks(), content_type=UPLOAD,
            expires_at=clock.db_now() + UPLOAD_KEPT, owner_id=scope.user.pk,
        )  # fmt: skip
        ask_preview(stored, _asked(scope))
        enqueue.enqueue_preview(stored.pk)
    handed_in = Submission.objects.filter(file=OuterRef("pk"))
    waiting = StoredFile.objects.filter(~Exists(handed_in), owner_id=scope.user.pk, content_type=UPLOAD)
    newest = list(waiting.order_by("-stored_at").values_list("pk", flat=True)[:WAITING])
    delete_files(waiting.exclude(pk__in=newest))
    return stored


def _asked(scope: PageContext, encoding: str = "", roles: list[str | None] | None = None) -> dict[str, Any]:
    return {
        "employee": scope.the_employee.pk, "encoding": encoding if encoding in ENCODINGS else "", "roles": roles,
        "language": translation.get_language(),
    }  # fmt: skip


def _upload(scope: PageContext, file_id: uuid.UUID) -> StoredFile:
    """The reader's own upload. Another reader's upload and an expired one give 404, as one that does not exist."""
    mine = StoredFile.objects.filter(owner_id=scope.user.pk, expires_at__gt=clock.db_now())
    found = mine.select_related("preview").defer("preview__attachment").filter(pk=file_id).first()
    if found is None or scope.employee is None:
        raise Http404("There is no such file")
    return found


def _handed_in(scope: PageContext, file_id: uuid.UUID) -> HttpResponse | None:
    """Redirect to the report of a file that was confirmed before, in another window or by a double click."""
    found = Submission.objects.filter(employee=scope.the_employee, key=f"file-{file_id}").first()
    return redirect(scope.url("import-batch", found.pk)) if found else None


@require_safe
def preview(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """The preview: the columns, the first contacts as they would be stored, and the number of each outcome."""
    scope = PageContext(request)
    return _handed_in(scope, file_id) or _page(scope, _upload(scope, file_id))


@require_safe
def progress(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """The part of the preview page that shows the worker's progress, for polling."""
    scope = PageContext(request)
    context = _context(scope, _upload(scope, file_id))
    return fragment(scope, "contacts/_import_preview.html", context, status=200 if context["work"] else STOP_POLLING)


def _page(scope: PageContext, stored: StoredFile, status: int = 0) -> HttpResponse:
    context = _context(scope, stored)
    status = status or (413 if context["found"].get("problem") == "too_many" else 200)
    return render(scope, "contacts/import_preview.html", context, status=status)


def _context(scope: PageContext, stored: StoredFile) -> dict[str, Any]:
    made = preview_of(stored)
    found = made.report if made else {}
    return {
        "stored": stored, "asked": made, "found": found, "columns": _columns(found), "roles": base.ROLES,
        "used": sum(map(bool, found.get("roles", []))), "most": settings.MOST_CONTACTS_AT_ONCE,
        "period": period_of(scope) if scope.campaign else None, **waiting(made, clock.db_now()),
    }  # fmt: skip


def preview_of(stored: StoredFile) -> FilePreview | None:
    """The preview of a file. None for an upload from a version without stored previews: its page offers to read it."""
    return getattr(stored, "preview", None)


def waiting(made: FilePreview | None, now: datetime) -> dict[str, Any]:
    """The page context of an unfinished preview and its polling interval. `work` is None when it is finished."""
    if made is None or made.state == State.MADE:
        return {"work": None}
    counted = _("The file is being read.") if made.attempts else _("The file waits to be read.")
    more = _("A small file takes about a second. Of your files one is read at a time.")
    poll = "load delay:300ms" if now - made.asked_at < SOON else "load delay:1s"
    return {"work": ProgressView(_("Reading the file"), counted, more=more), "poll": poll}


def _columns(found: dict[str, Any]) -> list[dict[str, Any]]:
    headless, examples = found.get("headless", False), found.get("examples", [])
    return [
        {
            "place": place, "examples": examples[place], "role": found["roles"][place],
            "name": _("Column %(number)s") % {"number": place + 1} if headless or not name else name,
            # The column names the owner of each contact, and no reader may choose another one.
            "fixed": found["roles"][place] not in base.ROLES,
        }
        for place, name in enumerate(found.get("header", []))
    ]  # fmt: skip


@require_POST
def look(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """Read the file again with another encoding or other columns."""
    scope = PageContext(request)
    if handed_in := _handed_in(scope, file_id):
        return handed_in
    stored = _upload(scope, file_id)
    made = preview_of(stored)
    header = made.report.get("header", []) if made else []
    said = [request.POST.get(f"role_{place}") for place in range(len(header))]
    # None: the role that the header suggests.
    roles = [role if role in base.ROLES else None for role in said]
    ask_preview(
        stored,
        _asked(scope, request.POST.get("encoding", ""), roles if any(role is not None for role in roles) else None),
    )
    enqueue.enqueue_preview(stored.pk)
    return redirect(scope.url("import-preview", stored.pk))


@require_POST
def confirm(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """Submit the file as previewed. Its contacts count from now. Idempotent: a second confirmation changes nothing."""
    scope = PageContext(request)
    if handed_in := _handed_in(scope, file_id):
        return handed_in
    stored, employee = _upload(scope, file_id), scope.the_employee
    made = preview_of(stored)
    found = made.report if made else {}
    if made is None or not found.get("preview"):
        return _page(scope, stored, status=422)
    if request.POST.get("seen") != str(made.version):
        messages.warning(request, _("Nothing was recorded: the file was read another way since. Look at it again."))
        return redirect(scope.url("import-preview", stored.pk))
    if found.get("chosen") and not found["headless"]:
        contacts.remember_roles(employee, found["header"], found["roles"])
    try:
        submission = receive_file(
            employee=employee, by=scope.user.actor, source=Source.VCARD if found["format"] == VCARD else Source.CSV,
            file_name=stored.name, sha256=bytes(stored.sha256), key=f"file-{stored.pk}", file=stored,
            layout={"format": found["format"], "encoding": found["encoding"], "roles": found["roles"]},
            total=found["preview"]["total"],
        )  # fmt: skip
    except UploadExpired:
        # Newer uploads have replaced it meanwhile, or its day was over.
        messages.warning(request, _("Nothing was recorded: the file is no longer kept here. Please send it again."))
        return redirect(scope.url("import"))
    enqueue.enqueue_import(submission.pk)
    return redirect(scope.url("import-batch", submission.pk))
