"""Store the groups of the company's directory: the departments of members whose users have none."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.roster.directory_models import DirectoryGroup, DirectoryMember, DirectoryUser
from apps.roster.directory_users import MAX_TEXT_CHARS, mark_waiting, require_storable


def create_group(*, document: dict[str, Any], members: list[str], by: Actor) -> DirectoryGroup:
    """Store a new group with users as members. Raises Refused, and IntegrityError for the name of another group."""
    now = db_now()
    group = DirectoryGroup(document=document, created_at=now, changed_at=now)
    _derive(group)
    group.save(force_insert=True)
    _set_members(group, members, by)
    _audit(group, "created", by)
    return group


def change_group(*, group: DirectoryGroup, document: dict[str, Any], members: list[str], by: Actor) -> None:
    """Store the whole new state of a locked group. Raises as `create_group`."""
    renamed = document.get("displayName") != group.display_name
    if not _set_members(group, members, by) and document == group.document:
        return
    group.document = document
    _derive(group)
    group.version, group.changed_at = group.version + 1, db_now()
    group.save()
    if renamed:
        mark_waiting(member_ids(group.pk), by)
    _audit(group, "changed", by)


def delete_group(*, group: DirectoryGroup, by: Actor) -> None:
    members = member_ids(group.pk)
    _audit(group, "deleted", by)
    group.delete()
    mark_waiting(members, by)


def member_ids(group_id: Any) -> list[UUID]:
    """The members in a stable order."""
    members = DirectoryMember.objects.filter(group_id=group_id)
    return list(members.order_by("pk").values_list("user_id", flat=True))


def _derive(group: DirectoryGroup) -> None:
    require_storable(group.document)
    group.display_name = str(group.document.get("displayName") or "")
    group.external_id = str(group.document.get("externalId") or "")
    if max(len(group.display_name), len(group.external_id)) > MAX_TEXT_CHARS:
        raise Refused("too_long", _("A value has more than %(most)s characters.") % {"most": MAX_TEXT_CHARS})


def _set_members(group: DirectoryGroup, members: list[str], by: Actor) -> bool:
    """Make these users the members; returns whether any changed."""
    present, wanted = set(member_ids(group.pk)), _user_ids(members)
    gone = present - set(wanted)
    added = [pk for pk in wanted if pk not in present]
    DirectoryMember.objects.filter(group=group, user__in=gone).delete()
    DirectoryMember.objects.bulk_create(DirectoryMember(group=group, user_id=pk) for pk in added)
    mark_waiting([*gone, *added], by)
    return bool(gone or added)


def _user_ids(members: list[str]) -> list[UUID]:
    """The ids, each once. Raises Refused for one that is no user's."""
    try:
        ids = list(dict.fromkeys(UUID(member) for member in members))
    except ValueError as error:
        raise Refused("unknown_member", _("A member is not a user of the directory.")) from error
    if DirectoryUser.objects.filter(pk__in=ids, deleted_at=None).count() != len(ids):
        raise Refused("unknown_member", _("A member is not a user of the directory."))
    return ids


def _audit(group: DirectoryGroup, act: str, by: Actor) -> None:
    audit(f"directory.group_{act}", by=by, kind="directory", id=group.pk, label=group.display_name)
