"""Look up the identities of drafts: which contacts hold them, and which must not be recorded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from django.db import connection
from django.db.models.functions import Upper

from apps.contacts.drafts import Key, NormalisedDraft
from apps.core.periods import in_force_from
from apps.core.querysets import Clock
from apps.core.sql import statement
from apps.employees.models import Employee

LIVE = statement("contacts", "recording", "live")
# Contacts of one identity that an employee may record and end, or correct, within 24 hours. In exclusive campaigns the
# evaluation of each employee who holds the identity reads all of them.
MAX_REPEATS_OF_AN_IDENTITY = 20


class KnownIdentities(NamedTuple):
    """What is stored about the identities of drafts.

    `holders`: the live contact of an employee that holds an identity, by (employee id, kind, digest). `objected`:
    identities with an objection. `colleagues`: handles that are staff numbers of people employed now. `repeated`:
    identities that an employee has recorded too often today, as the keys of `holders`; they do not concern a feed.
    """

    holders: dict[tuple[int, str, bytes], int]
    objected: AbstractSet[Key]
    colleagues: AbstractSet[Key]
    repeated: AbstractSet[tuple[int, str, bytes]]


def known_identities(drafts: Sequence[tuple[int, NormalisedDraft]]) -> KnownIdentities:
    """Look up the identities of drafts, given as (employee id, draft)."""
    holders: dict[tuple[int, str, bytes], int] = {}
    objected: set[Key] = set()
    repeated: set[tuple[int, str, bytes]] = set()
    for employee_id, kind, digest, contact_id in look_up(LIVE, drafts, max_repeats=MAX_REPEATS_OF_AN_IDENTITY):
        # Zeros mark the answers to the other questions, so that one round trip answers them all.
        if employee_id and not contact_id:
            repeated.add((employee_id, kind, bytes(digest)))
        elif employee_id:
            holders[employee_id, kind, bytes(digest)] = contact_id
        else:
            objected.add((kind, bytes(digest)))
    return KnownIdentities(holders, objected, _colleagues(drafts), repeated)


def _colleagues(drafts: Sequence[tuple[int, NormalisedDraft]]) -> set[Key]:
    """Return the handles that are staff numbers of people employed now.

    A leaver's number is free: HR alone could otherwise add invented leavers whose numbers are outsiders' handles.
    """
    handles = {
        identity.value: identity.key
        for _employee_id, draft in drafts
        for identity in draft.identities
        if identity.kind == "handle"
    }
    if not handles:
        return set()
    # Handles are lower case and staff numbers are not.
    upper = {value.upper(): key for value, key in handles.items()}
    people = Employee.objects.alias(number=Upper("staff_no")).filter(
        in_force_from(Clock(), of="employment"), number__in=list(upper)
    )
    return {upper[number] for number in people.values_list(Upper("staff_no"), flat=True)}


def look_up(query: str, drafts: Iterable[tuple[int, NormalisedDraft]], **values: Any) -> list[tuple]:
    """Return the rows of a statement about the identities of these drafts."""
    # A dict keeps the order and drops repeated identities, which would return repeated rows.
    keys = dict.fromkeys(
        (employee_id, identity.kind, identity.digest) for employee_id, draft in drafts for identity in draft.identities
    )
    if not keys:
        return []
    employees, kinds, digests = zip(*keys, strict=True)
    values |= {
        "employees": list(employees), "kinds": ",".join(kinds), "digests": ",".join(digest.hex() for digest in digests),
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()
