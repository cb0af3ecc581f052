"""Digests for group rooms: sums of the company or of a team, once a day or week in the morning, at most once.

Members of a room know each other. So people at and below the target are shown only in groups that hide each of them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.campaigns.models import Campaign
from apps.core.audit import SYSTEM, audit
from apps.core.locks import advisory_lock
from apps.core.mail_portions import PORTION_SECONDS
from apps.core.periods import in_force_from
from apps.employees.models import Employee, Employment
from apps.notifications.models import Room
from apps.notifications.quiet_hours import configured_quiet_hours
from apps.notifications.rooms import apprise_client
from apps.notifications.rooms.services import address_of, local_time, name_of, team_rooms_allowed
from apps.notifications.schedule import MORNING_HOUR
from apps.notifications.texts.rendering import absolute_url
from apps.reports.small_groups import MIN_GROUP_SIZE
from apps.reports.standings_report import Standings
from apps.reports.totals import Totals
from apps.standings.models import MarkRange
from apps.standings.report_people import Team, WholeCompany

logger = logging.getLogger(__name__)
# Why a room got no digest that day: its numbers would say something about single people.
TOO_SMALL = "too_small"


def post_room_digests(clock: Callable[[], datetime]) -> bool:
    """Post what is due for about PORTION_SECONDS; returns False when more is due now."""
    # Without a transaction: a room's product answers when it likes.
    with advisory_lock("chat rooms") as acquired:
        if not acquired or not Room.objects.exists() or not apprise_client.is_installed():
            return True
        end = time.monotonic() + PORTION_SECONDS
        for room in _due_rooms(clock()):
            if time.monotonic() >= end:
                return False
            _post(room, clock())
    return True


def room_text(room: Room, now: datetime) -> str | None:
    """The digest of a room in its language; empty where the group is too small. None: there may be one later today,
    because no campaign runs or one is being evaluated.
    """
    with translation.override(room.language):
        parts = [_campaign_text(room.manager, campaign, now) for campaign in _running_campaigns(now)]
        lines = [part for part in parts if part]
        link = _("%(label)s: %(text)s") % {"label": _("Open your page"), "text": absolute_url(reverse("me"))}
        if lines:
            return "\n\n".join([*lines, link])
        return "" if parts and None not in parts else None


def shows_people(totals: Totals) -> bool:
    """Whether each number of people hides everyone in it: none, or at least MIN_GROUP_SIZE, and not all below."""
    groups = (totals.at_target, totals.red, totals.exempt_below)
    return totals.at_target > 0 and all(not people or people >= MIN_GROUP_SIZE for people in groups)


def _delete_rooms_of_leavers(now: datetime) -> None:
    """Rooms whose manager has left since the set-up, also when the manager is back: a return revives none."""
    in_force = Employment.objects.filter(in_force_from(now), pk=OuterRef("employment_id"))
    for room in Room.objects.filter(~Exists(in_force), manager__isnull=False).select_related("manager"):
        with transaction.atomic():
            if Room.objects.filter(pk=room.pk).delete()[0]:
                audit("room.removed", by=SYSTEM, kind="room", id=name_of(room.manager))


def _due_rooms(now: datetime) -> list[Room]:
    _delete_rooms_of_leavers(now)
    allowed = team_rooms_allowed()
    rooms = Room.objects.select_related("manager__node").order_by("posted_on", "pk")
    return [room for room in rooms if (room.manager is None or allowed) and _is_due(room, now)]


def _is_due(room: Room, now: datetime) -> bool:
    local = local_time(room.manager, now)
    if local.hour < MORNING_HOUR or configured_quiet_hours().covers(local):
        return False
    if room.posted_on is None:
        return True
    if room.every == Room.Every.WEEK:
        return room.posted_on.isocalendar()[:2] < local.date().isocalendar()[:2]
    return room.posted_on < local.date()


def _post(room: Room, now: datetime) -> None:
    text = room_text(room, now) if _has_team(room.manager, now) else None
    today = local_time(room.manager, now).date()
    # Claimed before the message leaves: a worker that dies here loses it, and never repeats it.
    if text is None or not Room.objects.filter(pk=room.pk, posted_on=room.posted_on).update(posted_on=today):
        return
    error = _post_text(room, text) if text else TOO_SMALL
    if error:
        logger.warning("the digest of chat room %s was not posted: %s", room.pk, error)
    Room.objects.filter(pk=room.pk).update(last_error=error)


def _post_text(room: Room, text: str) -> str:
    """Post the text; returns why it was not accepted, or nothing."""
    try:
        return "" if apprise_client.post(address_of(room), "Hundred", text) else "refused"
    except InvalidToken:
        return "key_lost"
    except apprise_client.InvalidRoomAddress as invalid:
        return invalid.code


def _has_team(manager: Employee | None, now: datetime) -> bool:
    """Whether the room still has its company, or its manager a team."""
    return manager is None or (manager.is_manager and Employee.objects.employed_at(now).filter(pk=manager.pk).exists())


def _running_campaigns(now: datetime) -> list[Campaign]:
    return [campaign for campaign in Campaign.objects.running() if campaign.rule.in_period(now)]


def _campaign_text(manager: Employee | None, campaign: Campaign, now: datetime) -> str | None:
    """None while it is being evaluated; empty where the group is too small."""
    # While all employees are being evaluated, no message may state a number.
    waiting = MarkRange.objects.filter(run__campaign=campaign, run__invalidates=True, state=MarkRange.State.WAITING)
    if waiting.exists():
        return None
    people = WholeCompany() if manager is None else Team(manager, None)
    totals = Standings(campaign, people, now=now).totals()
    if totals.people < MIN_GROUP_SIZE:
        return ""
    text = ngettext("%(number)s contact counts.", "%(number)s contacts count.", totals.counted)
    lines = [campaign.name, text % {"number": totals.counted}]
    if shows_people(totals):
        numbers = {"done": totals.at_target, "red": totals.red}
        lines.append(_("At target: %(done)s people. Below target: %(red)s.") % numbers)
    return "\n".join(lines)
