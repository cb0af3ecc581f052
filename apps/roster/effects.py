"""The effect of a roster change on people, and whether one person may make it alone (ADR 63).

It is counted inside the change's transaction, after the change, by comparing the affected people before and after.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.approvals import ApprovalRefused, request_approval
from apps.accounts.models import ApprovalRequest, Role
from apps.core.audit import Actor, audit
from apps.employees.org_tree import roster_version
from apps.roster.models import RosterImport

Kind = ApprovalRequest.Kind
# Small loads within a day count together: many loads below the share add up to one large change.
SUMMED_OVER = timedelta(days=1)
# Effects that only the second person reads, because they reveal whose contact a person is.
CONFIDENTIAL = ("counts",)
# Effects that always need a second person, and the summed effects: people who change and people who come.
ALWAYS_TWO = ("counts", "addresses", "role_changes", "used_numbers")
CHANGED, CAME = ("leaving", "moving", "renaming", "phones", "time_zones"), ("joining", "returning")

# `people` is a SELECT of ids. `prefix` precedes the name of each table read.
REMEMBER = """
DROP TABLE IF EXISTS pg_temp.effect_people, pg_temp.effect_employee, pg_temp.effect_employment,
    pg_temp.effect_placement, pg_temp.effect_employeeidentity;
CREATE TEMP TABLE effect_people ON COMMIT DROP AS SELECT DISTINCT employee_id FROM ({people}) touched;
CREATE TEMP TABLE effect_employee ON COMMIT DROP AS
    SELECT id AS employee_id, name, time_zone FROM {prefix}employees_employee
    WHERE id IN (SELECT employee_id FROM effect_people);
CREATE TEMP TABLE effect_employment ON COMMIT DROP AS
    SELECT * FROM {prefix}employees_employment WHERE employee_id IN (SELECT employee_id FROM effect_people);
CREATE TEMP TABLE effect_placement ON COMMIT DROP AS
    SELECT * FROM {prefix}employees_placement WHERE employee_id IN (SELECT employee_id FROM effect_people);
CREATE TEMP TABLE effect_employeeidentity ON COMMIT DROP AS
    SELECT * FROM {prefix}employees_employeeidentity WHERE employee_id IN (SELECT employee_id FROM effect_people);
ANALYZE effect_people, effect_employee, effect_employment, effect_placement, effect_employeeidentity;
"""
# People affected by a load: new people, changed people, and people missing from a complete file.
OF_LOAD = """
SELECT employee_id FROM roster_stage WHERE is_new UNION ALL SELECT employee_id FROM roster_touched
UNION ALL SELECT employee_id FROM roster_left
"""
EMPLOYED = "SELECT count(*) FROM employees_employment WHERE in_force_from(starts_at, ends_at, %(now)s)"
# Compares all periods, past ones included: a late freeze judges by employment at the cut-off. Leaving: no longer
# employed at some moment. Returning: employed before, and now also at a past moment, or employed again. A person who
# only stays longer counts as neither.
STAYS = """
WITH was AS (
    SELECT employee_id, range_agg(tstzrange(starts_at, ends_at)) AS employed, max(ends_at) AS ends_at
    FROM effect_employment GROUP BY 1
), is_now AS (
    SELECT employee_id, range_agg(tstzrange(starts_at, ends_at)) AS employed, max(ends_at) AS ends_at
    FROM employees_employment JOIN effect_people USING (employee_id) GROUP BY 1
)
SELECT count(*) FILTER (WHERE NOT isempty(was.employed - coalesce(is_now.employed, '{}'))),
    count(*) FILTER (WHERE was.employed IS NULL AND is_now.employed IS NOT NULL),
    count(*) FILTER (WHERE NOT isempty((is_now.employed - was.employed) * tstzmultirange(tstzrange(NULL, %(now)s)))
        OR was.ends_at <= %(now)s AND is_now.ends_at > %(now)s)
FROM effect_people LEFT JOIN was USING (employee_id) LEFT JOIN is_now USING (employee_id)
"""
# RENAMED: another name of a person who was employed before. OF_ROLES, below: any change of employment or name of role
# holders or the acting account, who could be second persons.
RENAMED = """
SELECT count(*) FROM effect_employee was JOIN employees_employee is_now ON is_now.id = was.employee_id
WHERE was.name <> is_now.name AND EXISTS (SELECT 1 FROM effect_employment work WHERE work.employee_id = is_now.id)
"""
# A time zone also changes the deadlines on the employee's own page.
TIME_ZONES = """
SELECT count(*) FROM effect_employee was JOIN employees_employee is_now ON is_now.id = was.employee_id
WHERE was.time_zone <> is_now.time_zone
  AND EXISTS (SELECT 1 FROM effect_employment work WHERE work.employee_id = is_now.id)
"""
# New phones and addresses of known people: from then on, no employee's contact with one of them counts.
PHONES = """
SELECT count(DISTINCT held.employee_id) FROM effect_employee JOIN employees_employeeidentity held USING (employee_id)
WHERE NOT EXISTS (SELECT 1 FROM effect_employeeidentity was WHERE was.employee_id = held.employee_id
    AND was.kind = held.kind AND was.digest = held.digest)
"""
OF_ROLES = """
SELECT count(*) FROM effect_people JOIN accounts_account account USING (employee_id)
JOIN employees_employee is_now ON is_now.id = employee_id LEFT JOIN effect_employee was USING (employee_id)
WHERE (account.id = %(by)s OR EXISTS (SELECT 1 FROM accounts_role role WHERE role.account_id = account.id))
  AND (was.name IS DISTINCT FROM is_now.name OR
    (SELECT array_agg((starts_at, ends_at)::text ORDER BY starts_at) FROM effect_employment work
     WHERE work.employee_id = is_now.id) IS DISTINCT FROM
    (SELECT array_agg((starts_at, ends_at)::text ORDER BY starts_at) FROM employees_employment work
     WHERE work.employee_id = is_now.id))
"""
# Employees without any employment, as after an undo, whose contacts or account are in use. Otherwise the next line with
# the number would take them over.
USED_NUMBERS = """
WITH without AS MATERIALIZED (
    SELECT employee_id FROM effect_people
    WHERE EXISTS (SELECT 1 FROM effect_employment was WHERE was.employee_id = effect_people.employee_id)
      AND NOT EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = effect_people.employee_id)
)
SELECT count(*) FROM without WHERE accounts_number_used(employee_id)
"""
# Another manager or department at any moment. The first placement begins with the employment, which STAYS compares. A
# new manager for the future also moves everyone below to another team. Of nested movers, only the uppermost counts, so
# each person counts once.
MOVED = """
WITH was AS (
    SELECT employee_id, array_agg((manager_id, department)::text ORDER BY starts_at) AS placed,
        (array_agg(starts_at ORDER BY starts_at))[2:] AS moved_at,
        array_agg(manager_id ORDER BY starts_at) FILTER (WHERE ends_at > %(now)s) AS managers
    FROM effect_placement GROUP BY 1
), is_now AS (
    SELECT employee_id, array_agg((manager_id, department)::text ORDER BY starts_at) AS placed,
        (array_agg(starts_at ORDER BY starts_at))[2:] AS moved_at,
        array_agg(manager_id ORDER BY starts_at) FILTER (WHERE ends_at > %(now)s) AS managers
    FROM employees_placement JOIN effect_people USING (employee_id) GROUP BY 1
), mover AS (
    SELECT employee_id, was.managers IS DISTINCT FROM is_now.managers AS other_manager
    FROM was JOIN is_now USING (employee_id)
    WHERE (was.placed, was.moved_at) IS DISTINCT FROM (is_now.placed, is_now.moved_at)
), placed AS (
    SELECT node.first, node.last, max(node.last) OVER (ORDER BY node.first ROWS BETWEEN UNBOUNDED PRECEDING
        AND 1 PRECEDING) AS covered
    FROM mover JOIN employees_treenode node USING (employee_id) WHERE other_manager
), moved AS (
    SELECT node.employee_id FROM placed JOIN employees_treenode node ON node.first BETWEEN placed.first AND placed.last
    WHERE placed.covered IS NULL OR placed.first > placed.covered
    UNION SELECT employee_id FROM mover
)
SELECT count(*) FROM moved
"""


class NeedsSecondPerson(RuntimeError):
    """The change has an `effect` that needs a second person; nothing was changed."""

    def __init__(self, effect: dict[str, int]):
        super().__init__("a second HR user has to approve this")
        self.effect = effect


_count_moved: list[Callable[[], int]] = []


def count_moved_by(count: Callable[[], int]) -> None:
    """Register the function that counts the people whose number of contacts changes.

    A higher-level app owns contacts. `count` reads `effect_people`, `effect_employment` and `effect_employeeidentity`.
    """
    _count_moved[:] = [count]


def hr_exists() -> bool:
    """Whether any account holds the HR role; without one, the first set-up is in progress."""
    return Role.objects.filter(role=Role.Kind.HR).exists()


def is_approved(kind: str, load: RosterImport, effect: dict[str, int] | None = None) -> bool:
    """Whether a second person has approved this load in its present form.

    `effect`: the load's effect now. An effect of ALWAYS_TWO larger than approved makes this False.
    """
    approved = ApprovalRequest.objects.filter(kind=kind, subject=str(load.pk), decision="approved")
    return any(
        all((effect or {}).get(name, 0) <= payload["effect"].get(name, 0) for name in ALWAYS_TWO)
        for payload in approved.filter(payload__digest=load.digest).values_list("payload", flat=True)
    )


def employed(now: datetime) -> int:
    """Number of people employed at `now`."""
    with connection.cursor() as cursor:
        cursor.execute(EMPLOYED, {"now": now})
        return int(cursor.fetchone()[0])


def remember_people(people: str, parameters: dict[str, Any] | None = None, *, prefix: str = "") -> None:
    """Keep the present state of these people (a SELECT of employee_id).

    `prefix` selects the tables that hold that state.
    """
    with connection.cursor() as cursor:
        cursor.execute(REMEMBER.format(people=people, prefix=prefix), parameters)


def count_effect(now: datetime, by: Actor) -> dict[str, int]:
    """Count the effect of `by`'s change on the people of `remember_people`; the tree must be rebuilt."""
    if not _count_moved:
        raise ImproperlyConfigured("nothing counts whose number of contacts a change of the roster moves")
    with connection.cursor() as cursor:
        cursor.execute(STAYS, {"now": now})
        effect = dict(zip(("leaving", "joining", "returning"), cursor.fetchone(), strict=True))
        counted = {
            "moving": MOVED, "renaming": RENAMED, "phones": PHONES, "role_changes": OF_ROLES,
            "time_zones": TIME_ZONES, "used_numbers": USED_NUMBERS,
        }  # fmt: skip
        for name, counts in counted.items():
            cursor.execute(counts, {"now": now, "by": by.id})
            [effect[name]] = cursor.fetchone()
    return {name: number for name, number in (effect | {"counts": _count_moved[0]()}).items() if number}


def require_small(effect: dict[str, int], of: int, now: datetime, but: RosterImport | None = None) -> None:
    """Raise NeedsSecondPerson for an effect that one person may not cause, in a company of `of` employed people.

    `of`: counted before the change, without people whom it makes employed. `but`: the load whose own effect this is.
    """
    if any(effect.get(name) for name in ALWAYS_TWO) or _is_large(effect, of, now, but):
        raise NeedsSecondPerson(effect)


def _is_large(effect: dict[str, int], of: int, now: datetime, but: RosterImport | None) -> bool:
    approved = ApprovalRequest.objects.filter(kind=Kind.ROSTER_LOAD, decision="approved").values_list("subject")
    # Undone loads count too, and so do loads undone within the day: an undo changes as many people as its load.
    lately = RosterImport.objects.filter(
        Q(done_at__gt=now - SUMMED_OVER) | Q(undone_at__gt=now - SUMMED_OVER), state=RosterImport.State.DONE
    )
    if but is not None:
        lately = lately.exclude(pk=but.pk)
    subjects = {subject for (subject,) in approved.filter(requested_at__gt=now - 15 * SUMMED_OVER)}
    changed, came = _sum(effect, CHANGED), _sum(effect, CAME)
    for pk, before in lately.values_list("pk", "effect"):
        # Recent joiners do not enlarge the company: invented people would otherwise allow more real leavers.
        of -= _sum(before, CAME)
        if str(pk) not in subjects:
            changed, came = changed + _sum(before, CHANGED), came + _sum(before, CAME)
    most = settings.ROSTER_APPROVAL_SHARE * max(of, 0)
    # One joiner a day is always allowed, even in a small company.
    return bool(changed and changed > most) or came > max(most, 1)


def _sum(effect: dict[str, int], names: tuple[str, ...]) -> int:
    return sum(effect.get(name, 0) for name in names)


def request_change(kind: str, load: RosterImport, effect: dict[str, int], by: Actor) -> ApprovalRequest:
    """Request approval; the requester's copy of the effect lacks the CONFIDENTIAL parts.

    Raises ApprovalRefused.
    """
    if effect.get("counts"):
        # Only the second person sees the number. The trail records that contacts are affected, even when the request is
        # refused.
        audit("roster.touches_contacts", by=by, kind="roster", id=load.pk, label=load.file_name)
    shown = {name: number for name, number in effect.items() if name not in CONFIDENTIAL}
    return request_approval(
        kind=kind, subject=str(load.pk), label=load.file_name, payload={"effect": effect, "digest": load.digest},
        effect=shown, by=by,
    )  # fmt: skip


def effect_of(request: ApprovalRequest) -> dict[str, int]:
    """The effect of a waiting roster change. Raises ApprovalRefused when it was counted on another roster version."""
    load = RosterImport.objects.filter(pk=request.subject).first()
    version = load.based_on if request.kind == Kind.ROSTER_LOAD else load.version  # type: ignore[union-attr]
    if version != roster_version():
        raise roster_changed()
    return dict(request.payload["effect"])


def roster_changed() -> ApprovalRefused:
    """The refusal of a change that was counted on an older roster version."""
    return ApprovalRefused("stale", _("The roster has changed since this was requested: it has to be requested anew."))
