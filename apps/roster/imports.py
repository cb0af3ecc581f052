"""Roster uploads: stored, previewed by a worker, confirmed by HR, and applied by a worker in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.core.audit import SYSTEM, Actor
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.files import extend_file, require_upload_space, store_file
from apps.core.models import StoredFile
from apps.core.text import clean_text
from apps.employees.org_tree import roster_version
from apps.roster.column_mappings import remember_columns
from apps.roster.import_approvals import locked_load, require_fewer_requests
from apps.roster.models import DIFFERENCE_LIFETIME, RosterImport, RosterSource
from apps.roster.ownership import require_roster_source

State = RosterImport.State
UNCONFIRMED = (State.PREVIEWING, State.PREVIEWED)
WAITING = (State.PREVIEWING, State.CONFIRMED)
# An upload that is not applied is deleted after a day, as is its difference.
UPLOAD_LIFETIME = timedelta(days=1)
UPLOAD = "employees/roster"
# HR's choices in a load's layout, which stay when the file is read another way.
OPTIONS = ("without_unknown_managers", "clear_empty")
# A preview of a large file takes a worker a minute, and loads of the same people wait for it.
MAX_UNCONFIRMED = 5


def receive_upload(
    *, name: str, content: Iterable[bytes], source: RosterSource = RosterSource.FILE, by: Actor
) -> RosterImport:
    """Store a file for a day, to be previewed by a worker. Loads nothing.

    Of an account's unconfirmed files the newest MAX_UNCONFIRMED are kept. Raises Refused when its files take too much
    space, or when another source maintains the roster.
    """
    require_roster_source(source)
    require_upload_space(by.id)
    stored = store_file(
        name=name, content=content, content_type=UPLOAD, expires_at=db_now() + UPLOAD_LIFETIME, owner_id=by.id
    )
    load = RosterImport.objects.create(
        state=State.PREVIEWING, actor_id=by.id, actor_label=by.label, file=stored, file_name=clean_text(name),
        source=source,
    )  # fmt: skip
    if by.id is not None:
        unconfirmed = RosterImport.objects.filter(actor_id=by.id, state__in=UNCONFIRMED, file__isnull=False)
        older = unconfirmed.order_by("-asked_at", "-pk").values_list("file", "difference")[MAX_UNCONFIRMED:]
        StoredFile.objects.filter(pk__in=[pk for pks in older for pk in pks if pk]).delete()
    return load


def refresh_preview(
    load: RosterImport, *, encoding: str = "", header_line: int = 0, roles: Sequence[str] | None = None, complete: bool,
    without_unknown_managers: bool = False, clear_empty: bool = False, by: Actor = SYSTEM,
) -> bool:  # fmt: skip
    """Preview again with `by`'s choices; False when the load was confirmed or its file is gone.

    Another encoding or another line of the headings makes the worker propose the roles of the columns again.
    """
    with transaction.atomic():
        locked = locked_load(load.pk)
        if locked.state not in UNCONFIRMED or locked.file is None:
            return False
        encoding_before, line_before = locked.layout.get("encoding", ""), locked.layout.get("header_line", 0)
        if (encoding or encoding_before) != encoding_before or (header_line or line_before) != line_before:
            locked.layout = {"encoding": encoding or encoding_before, "header_line": header_line}
            locked.report, locked.state = {}, State.PREVIEWING
        elif roles is not None and len(roles) == len(locked.layout.get("roles", ())):
            locked.layout = locked.layout | {"roles": list(roles), "roles_chosen_by": by.id or 0}
            locked.report, locked.state = {}, State.PREVIEWING
        elif locked.layout.get("roles"):
            locked.report, locked.state = {}, State.PREVIEWING
        # A person has looked at it: a person confirms it.
        locked.apply_at_once = False
        locked.layout |= {"without_unknown_managers": without_unknown_managers, "clear_empty": clear_empty}
        locked.complete, locked.digest, locked.attempts, locked.done = complete, "", 0, 0
        locked.advanced_at = db_now()
        locked.total = None
        locked.save()
    return True


def leavers_to_type(load: RosterImport) -> int:
    """The number of leavers that a user must type to confirm this load; 0 when it ends few employments."""
    leavers, employed = load.report.get("kinds", {}).get("left", 0), load.report.get("employed", 0)
    return int(leavers) if leavers > settings.ROSTER_APPROVAL_SHARE * employed else 0


def confirm(load: RosterImport, *, digest: str, by: Actor, leavers: int | None = None) -> bool:
    """Queue the load for a worker, once; False when `digest` is not that of the current difference.

    `leavers`: the number that the user typed, which a load that ends many employments needs (`leavers_to_type`).
    Operator commands, whose file another person approves, need none. When the roster has changed, a new preview starts.
    A load that was already confirmed returns True. Raises Refused.
    """
    with transaction.atomic():
        # The lock allows one confirmation at a time per account; concurrent ones would bypass the limit on requests.
        Account.objects.select_for_update(no_key=True).filter(pk=by.id or 0).first()
        locked = locked_load(load.pk)
        if locked.state not in UNCONFIRMED:
            return True
        if locked.state == State.PREVIEWING or not locked.digest or locked.digest != digest or locked.file is None:
            return False
        require_roster_source(locked.source)
        # The shown difference is of an older roster: HR sees the new one before it is applied.
        if locked.based_on != roster_version():
            restart_preview(locked)
            return False
        expected = leavers_to_type(locked)
        if expected and by.id is not None and leavers != expected:
            message = _("Type %(count)s, the number of people who leave, to confirm.") % {"count": expected}
            raise Refused("leavers", message, "leavers")
        require_fewer_requests(by)
        now = db_now()
        # False when the file has expired a moment ago: nothing would be left to apply.
        if not extend_file(locked.file.pk, now + UPLOAD_LIFETIME):
            return False
        if locked.difference_id:
            extend_file(locked.difference_id, now + UPLOAD_LIFETIME)
        if locked.layout.get("roles_chosen_by") == (by.id or 0):
            remember_columns(locked.layout["header"], locked.layout["roles"], by)
        locked.state, locked.actor_id, locked.actor_label = State.CONFIRMED, by.id, by.label
        locked.advanced_at, locked.attempts, locked.done = now, 0, 0
        locked.save()
    return True


def restart_preview(locked: RosterImport) -> None:
    """Preview the locked load again, because the roster has changed; the page says so beside the new difference."""
    locked.state, locked.digest, locked.attempts, locked.done = State.PREVIEWING, "", 0, 0
    locked.report, locked.advanced_at = {"roster_changed": True}, db_now()
    locked.save()


def past_loads() -> QuerySet[RosterImport]:
    """All confirmed loads, newest first, without their layouts, which may be large."""
    return RosterImport.objects.exclude(state__in=UNCONFIRMED).defer("layout").order_by("-asked_at", "-pk")


def open_loads(now: datetime) -> QuerySet[RosterImport]:
    """Loads that are not confirmed yet, without their layouts."""
    return (
        RosterImport.objects.filter(file__expires_at__gt=now, state__in=UNCONFIRMED)
        .defer("layout")
        .order_by("-asked_at", "-pk")
    )


def purge_load_data(now: datetime) -> None:
    """Delete data of unconfirmed uploads and the examples of old loads; the loads themselves remain."""
    unconfirmed = RosterImport.objects.filter(state__in=UNCONFIRMED, file=None)
    unconfirmed.exclude(layout={}, report={}).filter(asked_at__lt=now - UPLOAD_LIFETIME).update(
        layout={}, report={}, state=State.PREVIEWED
    )
    for load in past_loads().filter(done_at__lt=now - DIFFERENCE_LIFETIME, report__has_key="shown"):
        load.report.pop("shown")
        load.save(update_fields=["report"])
