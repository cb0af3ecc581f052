"""The effect of a roster change on people, and whether one person may make it alone (ADR 63).

It is counted inside the change's transaction, after the change, by comparing the affected people before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _
from psycopg2 import sql

from apps.accounts.approvals import request_approval
from apps.accounts.models import ApprovalRequest, Role
from apps.core.audit import Actor, audit
from apps.core.errors import Refused
from apps.core.identity import InvalidIdentity
from apps.core.identity_key import identity_normaliser
from apps.core.periods import in_force_from
from apps.core.sql import fetch_all, statement
from apps.employees.models import Employment
from apps.employees.org_tree import roster_version
from apps.roster.models import RosterImport

Kind = ApprovalRequest.Kind
# Small loads within a day count together: many loads below the share add up to one large change.
EFFECT_WINDOW = timedelta(days=1)
# Effects that only the second person reads, because they reveal whose contact a person is.
CONFIDENTIAL = ("counts",)
# Effects that always need a second person, and the summed effects: people who change and people who come.
ALWAYS_TWO = (
    "counts", "targets", "joiners_and_leavers", "in_campaign", "in_result", "future_colleagues", "addresses",
    "shared_addresses", "role_changes", "used_numbers", "handle_numbers",
)  # fmt: skip
CHANGED = ("leaving", "moving", "renaming", "phones", "time_zones", "chat_ids")
CAME = ("joining", "returning")

_statement = partial(statement, "roster", "effect")
STORE_PEOPLE = _statement("store_people")
NUMBERS_OF_NEW_FORM = _statement("numbers_of_new_form")
PEOPLE_OF_LOAD = _statement("people_of_load")
PERIODS = _statement("periods")
# Effects that one number describes, each the number of people.
COUNTED = {
    "moving": _statement("moving"),
    "renaming": _statement("renaming"),
    "phones": _statement("phones"),
    "role_changes": _statement("role_changes"),
    "time_zones": _statement("time_zones"),
    "chat_ids": _statement("chat_ids"),
    "used_numbers": _statement("used_numbers"),
    "shared_addresses": _statement("shared_addresses"),
}


class NeedsSecondPerson(RuntimeError):
    """The change has an `effect` that needs a second person; nothing was changed."""

    def __init__(self, effect: dict[str, int]):
        super().__init__("a second HR user has to approve this")
        self.effect = effect


# By name: contacts and campaigns stand above this app, which may not import them.
_registered_effects: dict[str, Callable[[Actor], int]] = {}


def register_effects(**counts: Callable[[Actor], int]) -> None:
    """Register the functions that count the people of an effect on contacts or campaigns, by its name.

    Higher-level apps own contacts and campaigns. The functions get the account that makes the change, and read
    `effect_people` and the other tables of `store_people`.
    """
    _registered_effects.update(counts)


def hr_exists() -> bool:
    """Whether any account holds the HR role; without one, the first set-up is in progress."""
    return Role.objects.filter(role=Role.Kind.HR).exists()


def is_approved(kind: str, load: RosterImport, effect: dict[str, int] | None = None) -> bool:
    """Whether a second person has approved this load in its present form.

    `effect`: the load's effect now. An effect of ALWAYS_TWO larger than approved makes this False.
    """
    # By digest: an approval of an earlier content of the same file does not count.
    approved = ApprovalRequest.objects.filter(kind=kind, subject=str(load.pk), decision="approved")
    return any(
        all((effect or {}).get(name, 0) <= payload["effect"].get(name, 0) for name in ALWAYS_TWO)
        for payload in approved.filter(payload__digest=load.digest).values_list("payload", flat=True)
    )


def employed(now: datetime) -> int:
    """Number of people employed at `now`."""
    return Employment.objects.filter(in_force_from(now)).count()


def store_people_before_load() -> None:
    """Store the state before the staged load of the people it affects, from the copies of `undo.copy_tables`."""
    _store_people(sql.SQL(PEOPLE_OF_LOAD), lambda table: sql.Identifier("pg_temp", f"old_{table}"))


def store_people(people: str, parameters: dict[str, Any]) -> None:
    """Store the present state of these people, a SELECT of employee ids."""
    _store_people(sql.SQL(people), sql.Identifier, parameters)


def _store_people(
    people: sql.SQL, table: Callable[[str], sql.Identifier], parameters: dict[str, Any] | None = None
) -> None:
    names = ("employee", "employment", "placement", "employeeidentity")
    tables = {name: table(f"employees_{name}") for name in names}
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(STORE_PEOPLE).format(people=people, **tables), parameters)


def count_effect(now: datetime, by: Actor) -> dict[str, int]:
    """Count the effect of `by`'s change on the people stored before it; the tree must be rebuilt."""
    if not _registered_effects:
        raise ImproperlyConfigured("nothing counts whose number of contacts a change of the roster moves")
    with connection.cursor() as cursor:
        cursor.execute(PERIODS, {"now": now})
        effect = dict(zip(("leaving", "joining", "returning"), cursor.fetchone(), strict=True))
        for name, query in COUNTED.items():
            cursor.execute(query, {"now": now, "by": by.id})
            [effect[name]] = cursor.fetchone()
    effect |= {name: count(by) for name, count in _registered_effects.items()}
    effect["handle_numbers"] = _count_handle_numbers(by)
    return {name: number for name, number in effect.items() if number}


def _count_handle_numbers(by: Actor) -> int:
    """Count the new staff numbers of a new form that could be a handle: such a handle can no longer be recorded.

    Numbers of a known form are not counted: an outsider's handle seldom has the form of a company's numbers (ADR 72).
    """
    if by.id is None:  # the operator's command is trusted
        return 0
    return sum(_is_handle(number) for (number,) in fetch_all(NUMBERS_OF_NEW_FORM))


def _is_handle(text: str) -> bool:
    try:
        # As the comparison of handles with staff numbers folds case: the upper case of a dotless i is an I.
        identity_normaliser()("handle", f"@{text.upper().lower()}")
    except InvalidIdentity:
        return False
    return True


def require_approval_if_large(
    effect: dict[str, int], headcount: int, now: datetime, *, exclude: RosterImport | None = None
) -> None:
    """Raise NeedsSecondPerson for an effect that one person may not cause.

    `headcount`: the people employed before the change, without people whom it makes employed. `exclude`: the load whose
    own effect this is.
    """
    if any(effect.get(name) for name in ALWAYS_TWO) or _is_large(effect, headcount, now, exclude):
        raise NeedsSecondPerson(effect)


def _is_large(effect: dict[str, int], headcount: int, now: datetime, exclude: RosterImport | None) -> bool:
    approved = ApprovalRequest.objects.filter(kind=Kind.ROSTER_LOAD, decision="approved")
    # Undone loads count too, and so do loads undone within the day: an undo changes as many people as its load.
    recent = RosterImport.objects.filter(
        Q(done_at__gt=now - EFFECT_WINDOW) | Q(undone_at__gt=now - EFFECT_WINDOW), state=RosterImport.State.DONE
    )
    if exclude is not None:
        recent = recent.exclude(pk=exclude.pk)
    # A load that two people approved, in its present form, does not use up what one person may do alone.
    approved = approved.filter(requested_at__gt=now - 15 * EFFECT_WINDOW)
    of_two = set(approved.values_list("subject", "payload__digest"))
    changed, came = _sum(effect, CHANGED), _sum(effect, CAME)
    for pk, digest, earlier in recent.values_list("pk", "digest", "effect"):
        # Recent joiners do not enlarge the company: invented people would otherwise allow more real leavers.
        headcount -= _sum(earlier, CAME)
        if (str(pk), digest) not in of_two:
            changed, came = changed + _sum(earlier, CHANGED), came + _sum(earlier, CAME)
    limit = settings.ROSTER_APPROVAL_SHARE * max(headcount, 0)
    # One joiner a day is always allowed, even in a small company.
    return bool(changed and changed > limit) or came > max(limit, 1)


def _sum(effect: dict[str, int], names: tuple[str, ...]) -> int:
    return sum(effect.get(name, 0) for name in names)


def request_change(kind: str, load: RosterImport, effect: dict[str, int], by: Actor) -> ApprovalRequest:
    """Request approval; the requester's copy of the effect lacks the CONFIDENTIAL parts.

    Raises Refused.
    """
    # For auditors, even when the request is refused, and written whether contacts are affected or not. HR does not see
    # the entry: it would reveal whose contact a person is (ADR 63).
    detail = {"changes_counts": bool(effect.get("counts"))}
    audit("roster.effect_counted", by=by, kind="roster", id=load.pk, label=load.file_name, detail=detail)
    shown = {name: number for name, number in effect.items() if name not in CONFIDENTIAL}
    return request_approval(
        kind=kind, subject=str(load.pk), label=load.file_name, effect=shown, by=by,
        payload={"effect": effect, "digest": load.digest, "other_actors": load.other_actors},
    )  # fmt: skip


def effect_of_roster_request(request: ApprovalRequest) -> dict[str, int]:
    """The effect of a waiting roster change. Raises Refused when it was counted on another roster version."""
    load = RosterImport.objects.filter(pk=request.subject).first()
    version = load.based_on if request.kind == Kind.ROSTER_LOAD else load.version  # type: ignore[union-attr]
    if version != roster_version():
        raise roster_changed()
    return dict(request.payload["effect"])


def roster_changed() -> Refused:
    """The refusal of a change that was counted on an older roster version."""
    return Refused("stale", _("The roster has changed since this was requested. Request it again."), conflict=True)
