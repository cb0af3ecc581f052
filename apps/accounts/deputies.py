"""Name and end deputies: a manager or HR lets a deputy see the manager's team until a given day.

The querysets decide at every request what a deputy sees. This module decides who may name a deputy, for whom and for
how long.
"""

import uuid
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.models import Account, Deputyship
from apps.accounts.models.deputyship import MAX_PERIOD
from apps.core.audit import audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.events import record_event
from apps.core.periods import in_force_from
from apps.core.time_zones import company_zone, midnight
from apps.employees.models import Employee, Employment

# In 24 hours, by one account: for one manager's team, and for all.
MAX_NAMED_FOR_TEAM, MAX_NAMED_BY_ACCOUNT = 20, 500
# The same deputy of the same manager: naming and ending again and again would fill that mailbox with mails.
MAX_NAMED_AGAIN = 5


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

    Days are in the company's time zone. Repeating a `key` returns the same deputyship. Raises Refused.
    """
    key = key or uuid.uuid4()
    with transaction.atomic():
        # The row lock serialises writers per manager, so a form sent twice finds the first result.
        Employee.objects.select_for_update(no_key=True).get(pk=manager.pk)
        existing = Deputyship.objects.filter(named_by_id=by.pk, key=key).first()
        if existing:
            return existing
        # Before the check for overlaps, which only knows stored periods.
        _end_lapsed(manager, deputy, by)
        now = db_now()
        _refuse_many(manager, by, now)
        _refuse_again(manager, deputy, now)
        begin, end = deputy_period(now, starts_on, until)
        _validate_people(manager, deputy, by, now)
        _refuse_overlap(manager, deputy, begin, end)
        deputyship = Deputyship.objects.create(
            key=key, manager=manager, deputy=deputy, starts_at=begin, ends_at=end, named_at=now, named_by_id=by.pk,
            named_by_label=str(by),
        )  # fmt: skip
        _audit("named", deputyship, by, before=None, after=_period_detail(deputyship))
        record_event("deputy_named", subject=deputyship.pk, employees=[manager.pk, deputy.pk])
    return deputyship


def repeated_deputyship(*, manager: Employee, by: Account, key: uuid.UUID) -> Deputyship | None:
    """Return the deputyship that was named with this key. Raises Refused when no other can be named today.

    For a form that looks a person up by what was typed. Without this before it, a form that names no one tests who is
    on the roster, with no trail.
    """
    if deputyship := Deputyship.objects.filter(named_by_id=by.pk, key=key).first():
        return deputyship
    _refuse_many(manager, by, db_now())
    return None


def end_deputyship(*, deputyship_id: int, by: Account) -> tuple[Deputyship, bool]:
    """End a deputyship now; False when it had already ended. Raises Deputyship.DoesNotExist.

    The manager, the deputy and HR may end it. For all other users it does not exist.
    """
    with transaction.atomic():
        deputyship = Deputyship.objects.visible_to(by).select_related("manager", "deputy").get(pk=deputyship_id)
        return deputyship, _end(deputyship, by)


def deputy_period(now: datetime, starts_on: date | None, until: date) -> tuple[datetime, datetime]:
    """The instants of a deputyship between days of the company's zone, `until` included. Raises Refused."""
    today = now.astimezone(ZoneInfo(company_zone())).date()
    if starts_on and starts_on < today:
        raise Refused("invalid", _("This date has passed."), "starts_on")
    if until < today:
        raise Refused("invalid", _("This date has passed."), "until")
    if starts_on and until < starts_on:
        raise Refused("invalid", _("The end is before the start."), "until")
    # Compare days first: `midnight` would overflow after the calendar's last day.
    if until > (now + MAX_PERIOD).date() or midnight(until, 1) > now + MAX_PERIOD:
        raise Refused("invalid", _("The last day can be at most one year from today."), "until")
    return (midnight(starts_on) if starts_on and starts_on > today else now), midnight(until, 1)


def _validate_people(manager: Employee, deputy: Employee, by: Account, now: datetime) -> None:
    if by.employee_id != manager.pk and not by.has_role("hr"):
        raise Refused("invalid", _("Only the manager and HR can name a deputy."), "manager")
    # Read again, because the tree may have changed since the form was shown.
    if not Employee.objects.select_related("node").get(pk=manager.pk).is_manager:
        raise Refused("invalid", _("This person has no team today."), "manager")
    if manager.pk == deputy.pk:
        raise Refused("invalid", _("A manager cannot be their own deputy."), "deputy")
    # Now, and not on the first day: the form of a manager does not say who will leave. A deputyship ends with either.
    for field, person in (("manager", manager), ("deputy", deputy)):
        if not Employment.objects.filter(in_force_from(now), employee=person).exists():
            if field == "deputy" and not Employee.objects.visible_to(by).filter(pk=person.pk).exists():
                # As for an unknown number: the form of a manager does not say who has left, or joins.
                message = _("No employee on the roster has this staff number or e-mail address.")
                raise Refused("invalid", message, field)
            raise Refused("invalid", _("This person is not employed at that time."), field)


def _refuse_many(manager: Employee, by: Account, now: datetime) -> None:
    """Each deputyship sends mails that cannot be switched off; more of them would delay those of others."""
    named = Deputyship.objects.filter(named_by_id=by.pk, named_at__gt=now - timedelta(days=1))
    limits = (MAX_NAMED_FOR_TEAM, Q(manager=manager)), (MAX_NAMED_BY_ACCOUNT, Q())
    for most, deputyships in limits:
        if named.filter(deputyships).count() >= most:
            message = _("At most %(most)s deputies can be named in 24 hours. Name this deputy tomorrow.")
            raise Refused("too_many", message % {"most": most})


def _refuse_again(manager: Employee, deputy: Employee, now: datetime) -> None:
    named = Deputyship.objects.filter(manager=manager, deputy=deputy, named_at__gt=now - timedelta(days=1))
    if named.count() >= MAX_NAMED_AGAIN:
        message = _("This deputy has been named %(most)s times in 24 hours. Name this deputy tomorrow.")
        raise Refused("too_many", message % {"most": MAX_NAMED_AGAIN}, "deputy")


def _refuse_overlap(manager: Employee, deputy: Employee, begin: datetime, end: datetime) -> None:
    # The exclusion constraint would refuse too, but without a sentence for the form.
    overlapping = Deputyship.objects.filter(
        manager=manager, deputy=deputy, ended_at=None, starts_at__lt=end, ends_at__gt=begin
    )
    if overlapping.exists():
        message = _("This person is already a deputy in that period. End the existing entry first.")
        raise Refused("invalid", message, "deputy")


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
        _audit("ended", deputyship, by, before=_period_detail(deputyship), after=after)
        people = [deputyship.manager_id, deputyship.deputy_id]
        record_event("deputy_ended", subject=deputyship.pk, employees=people)
    return bool(ended)


def _audit(step: str, deputyship: Deputyship, by: Account, **change: dict[str, str] | None) -> None:
    # Numbers, because the audit stream sends the details; the label, which stays here, has the names.
    people = {"manager": deputyship.manager.staff_no, "deputy": deputyship.deputy.staff_no}
    label = f"{deputyship.deputy} → {deputyship.manager}"
    audit(f"deputy.{step}", by=by.actor, kind="deputyship", id=deputyship.pk, label=label, detail={**people, **change})


def _period_detail(deputyship: Deputyship) -> dict[str, str]:
    return {"from": _instant(deputyship.starts_at), "until": _instant(deputyship.ends_at)}


def _instant(at: datetime) -> str:
    # The trail shows days as the form took them.
    return at.astimezone(ZoneInfo(company_zone())).isoformat()
