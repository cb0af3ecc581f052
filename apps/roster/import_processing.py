"""Roster loads in workers: preview or apply the waiting ones, retry the abandoned, and request approval.

When a worker dies, the next one starts again: a load is stored completely or not at all.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from apps.accounts.approvals import supersede_requests
from apps.accounts.models import ApprovalRequest
from apps.core.audit import Actor
from apps.core.clock import db_now
from apps.core.closed_periods import BackdatingBlocked
from apps.core.errors import Refused
from apps.core.files import extend_file
from apps.core.identity_key import verify_identity_key
from apps.core.locks import advisory_lock, is_temporary
from apps.core.models import StoredFile
from apps.core.previews import (
    LARGE_FILE_LOCK,
    has_earlier_large_preview,
    is_large,
    large_files,
    owner_lock,
    record_turn,
)
from apps.fileio.errors import UnreadableFile
from apps.roster.effects import NeedsSecondPerson, request_change
from apps.roster.import_approvals import locked_load
from apps.roster.import_preview import preview, problem_of, read_rows
from apps.roster.imports import WAITING, State, confirm, receive_upload, refresh_preview, restart_preview
from apps.roster.load_checks import UnloadableRoster
from apps.roster.loading import StaleRosterPreview, load_roster
from apps.roster.models import RosterImport
from apps.roster.ownership import roster_source_refusal
from apps.roster.parser import Roster
from apps.roster.program_loads import confirm_program_load

logger = logging.getLogger(__name__)
# Without progress for this long, the sweep enqueues the load again.
ABANDONED_AFTER = timedelta(seconds=30)
ATTEMPTS = 5


def process_load(load_id: uuid.UUID) -> bool:
    """Preview or apply a waiting load; idempotent: duplicate or late messages apply a load once.

    Returns True when nothing is left to do, and False when the load must wait.

    It does nothing while another file of the same account is read, or another large file for a large one. The sweep and
    `next_loads` retry. Files of commands are read in their own process and wait for no other file.
    """
    verify_identity_key()
    with ExitStack() as locks:
        acquired = all(
            locks.enter_context(advisory_lock(name)) for name in (f"roster:{load_id}", *_lock_names(load_id))
        )
        # A user may request another preview while one runs; the bound prevents an endless loop.
        for _attempt in range(ATTEMPTS):
            load = RosterImport.objects.select_related("file").filter(pk=load_id, state__in=WAITING).first()
            if not acquired or load is None:
                return acquired
            if _contact_file_goes_first(load):
                return False
            if load.file is not None:
                record_turn(load.file)
            # Counted and committed before the work, so that a file that kills its worker is given up in the end.
            RosterImport.objects.filter(pk=load_id).update(attempts=F("attempts") + 1, advanced_at=db_now())
            if load.file is None or load.attempts >= ATTEMPTS:
                _give_up(load, {"code": "lost" if load.file is None else "gave_up"})
                return True
            with _uncounted_on_temporary_errors(load_id):
                if load.state == State.PREVIEWING:
                    preview(load, load.file)
                    confirm_program_load(load_id)
                elif not _apply(load, load.file):
                    return False
    return False


def _lock_names(load_id: uuid.UUID) -> list[str]:
    load = RosterImport.objects.select_related("file").filter(pk=load_id, actor_id__isnull=False).first()
    if load is None or load.file is None:
        return []
    return [owner_lock(load.actor_id), *([LARGE_FILE_LOCK] if is_large(load.file) else [])]


def _contact_file_goes_first(load: RosterImport) -> bool:
    """Whether a large contact file of another owner has waited longer for a turn than this account's large rosters."""
    if load.actor_id is None or load.file is None or not is_large(load.file):
        return False
    return has_earlier_large_preview(load.actor_id)


def next_loads(after: uuid.UUID) -> list[uuid.UUID]:
    """The loads that may have waited for this one: another account's large load, the account's next, the next large."""
    done = RosterImport.objects.filter(pk=after).values("actor_id")
    waiting = RosterImport.objects.filter(state__in=WAITING).exclude(pk=after).order_by("advanced_at")
    own, large = Q(actor_id__in=done), large_files()
    queues = (~own & large, own, large)
    loads = (waiting.filter(queue).values_list("pk", flat=True).first() for queue in queues)
    return list(dict.fromkeys(pk for pk in loads if pk))


@contextmanager
def _uncounted_on_temporary_errors(load_id: uuid.UUID) -> Iterator[None]:
    """Uncount an attempt that ended in a temporary error, so `attempts` counts dead workers and errors that recur.

    A lock time-out, for example, must not lead to a refused load.
    """
    try:
        yield
    except Exception as error:
        if is_temporary(error):
            RosterImport.objects.filter(pk=load_id, attempts__gt=0).update(attempts=F("attempts") - 1)
        raise


def waiting_loads(now: datetime) -> list[uuid.UUID]:
    """Waiting loads without progress for ABANDONED_AFTER."""
    waiting = RosterImport.objects.filter(state__in=WAITING, advanced_at__lt=now - ABANDONED_AFTER)
    return list(waiting.order_by("advanced_at").values_list("pk", flat=True)[:20])


def _apply(load: RosterImport, stored: StoredFile) -> bool:
    """Apply a confirmed load; False when it must wait."""
    if roster_source_refusal(load.source):
        _give_up(load, {"code": "roster_source"})
        return True
    roster: Roster | None = None
    try:
        roster = read_rows(load, stored)
        RosterImport.objects.filter(pk=load.pk).update(done=roster.read, advanced_at=db_now())
        load_roster(roster=roster, by=Actor(load.actor_id, load.actor_label), complete=load.complete, load=load)
    except StaleRosterPreview:
        with transaction.atomic():
            locked = locked_load(load.pk)
            # Another worker may have applied or refused it meanwhile.
            if locked.state == State.CONFIRMED:
                restart_preview(locked)
    except NeedsSecondPerson as needs:
        _request_approval(load, needs.effect)
    except BackdatingBlocked:
        # Not a failed attempt: the sweep retries.
        RosterImport.objects.filter(pk=load.pk).update(attempts=F("attempts") - 1)
        return False
    except (UnreadableFile, UnloadableRoster) as error:
        _give_up(load, problem_of(error, roster))
    return True


def _request_approval(load: RosterImport, effect: dict[str, int]) -> None:
    """Make the load wait for a second person until its request expires."""
    with transaction.atomic():
        locked = locked_load(load.pk)
        if locked.state != State.CONFIRMED or locked.file is None or locked.digest != load.digest:
            return
        by = Actor(locked.actor_id, locked.actor_label)
        try:
            request = request_change(ApprovalRequest.Kind.ROSTER_LOAD, locked, effect, by)
        except Refused as error:
            _give_up(load, {"code": f"approval_{error.code}"})
            return
        for file_id in filter(None, (locked.file.pk, locked.difference_id)):
            extend_file(file_id, request.expires_at)
        locked.state, locked.advanced_at = State.REQUESTED, db_now()
        locked.save(update_fields=["state", "advanced_at"])


def _give_up(load: RosterImport, problem: dict[str, Any]) -> None:
    logger.warning("roster load %s: %s", load.pk, problem["code"])
    values: dict[str, Any] = (
        {"state": State.REFUSED, "done_at": db_now()} if load.state == State.CONFIRMED else {"state": State.PREVIEWED}
    )
    RosterImport.objects.filter(pk=load.pk, state=load.state).update(
        **values, report=load.report | {"problem": problem}
    )
    if load.state == State.CONFIRMED and load.file is not None:
        # Nothing reads a refused file again, and its difference was not applied.
        StoredFile.objects.filter(pk__in=[pk for pk in (load.file_id, load.difference_id) if pk]).delete()


def request_file(
    *, name: str, content: Iterable[bytes], encoding: str = "", complete: bool, without_unknown_managers: bool = False,
    clear_empty: bool = False, by: Actor,
) -> ApprovalRequest:  # fmt: skip
    """Store a file as a request when one person may not load it. Raises UnloadableRoster with the code of the problem.

    `encoding`, `complete`, `without_unknown_managers` and `clear_empty` are the options of import_roster.

    The file takes the same steps as an upload of HR, without a worker. The same file returns the same request; another
    file replaces it.
    """
    load = receive_upload(name=name, content=content, by=by)
    refresh_preview(
        load, encoding=encoding, complete=complete, without_unknown_managers=without_unknown_managers,
        clear_empty=clear_empty,
    )  # fmt: skip
    process_load(load.pk)
    load.refresh_from_db()
    command_requests = ApprovalRequest.objects.open(db_now()).filter(
        kind=ApprovalRequest.Kind.ROSTER_LOAD, requested_by_id=None
    )
    if load.digest and (same := command_requests.filter(payload__digest=load.digest).first()):
        return same
    with transaction.atomic():
        supersede_requests(command_requests, by)
    if confirm(load, digest=load.digest, by=by):
        process_load(load.pk)
    load.refresh_from_db()
    request = ApprovalRequest.objects.filter(kind=ApprovalRequest.Kind.ROSTER_LOAD, subject=str(load.pk)).first()
    if request is None:
        code = load.report.get("problem", {}).get("code", load.state)
        raise UnloadableRoster(f"it cannot be requested either: {code.replace('_', ' ')}", code)
    return request
