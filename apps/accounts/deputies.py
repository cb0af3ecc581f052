"""Name and end deputies: a manager or HR lets a deputy see the manager's team until a given day.

The querysets decide at every request what a deputy sees. This module decides who may name a deputy, for whom and for
how long.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.models import Account, Deputyship
from apps.accounts.models.deputyship import LONGEST
from apps.core.audit import audit
from apps.core.clock import db_now
from apps.core.time_zones import company_zone, midnight
from apps.employees.models import Employee, Employment


class DeputyRefused(ValueError):
    """A deputy who cannot be named: the form `field` and a `message`."""

    def __init__(self, field: str, message: str):
        super().__init__(message)
        self.field, self.message = field, message


def name_deputy(
    *,
    manager: Employee,
    deputy: Employee,
    until: date,
    by: Account,
    starts_on: date | None = None,
    key: uuid.UUID | None = None,
) -> Deputyship:
    """Let `deputy` see the manager's team from `starts_on` (default: now) to the end of `until`.

    Days are in the company's time zone. Repeating a `key` returns the same deputyship. Raises DeputyRefused.
    """
    key = key or uuid.uuid4()
    with transaction.atomic():
        # The row lock serialises writers per manager, so a form sent twice finds the first result.
        Employee.objects.select_for_update(no_key=True).get(pk=manager.pk)
        known = Deputyship.objects.filter(named_by_id=by.pk, key=key).first()
        if known:
            return known
        _end_lapsed(manager, deputy, by)
        now = db_now()
        begin, end = _period(now, starts_on, until)
        _refuse_people(manager, deputy, by, begin, now)
        taken = Deputyship.objects.filter(
            manager=manager, deputy=deputy, ended_at=None, starts_at__lt=end, ends_at__gt=begin
        )
        if taken.exists():
            raise DeputyRefused("deputy", _("This person stands in at that time already. End that first."))
        made = Deputyship.objects.create(
            key=key, manager=manager, deputy=deputy, starts_at=begin, ends_at=end, named_at=now, named_by_id=by.pk,
            named_by_label=str(by),
        )  # fmt: skip
        _note("named", made, by, before=None, after=_told(made))
    return made


def end_deputyship(*, deputyship_id: int, by: Account) -> tuple[Deputyship, bool]:
    """End a deputyship now; False when it had already ended. Raises Deputyship.DoesNotExist.

    The manager, the deputy and HR may end it. For all other users it does not exist.
    """
    with transaction.atomic():
        found = Deputyship.objects.visible_to(by).select_related("manager", "deputy").get(pk=deputyship_id)
        return found, _end(found, by)


def _period(now: datetime, starts_on: date | None, until: date) -> tuple[datetime, datetime]:
    today = now.astimezone(ZoneInfo(company_zone())).date()
    if starts_on and starts_on < today:
        raise DeputyRefused("starts_on", _("This day has passed."))
    if until < today:
        raise DeputyRefused("until", _("This day has passed."))
    if starts_on and until < starts_on:
        raise DeputyRefused("until", _("It ends before it begins."))
    # Compare days first: `midnight` would overflow after the calendar's last day.
    if until > (now + LONGEST).date() or midnight(until, 1) > now + LONGEST:
        raise DeputyRefused("until", _("A deputy is named for a year at most."))
    return (midnight(starts_on) if starts_on and starts_on > today else now), midnight(until, 1)


def _refuse_people(manager: Employee, deputy: Employee, by: Account, begin: datetime, now: datetime) -> None:
    if by.employee_id != manager.pk and not by.has_role("hr"):
        raise DeputyRefused("manager", _("Only the manager and HR name a deputy."))
    # Read again, because the tree may have changed since the form was shown.
    if not Employee.objects.select_related("node").get(pk=manager.pk).is_manager:
        raise DeputyRefused("manager", _("Nobody stands below this person today, so there is nothing to see."))
    if manager.pk == deputy.pk:
        raise DeputyRefused("deputy", _("Nobody stands in for themself."))
    for field, person in (("manager", manager), ("deputy", deputy)):
        if not Employment.objects.filter(employee=person, starts_at__lte=now, ends_at__gt=begin).exists():
            raise DeputyRefused(field, _("This person is not employed at that time."))


def _end_lapsed(manager: Employee, deputy: Employee, by: Account) -> None:
    """End deputyships that lapsed when either person left, because they would block a new one.

    The transaction of a refusal undoes this too.
    """
    pair = Deputyship.objects.filter(manager=manager, deputy=deputy)
    alive = list(pair.not_over().values_list("pk", flat=True))
    for lapsed in pair.filter(ended_at=None).exclude(pk__in=alive).select_related("manager", "deputy"):
        _end(lapsed, by)


def _end(deputyship: Deputyship, by: Account) -> bool:
    now = db_now()
    ended = Deputyship.objects.filter(pk=deputyship.pk, ended_at=None, ends_at__gt=now).update(
        ended_at=now, ended_by_id=by.pk, ended_by_label=str(by)
    )
    if ended:
        after = {"from": _instant(deputyship.starts_at), "until": _instant(now)}
        _note("ended", deputyship, by, before=_told(deputyship), after=after)
    return bool(ended)


def _note(step: str, deputyship: Deputyship, by: Account, **change: dict[str, str] | None) -> None:
    people = {"manager": str(deputyship.manager), "deputy": str(deputyship.deputy)}
    label = f"{deputyship.deputy} → {deputyship.manager}"
    audit(f"deputy.{step}", by=by.actor, kind="deputyship", id=deputyship.pk, label=label, detail={**people, **change})


def _told(deputyship: Deputyship) -> dict[str, str]:
    return {"from": _instant(deputyship.starts_at), "until": _instant(deputyship.ends_at)}


def _instant(at: datetime) -> str:
    return at.astimezone(ZoneInfo(company_zone())).isoformat()
