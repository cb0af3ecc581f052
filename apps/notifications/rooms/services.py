"""Group rooms: who may set up one, and its address, which is a secret.

HR sets up the company's room, and allows managers to set up one for their team.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.models import Account, Role
from apps.core.audit import audit
from apps.core.clock import db_now
from apps.core.encryption import fernet_for, reencrypt
from apps.core.errors import Refused
from apps.core.models import Setting
from apps.core.time_zones import zone_of
from apps.employees.models import Employee
from apps.notifications.models import Room
from apps.notifications.rooms import apprise_client

PURPOSE = "chat room"
TEAM_ROOMS = "team rooms allowed"


def team_rooms_allowed() -> bool:
    return Setting.objects.filter(name=TEAM_ROOMS, value=True).exists()


@transaction.atomic
def allow_team_rooms(*, allowed: bool, by: Account) -> None:
    """HR's switch for the rooms of all teams. Raises Refused for an account that is not HR."""
    if not by.has_role(Role.Kind.HR):
        raise Refused("not_hr", _("Only HR can do this."), conflict=True)
    Setting.objects.update_or_create(name=TEAM_ROOMS, defaults={"value": allowed})
    audit("room.teams_allowed" if allowed else "room.teams_stopped", by=by.actor, kind="room")


def may_set_up(manager: Employee | None, account: Account) -> bool:
    """Whether the account may set up the room of this manager's team; None: the company's."""
    if manager is None:
        return account.has_role(Role.Kind.HR)
    return manager.pk == account.employee_id and manager.is_manager and team_rooms_allowed()


@transaction.atomic
def save_room(*, manager: Employee | None, address: str, every: str, language: str, by: Account) -> None:
    """Set up the room, or replace it. Raises Refused."""
    _require_permission(manager, by)
    if not apprise_client.is_installed():
        raise Refused("not_installed", _("The operator has not installed the package for group chats."), conflict=True)
    try:
        apprise_client.check_address(address)
    except apprise_client.InvalidRoomAddress as error:
        raise Refused("address", _refusal(error.code), "address") from error
    values: dict[str, Any] = {"address": _encrypt(address), "every": every, "language": language, "last_error": ""}
    values |= {"employment_id": by.employment_id if manager else None}
    # A replaced room keeps its day: else each saving would post again.
    first = {"posted_on": local_time(manager, db_now()).date()}
    Room.objects.update_or_create(manager=manager, defaults=values, create_defaults=values | first)
    audit("room.set", by=by.actor, kind="room", id=name_of(manager))


@transaction.atomic
def remove_room(*, manager: Employee | None, by: Account) -> None:
    """Raises Refused. Removing a room that is not there changes nothing."""
    _require_permission(manager, by)
    if Room.objects.filter(manager=manager).delete()[0]:
        audit("room.removed", by=by.actor, kind="room", id=name_of(manager))


def local_time(manager: Employee | None, now: datetime) -> datetime:
    """`now` for the manager, or in the company's zone."""
    return now.astimezone(zone_of(manager.time_zone if manager else ""))


def address_of(room: Room) -> str:
    """The address, encrypted with the current key from now on. Raises InvalidToken after the loss of its key."""
    address = reencrypt(room.address, PURPOSE)
    if address != room.address:
        Room.objects.filter(pk=room.pk, address=room.address).update(address=address)
    return fernet_for(PURPOSE).decrypt(address.encode()).decode()


def has_key(room: Room) -> bool:
    try:
        fernet_for(PURPOSE).decrypt(room.address.encode())
    except InvalidToken:
        return False
    return True


def _require_permission(manager: Employee | None, account: Account) -> None:
    if not may_set_up(manager, account):
        raise Refused("not_allowed", _("You cannot set up this group chat."), conflict=True)


def _encrypt(address: str) -> str:
    return fernet_for(PURPOSE).encrypt(address.encode()).decode()


def name_of(manager: Employee | None) -> str:
    """The team or the company of a room, as the audit trail names it."""
    return manager.staff_no if manager else "company"


def _refusal(code: str) -> str:
    if code == "host":
        return _("The host of this address does not belong to Microsoft's workflows.")
    if code == "product":
        return _("This is not the address of a group chat in DingTalk, Feishu, Lark, Slack, WeCom or Teams.")
    return _("An address looks like dingtalk://token/ and has no options.")
