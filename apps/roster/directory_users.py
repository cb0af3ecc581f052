"""Store what the company's directory says of a user. A worker brings it to the roster (`directory_sync`)."""

from __future__ import annotations

import json
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F, Value
from django.db.models.functions import Lower
from django.db.models.lookups import Exact
from django.utils.translation import gettext as _

from apps.accounts.approvals import supersede_requests
from apps.accounts.models import Account, ApprovalRequest
from apps.accounts.sessions import end_sessions
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_directory
from apps.core.errors import Refused
from apps.core.sql import fetch_all, statement
from apps.core.text import clean_text, is_storable
from apps.core.time_zones import company_zone
from apps.roster.cells import STAFF_NO_LIMIT
from apps.roster.directory_models import DirectoryUser
from apps.roster.directory_rows import ENTERPRISE, ROSTER, work_value

CHAIN_ABOVE = statement("roster", "directory", "chain_above")
MARK_CHANGED = statement("roster", "directory", "mark_changed")
MAX_TEXT_CHARS = 400
# Of a whole user: a load reads up to 20,000 at once.
MAX_DOCUMENT_CHARS = 16_384
# What the directory says, without what `_mark_changed` sets.
SAID = (
    "document", "external_id", "user_name", "staff_no", "email", "manager", "active", "inactive_on", "sent",
    "deleted_at",
)  # fmt: skip


def create_user(*, document: dict[str, Any], by: Actor) -> DirectoryUser:
    """Store a new user. Raises Refused, and IntegrityError when another user has a value that is unique."""
    now = db_now()
    user = DirectoryUser(document=document, created_at=now, changed_at=now, actor_id=by.id or 0, actor_label=by.label)
    _derive(user)
    user.save(force_insert=True)
    _replace_deleted(user, by)
    _require_no_cycle(user)
    _announce(user, "created", by, sorted(document))
    return user


def change_user(*, user: DirectoryUser, document: dict[str, Any], by: Actor) -> None:
    """Store the whole new state of a locked user; the same state again changes nothing. Raises as `create_user`."""
    if document == user.document:
        return
    changed = sorted(name for name in {*document, *user.document} if document.get(name) != user.document.get(name))
    was_active, manager, staff_no = user.active, user.manager, user.staff_no
    user.document = document
    _derive(user)
    _store(user, by)
    if user.staff_no != staff_no:
        _replace_deleted(user, by)
    if user.manager != manager or (user.active and not was_active):
        _require_no_cycle(user)
    if was_active and not user.active:
        _end_sessions(user, by)
    _announce(user, "changed", by, changed)


def delete_user(*, user: DirectoryUser, by: Actor) -> None:
    """End the employment of a locked user; the row is deleted when the roster has that end."""
    was_active = user.active
    user.active, user.deleted_at = False, db_now()
    user.inactive_on = user.inactive_on or _today()
    user.directory_groups.clear()
    _store(user, by)
    if was_active:
        _end_sessions(user, by)
    _announce(user, "deleted", by, [])


def mark_waiting(users: list[UUID], by: Actor) -> None:
    """Compare these users with the roster again, because `by` changed what a group says of them."""
    if users:
        _mark_changed(users, by)
        enqueue_directory()


def _mark_changed(users: list[UUID], by: Actor) -> None:
    """Make `by` the author of these users, as a new version. A requested file that has one of them is superseded."""
    # A token has an owner; an actor without an account would be trusted as the operator's command.
    loads = {load for (load,) in fetch_all(MARK_CHANGED, {"ids": users, "by": by.id or 0, "label": by.label}) if load}
    _supersede(loads, by)


def _supersede(loads: set[UUID], by: Actor) -> None:
    """Close the requests for these files: approved, they would bring what the directory no longer says."""
    if loads:
        subjects = [str(load) for load in loads]
        requests = ApprovalRequest.objects.filter(kind=ApprovalRequest.Kind.ROSTER_LOAD, subject__in=subjects)
        supersede_requests(requests, by)


def _replace_deleted(user: DirectoryUser, by: Actor) -> None:
    """Drop the deleted users with this user's number: one person has one row, and the present one counts."""
    if not user.staff_no:
        return
    # After the write, which waits for a deletion in progress.
    same_number = Exact(Lower(F("staff_no")), Lower(Value(user.staff_no)))
    deleted = DirectoryUser.objects.exclude(deleted_at=None).filter(same_number)
    for old in deleted.order_by("pk").select_for_update():
        _supersede({old.load_id} if old.load_id else set(), by)
        old.delete()


def _derive(user: DirectoryUser) -> None:
    """Set the columns that the document determines. Raises Refused."""
    document = user.document
    require_storable(document)
    if len(json.dumps(document, ensure_ascii=False)) > MAX_DOCUMENT_CHARS:
        raise Refused("too_long", _("A user has more than %(most)s characters.") % {"most": MAX_DOCUMENT_CHARS})
    enterprise, roster = document.get(ENTERPRISE) or {}, document.get(ROSTER) or {}
    user.user_name = _short(document.get("userName"))
    user.external_id = _short(document.get("externalId"))
    # One character more than allowed, so that the load refuses the number and does not cut it.
    user.staff_no = clean_text(str(enterprise.get("employeeNumber") or ""), STAFF_NO_LIMIT + 1)
    user.email = _short(work_value(document.get("emails") or (), "work")).lower()
    user.manager = _short((enterprise.get("manager") or {}).get("value"))
    user.active = document.get("active") is not False
    user.inactive_on = None if user.active else user.inactive_on or _today()
    sent = {
        "phone": document.get("phoneNumbers"), "time_zone": document.get("timezone"),
        "department": enterprise.get("department"), "manager": user.manager, "started_on": roster.get("startedOn"),
    }  # fmt: skip
    # An attribute that was sent once and is missing now has been removed; one never sent is the roster's own.
    user.sent = sorted({*user.sent, *(name for name, value in sent.items() if value)})


def require_storable(document: dict[str, Any]) -> None:
    """Raise Refused for text that no database can hold."""
    if not is_storable(json.dumps(document, ensure_ascii=False).replace("\\u0000", "\0")):
        raise Refused("not_text", _("A value has characters that are not text."))


def _short(value: Any) -> str:
    text = str(value or "")
    if len(text) > MAX_TEXT_CHARS:
        raise Refused("too_long", _("A value has more than %(most)s characters.") % {"most": MAX_TEXT_CHARS})
    return text


def _store(user: DirectoryUser, by: Actor) -> None:
    # First: whether the roster has the earlier changes is judged by what is stored.
    _mark_changed([user.pk], by)
    user.save(update_fields=SAID)
    user.refresh_from_db(fields=["version", "changed_at"])


def _require_no_cycle(user: DirectoryUser) -> None:
    """Raise Refused when the directory makes this user a manager above itself. The roster's own check still decides."""
    if not user.manager:
        return
    chain = fetch_all(CHAIN_ABOVE, {"manager": user.manager, "id": user.pk})
    if any(is_user for _staff_no, is_user in chain):
        people = " > ".join(staff_no for staff_no, _is_user in chain)
        message = _("A reporting cycle, each reports to the next: %(people)s.")
        raise Refused("cycle", message % {"people": f"{user.staff_no} > {people}"})


def _end_sessions(user: DirectoryUser, by: Actor) -> None:
    """Sign the person out at once; the employment ends with the day. The owner of the token stays: no load ends it.

    Holders of a role are signed out by the load: a stolen token must not keep those away who can revoke it.
    """
    accounts = Account.objects.filter(employee__staff_no=user.staff_no, role=None)
    account = accounts.exclude(pk=by.id or 0).first()
    if account is not None:
        end_sessions(account=account, by=by)


def _announce(user: DirectoryUser, act: str, by: Actor, attributes: list[str]) -> None:
    # Names of attributes, never values: the load's own entries show what changes on the roster.
    detail = {"attributes": [name.rpartition(":extension:")[2].partition(":")[0] for name in attributes]}
    audit(f"directory.user_{act}", by=by, kind="directory", id=user.pk, label=user.staff_no, detail=detail)
    enqueue_directory()


def _today() -> date:
    return db_now().astimezone(ZoneInfo(company_zone())).date()
