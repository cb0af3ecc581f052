"""The worker's preview of a roster upload: its header, its rows, its difference, or the problem that blocks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from django.db import transaction

from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import BackdatingBlocked
from apps.core.files import MAX_MEMORY_BYTES, open_file, store_file
from apps.core.models import StoredFile
from apps.employees.models import Employee
from apps.fileio.encodings import sample_lines
from apps.fileio.errors import BinaryFile, TooLarge, UnreadableFile, UnsureEncoding
from apps.roster.column_mappings import MAX_HEADING_CHARS, remembered_columns
from apps.roster.effects import employed
from apps.roster.imports import OPTIONS, UPLOAD_LIFETIME, State
from apps.roster.load_checks import UnloadableRoster
from apps.roster.loading import StaleRosterPreview, preview_roster
from apps.roster.models import RosterImport
from apps.roster.parser import ConflictingRows, Roster, UnreadableRow, read_roster
from apps.roster.reader import ColumnMissing, ColumnTwice, open_roster, read_layout
from apps.roster.report_types import RosterLayout

DIFFERENCE = "employees/roster-difference"
EXAMPLES = 3
MAX_HEAD_CHARS = 100
CHUNK_BYTES = 1 << 18
PROGRESS_ROWS = 5_000


def preview(load: RosterImport, stored: StoredFile) -> None:
    """Store the load's difference or its problem, unless a user requested another reading meanwhile."""
    if "roles" not in load.layout and not _header_is_read(load, stored):
        return
    roster: Roster | None = None
    with SpooledTemporaryFile(max_size=MAX_MEMORY_BYTES) as file:
        values: dict[str, Any] = {"state": State.PREVIEWED}
        try:
            roster = read_rows(load, stored)
            result, difference, based_on = preview_roster(roster=roster, complete=load.complete, csv_file=file)
        except (UnreadableFile, UnloadableRoster) as error:
            values["report"] = {"problem": problem_of(error, roster)}
        except StaleRosterPreview:
            # The load still waits for a preview: the worker's next attempt reads the roster of now.
            return
        except BackdatingBlocked:
            values["report"] = {"problem": {"code": "freezing"}}
        else:
            report = result.counts | {"kinds": difference.counts, "shown": difference.shown}
            report |= {"without_manager": len(result.without_manager), "cleared": difference.cleared}
            report["employed"] = employed(db_now())
            if load.report.get("roster_changed"):
                report["roster_changed"] = True
            values |= {"report": report, "digest": difference.digest, "based_on": based_on}
            values |= {"total": result.read, "done": result.read}
        with transaction.atomic():
            _store_preview(load, values, file, {"lines": roster.read} if roster else {})


def _store_preview(load: RosterImport, values: dict[str, Any], file: IO[bytes], detail: dict[str, Any]) -> None:
    current = RosterImport.objects.filter(
        pk=load.pk, state=State.PREVIEWING, layout=load.layout, complete=load.complete
    )
    if not current.exists():
        return
    # The difference of a preview before this one.
    StoredFile.objects.filter(pk__in=current.values("difference")).delete()
    if values.get("digest"):
        file.seek(0)
        values["difference"] = store_file(
            name="roster-difference.csv", content=iter(lambda: file.read(CHUNK_BYTES), b""),
            content_type=DIFFERENCE, expires_at=db_now() + UPLOAD_LIFETIME, owner_id=load.actor_id,
        )  # fmt: skip
    RosterImport.objects.filter(pk=load.pk).update(**values, attempts=0, advanced_at=db_now())
    by = Actor(load.actor_id, load.actor_label)
    audit("roster.previewed", by=by, kind="roster", id=load.pk, label=load.file_name, detail=detail)


def _header_is_read(load: RosterImport, stored: StoredFile) -> bool:
    """Read the header; False when it is unreadable (the load stores why) or another reading was requested."""
    requested = load.layout
    _read_header(load, stored, requested)
    load.layout |= {name: requested[name] for name in OPTIONS if name in requested}
    values = {"layout": load.layout, "report": load.report, "state": load.state}
    changed = RosterImport.objects.filter(pk=load.pk, state=State.PREVIEWING, layout=requested).update(**values)
    return bool(changed) and load.state == State.PREVIEWING


def _read_header(load: RosterImport, stored: StoredFile, requested: RosterLayout) -> None:
    """Propose the columns' roles: from the account's last file with this header, else by their names. Saves nothing."""
    load.report, load.layout = {}, {}
    with open_file(stored) as raw:
        try:
            layout = read_layout(
                raw, requested.get("encoding", ""), EXAMPLES, header_line=requested.get("header_line", 0),
                format=requested.get("format", ""),
            )  # fmt: skip
        except UnsureEncoding as unsure:
            load.report = {"problem": {"code": "unsure_encoding"}}
            load.layout = {"readings": [[encoding, sample_lines(raw, encoding)] for encoding in unsure.candidates[:6]]}
        except BinaryFile:
            load.report = {"problem": {"code": "packed"}}
        except UnreadableFile as error:
            load.report = {"problem": problem_of(error)}
        else:
            load.layout = {
                "format": layout.format, "encoding": layout.encoding,
                "header": [heading[:MAX_HEADING_CHARS] for heading in layout.header],
                "roles": remembered_columns(layout.header, load.actor_id) or layout.roles,
                "examples": [[cell[:60] for cell in row] for row in layout.rows], "header_line": layout.header_line,
                "head": [[line, " · ".join(filter(None, cells))[:MAX_HEAD_CHARS]] for line, cells in layout.head],
            }  # fmt: skip
    load.state = State.PREVIEWED if load.report else State.PREVIEWING


def read_rows(load: RosterImport, stored: StoredFile) -> Roster:
    layout = load.layout
    with (
        open_file(stored) as raw,
        open_roster(
            raw, format=layout["format"], encoding=layout["encoding"], roles=layout["roles"],
            header_line=layout.get("header_line", 0),
        ) as table,
    ):  # fmt: skip
        roster = read_roster(table, _progress(load), clear_empty=layout.get("clear_empty", False))
    roster.without_unknown_managers = layout.get("without_unknown_managers", False)
    return roster


def _progress(load: RosterImport) -> Callable[[int], None]:
    def store(read: int) -> None:
        if read % PROGRESS_ROWS == 0:
            RosterImport.objects.filter(pk=load.pk).update(done=read, advanced_at=db_now())

    return store


def problem_of(error: Exception, roster: Roster | None = None) -> dict[str, Any]:
    """The problem as JSON: a code, and the people or lines it is about."""
    match error:
        # Subclasses of UnreadableFile stand before it.
        case ColumnMissing():
            return {"code": "column_missing", "columns": error.columns}
        case ColumnTwice():
            return {"code": "column_twice", "columns": [error.column]}
        case ConflictingRows():
            return {"code": "disagree", "lines": list(error.lines), "about": error.about}
        case UnreadableRow():
            return {"code": "unreadable_row", "lines": [error.line]}
        case UnloadableRoster():
            return {"code": error.code, "about": _named(error.people, roster)}
        case TooLarge():
            return {"code": "too_large", "line": error.line, "limit": error.limit, "unit": error.unit}
        case UnreadableFile():
            return {"code": "unreadable", "lines": [error.line] if error.line else []}
    raise error


def _named(people: Sequence[str], roster: Roster | None) -> str:
    names = dict(Employee.objects.filter(staff_no__in=people).values_list("staff_no", "name"))
    names |= roster.staged.names(list(people)) if roster else {}
    return " → ".join(f"{names[staff_no]} ({staff_no})" if staff_no in names else staff_no for staff_no in people)
