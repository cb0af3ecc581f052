"""Roster uploads: stored, previewed by a worker, confirmed by HR, and applied by a worker in one transaction.

When a worker dies, the next one starts again: a load is stored completely or not at all.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from tempfile import SpooledTemporaryFile
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from apps.accounts.approvals import ApprovalRefused, supersede_requests
from apps.accounts.models import Account, ApprovalRequest
from apps.core.audit import SYSTEM, Actor, audit
from apps.core.clock import db_now
from apps.core.closed_periods import BackdatingBlocked
from apps.core.files import IN_MEMORY, keep_file, opened, store_file
from apps.core.identity import clean_text
from apps.core.identity_key import verify_identity_key
from apps.core.locks import advisory_lock
from apps.core.models import StoredFile
from apps.core.previews import LARGE_BYTES, LARGE_FILE
from apps.employees.models import Employee
from apps.employees.org_tree import roster_version
from apps.fileio.csv_reader import TooLarge, UnreadableFile
from apps.fileio.encodings import PackedFile, UnsureEncoding, sample
from apps.roster.column_mappings import remember_columns, remembered_columns
from apps.roster.effects import NeedsSecondPerson, request_change
from apps.roster.import_approvals import held_load, require_fewer_requests
from apps.roster.loading import RosterRefused, StaleRosterPreview, load_roster, preview_roster
from apps.roster.models import RosterImport
from apps.roster.parser import AmbiguousEmployee, ConflictingRows, Roster, read_roster
from apps.roster.reader import ColumnMissing, ColumnTwice, look, open_roster

logger = logging.getLogger(__name__)
State = RosterImport.State
WAITING = (State.LOOKING, State.RECEIVED)
# An unconfirmed upload is deleted after a day. The difference of a load stays readable for 90 days.
UPLOAD_KEPT, DIFFERENCE_KEPT = timedelta(days=1), timedelta(days=90)
# Without progress for this long, the sweep enqueues the load again.
ABANDONED_AFTER = timedelta(seconds=30)
ATTEMPTS = 5
UPLOAD, DIFFERENCE = "employees/roster", "text/csv"
EXAMPLES = 3
PROGRESS_EVERY = 5_000


def receive_upload(*, name: str, content: Iterable[bytes], by: Actor) -> RosterImport:
    """Store a file for a day, to be previewed by a worker. Loads nothing."""
    stored = store_file(
        name=name, content=content, content_type=UPLOAD, expires_at=db_now() + UPLOAD_KEPT, owner_id=by.id
    )
    return RosterImport.objects.create(
        state=State.LOOKING, actor_id=by.id, actor_label=by.label, file=stored, file_name=clean_text(name)
    )


def read_header(load: RosterImport, stored: StoredFile, *, encoding: str) -> None:
    """Propose the columns' roles: from the account's last file with this header, else by their names. Saves nothing."""
    load.report, load.layout = {}, {}
    with opened(stored) as raw:
        try:
            seen = look(raw, encoding, EXAMPLES)
        except UnsureEncoding as unsure:
            load.report = {"problem": {"code": "unsure_encoding"}}
            load.layout = {"readings": [[one, sample(raw, one)] for one in unsure.candidates[:6]]}
        except PackedFile:
            load.report = {"problem": {"code": "packed"}}
        except UnreadableFile as error:
            load.report = {"problem": _problem(error)}
        else:
            load.layout = {
                "format": seen.format, "encoding": seen.encoding, "header": seen.header,
                "roles": remembered_columns(seen.header, load.actor_id) or seen.roles,
                "examples": [[cell[:60] for cell in row] for row in seen.rows],
            }  # fmt: skip
    load.state = State.LOOKED if load.report else State.LOOKING


def refresh_preview(
    load: RosterImport, *, encoding: str = "", roles: Sequence[str] | None = None, complete: bool,
    without_unknown_managers: bool = False, by: Actor = SYSTEM,
) -> bool:  # fmt: skip
    """Preview again with `by`'s choices; False when the load was confirmed or its file is gone."""
    with transaction.atomic():
        held = held_load(load.pk)
        if held.state not in (State.LOOKING, State.LOOKED) or held.file is None:
            return False
        if encoding and encoding != held.layout.get("encoding", ""):
            held.report, held.layout, held.state = {}, {"encoding": encoding}, State.LOOKING
        elif roles is not None and len(roles) == len(held.layout.get("roles", ())):
            held.layout = held.layout | {"roles": list(roles), "said_by": by.id or 0}
            held.report, held.state = {}, State.LOOKING
        elif held.layout.get("roles"):
            held.report, held.state = {}, State.LOOKING
        held.layout = held.layout | {"without_unknown_managers": without_unknown_managers}
        held.complete, held.digest, held.attempts, held.done = complete, "", 0, 0
        held.advanced_at = db_now()
        held.total = None
        held.save()
    return True


def confirm(load: RosterImport, *, digest: str, by: Actor) -> bool:
    """Queue the load for a worker, once; False when `digest` is not the present difference.

    When the roster has changed, a new preview starts. A load that was already confirmed returns True. Raises
    ApprovalRefused.
    """
    with transaction.atomic():
        # The lock allows one confirmation at a time per account; concurrent ones would bypass the limit on requests.
        Account.objects.select_for_update(no_key=True).filter(pk=by.id or 0).first()
        held = held_load(load.pk)
        if held.state not in (State.LOOKING, State.LOOKED):
            return True
        if held.state == State.LOOKING or not held.digest or held.digest != digest or held.file is None:
            return False
        if held.based_on != roster_version():
            _stale(held)
            return False
        require_fewer_requests(by)
        now = db_now()
        if not keep_file(held.file.pk, now + UPLOAD_KEPT):
            return False
        if held.difference_id:
            keep_file(held.difference_id, now + DIFFERENCE_KEPT)
        if held.layout.get("said_by") == (by.id or 0):
            remember_columns(held.layout["header"], held.layout["roles"], by)
        held.state, held.actor_id, held.actor_label = State.RECEIVED, by.id, by.label
        held.advanced_at, held.attempts, held.done = now, 0, 0
        held.save()
    return True


def _request(load: RosterImport, effect: dict[str, int]) -> None:
    """Make the load wait for a second person until its request expires."""
    with transaction.atomic():
        held = held_load(load.pk)
        if held.state != State.RECEIVED or held.file is None or held.digest != load.digest:
            return
        by = Actor(held.actor_id, held.actor_label)
        try:
            request = request_change(ApprovalRequest.Kind.ROSTER_LOAD, held, effect, by)
        except ApprovalRefused as error:
            _give_up(load, {"code": f"approval_{error.code}"})
            return
        keep_file(held.file.pk, request.expires_at)
        held.state, held.advanced_at = State.REQUESTED, db_now()
        held.save(update_fields=["state", "advanced_at"])


def request_file(
    *, name: str, content: Iterable[bytes], encoding: str = "", complete: bool, without_unknown_managers: bool = False,
    by: Actor,
) -> ApprovalRequest | dict[str, Any]:  # fmt: skip
    """Store a file as a request when one person may not load it; return the request or the problem.

    `encoding`, `complete` and `without_unknown_managers` are the options of import_roster.

    The file takes the same steps as an upload of HR, without a worker. The same file returns the same request; another
    file replaces it.
    """
    load = receive_upload(name=name, content=content, by=by)
    refresh_preview(load, encoding=encoding, complete=complete, without_unknown_managers=without_unknown_managers)
    process_load(load.pk)
    load.refresh_from_db()
    of_commands = ApprovalRequest.objects.open(db_now()).filter(
        kind=ApprovalRequest.Kind.ROSTER_LOAD, requested_by_id=None
    )
    if load.digest and (same := of_commands.filter(payload__digest=load.digest).first()):
        return same
    with transaction.atomic():
        supersede_requests(of_commands)
    if confirm(load, digest=load.digest, by=by):
        process_load(load.pk)
    load.refresh_from_db()
    request = ApprovalRequest.objects.filter(kind=ApprovalRequest.Kind.ROSTER_LOAD, subject=str(load.pk)).first()
    return request or load.report.get("problem") or {"code": load.state}


def process_load(load_id: uuid.UUID) -> bool:
    """Preview or apply a waiting load; idempotent: duplicate or late messages apply a load once.

    Returns True when nothing is left to do, and False when the load must wait.

    It does nothing while another file of the same account is read, or another large file for a large one. The sweep and
    `next_loads` retry. Files of commands are read in their own process and wait for no other file.
    """
    verify_identity_key()
    with ExitStack() as held:
        mine = all(held.enter_context(advisory_lock(name)) for name in (f"roster:{load_id}", *_lanes(load_id)))
        # A user may request another preview while one runs; the bound prevents an endless loop.
        for _attempt in range(ATTEMPTS):
            load = RosterImport.objects.select_related("file").filter(pk=load_id, state__in=WAITING).first()
            if not mine or load is None:
                return mine
            RosterImport.objects.filter(pk=load_id).update(attempts=F("attempts") + 1, advanced_at=db_now())
            if load.file is None or load.attempts >= ATTEMPTS:
                _give_up(load, {"code": "lost" if load.file is None else "gave_up"})
                return True
            with _counting_deaths_only(load_id):
                if load.state == State.LOOKING:
                    _look(load, load.file)
                elif not _apply(load, load.file):
                    return False
    return False


def _lanes(load_id: uuid.UUID) -> list[str]:
    load = RosterImport.objects.select_related("file").filter(pk=load_id, actor_id__isnull=False).first()
    if load is None or load.file is None:
        return []
    return [f"preview:{load.actor_id}", *([LARGE_FILE] if load.file.size > LARGE_BYTES else [])]


def next_loads(after: uuid.UUID) -> list[uuid.UUID]:
    """The loads that may have waited for this one: the account's next load, and the next large one."""
    done = RosterImport.objects.filter(pk=after).values("actor_id")
    waiting = RosterImport.objects.filter(state__in=WAITING).exclude(pk=after).order_by("advanced_at")
    lanes = (Q(actor_id__in=done), Q(file__size__gt=LARGE_BYTES))
    found = (waiting.filter(lane).values_list("pk", flat=True).first() for lane in lanes)
    return list(dict.fromkeys(pk for pk in found if pk))


@contextmanager
def _counting_deaths_only(load_id: uuid.UUID) -> Iterator[None]:
    """Uncount an attempt that ended in an exception, so `attempts` counts only dead workers.

    A lock time-out, for example, must not lead to a refused load.
    """
    try:
        yield
    except Exception:
        RosterImport.objects.filter(pk=load_id, attempts__gt=0).update(attempts=F("attempts") - 1)
        raise


def waiting_loads(now: datetime) -> list[uuid.UUID]:
    """Waiting loads without progress for ABANDONED_AFTER."""
    waiting = RosterImport.objects.filter(state__in=WAITING, advanced_at__lt=now - ABANDONED_AFTER)
    return list(waiting.order_by("advanced_at").values_list("pk", flat=True)[:20])


def forget_loads(now: datetime) -> None:
    """Delete data of unconfirmed uploads and the examples of old loads; the loads themselves remain."""
    unconfirmed = RosterImport.objects.filter(state__in=(State.LOOKING, State.LOOKED), file=None)
    unconfirmed.exclude(layout={}, report={}).filter(asked_at__lt=now - UPLOAD_KEPT).update(
        layout={}, report={}, state=State.LOOKED
    )
    for load in past_loads().filter(done_at__lt=now - DIFFERENCE_KEPT, report__has_key="shown"):
        load.report.pop("shown")
        load.save(update_fields=["report"])


def past_loads() -> QuerySet[RosterImport]:
    """All confirmed loads, newest first."""
    return RosterImport.objects.exclude(state__in=(State.LOOKING, State.LOOKED)).order_by("-asked_at", "-pk")


def open_loads(now: datetime) -> QuerySet[RosterImport]:
    """Loads that are not confirmed yet."""
    kept = Q(file__expires_at__gt=now)
    return RosterImport.objects.filter(kept, state__in=(State.LOOKING, State.LOOKED)).order_by("-asked_at", "-pk")


def _stale(held: RosterImport) -> None:
    """Restart the preview, because the roster has changed; the page says so beside the new difference."""
    held.state, held.digest, held.attempts, held.done = State.LOOKING, "", 0, 0
    held.report, held.advanced_at = {"moved": True}, db_now()
    held.save()


def _read(load: RosterImport, stored: StoredFile) -> Roster:
    layout = load.layout
    with (
        opened(stored) as raw,
        open_roster(raw, format=layout["format"], encoding=layout["encoding"], roles=layout["roles"]) as table,
    ):
        roster = read_roster(table, _telling(load))
    roster.without_unknown_managers = layout.get("without_unknown_managers", False)
    return roster


def _telling(load: RosterImport) -> Callable[[int], None]:
    def tell(read: int) -> None:
        if read % PROGRESS_EVERY == 0:
            RosterImport.objects.filter(pk=load.pk).update(done=read, advanced_at=db_now())

    return tell


def _look(load: RosterImport, stored: StoredFile) -> None:
    if "roles" not in load.layout and not _header_is_read(load, stored):
        return
    told: dict[str, Any] = {"state": State.LOOKED, "report": {}}
    moved = {"moved": True} if load.report.get("moved") else {}
    roster: Roster | None = None
    with SpooledTemporaryFile(max_size=IN_MEMORY) as whole:
        try:
            roster = _read(load, stored)
            result, difference, based_on = preview_roster(roster=roster, complete=load.complete, to=whole)
        except (UnreadableFile, RosterRefused) as error:
            told["report"] = {"problem": _problem(error, roster)}
        except BackdatingBlocked:
            told["report"] = {"problem": {"code": "freezing"}}
        else:
            report = result.counts | {"kinds": difference.counts, "shown": difference.shown}
            report["without_manager"] = len(result.without_manager)
            told |= {"report": report | moved, "digest": difference.digest, "based_on": based_on}
            told |= {"total": result.read, "done": result.read}
        with transaction.atomic():
            # Discard the result when a user requested another reading meanwhile.
            if not RosterImport.objects.filter(
                pk=load.pk, state=State.LOOKING, layout=load.layout, complete=load.complete
            ).exists():
                return
            if told.get("digest"):
                whole.seek(0)
                told["difference"] = store_file(
                    name="roster-difference.csv", content=iter(lambda: whole.read(1 << 18), b""),
                    content_type=DIFFERENCE, expires_at=db_now() + UPLOAD_KEPT, owner_id=load.actor_id,
                )  # fmt: skip
            RosterImport.objects.filter(pk=load.pk).update(**told, attempts=0, advanced_at=db_now())
            detail = {"lines": roster.read} if roster else {}
            by = Actor(load.actor_id, load.actor_label)
            audit("roster.previewed", by=by, kind="roster", id=load.pk, label=load.file_name, detail=detail)


def _header_is_read(load: RosterImport, stored: StoredFile) -> bool:
    """Read the header; False when it is unreadable (the load stores why) or another reading was requested."""
    asked = load.layout
    read_header(load, stored, encoding=asked.get("encoding", ""))
    load.layout |= {name: asked[name] for name in ("without_unknown_managers",) if name in asked}
    found = {"layout": load.layout, "report": load.report, "state": load.state}
    changed = RosterImport.objects.filter(pk=load.pk, state=State.LOOKING, layout=asked).update(**found)
    return bool(changed) and load.state == State.LOOKING


def _apply(load: RosterImport, stored: StoredFile) -> bool:
    """Apply a confirmed load; False when it must wait."""
    roster: Roster | None = None
    try:
        roster = _read(load, stored)
        RosterImport.objects.filter(pk=load.pk).update(done=roster.read, advanced_at=db_now())
        load_roster(roster=roster, by=Actor(load.actor_id, load.actor_label), complete=load.complete, load=load)
    except StaleRosterPreview:
        with transaction.atomic():
            held = held_load(load.pk)
            if held.state == State.RECEIVED:
                _stale(held)
    except NeedsSecondPerson as needs:
        _request(load, needs.effect)
    except BackdatingBlocked:
        # Not a failed attempt: the sweep retries.
        RosterImport.objects.filter(pk=load.pk).update(attempts=F("attempts") - 1)
        return False
    except (UnreadableFile, RosterRefused) as error:
        _give_up(load, _problem(error, roster))
    return True


def _give_up(load: RosterImport, problem: dict[str, Any]) -> None:
    logger.warning("roster load %s: %s", load.pk, problem["code"])
    over = {"state": State.REFUSED, "done_at": db_now()} if load.state == State.RECEIVED else {"state": State.LOOKED}
    RosterImport.objects.filter(pk=load.pk, state=load.state).update(**over, report=load.report | {"problem": problem})


def _problem(error: Exception, roster: Roster | None = None) -> dict[str, Any]:
    """The problem as JSON: a code, and the people or lines it is about."""
    match error:
        case ColumnMissing():
            return {"code": "column_missing", "columns": error.columns}
        case ColumnTwice():
            return {"code": "column_twice", "columns": [error.column]}
        case ConflictingRows():
            return {"code": "disagree", "lines": list(error.lines), "about": error.about}
        case AmbiguousEmployee():
            return {"code": "somebody_unread", "lines": [error.line]}
        case RosterRefused():
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
