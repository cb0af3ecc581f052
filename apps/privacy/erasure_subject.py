"""The subject of an erasure: a person outside the company, their identities, and the matching records (ADR 53)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.contacts.models import Contact, ContactIdentity
from apps.contacts.recording import error_message
from apps.core.identity import Identity, InvalidIdentity
from apps.core.identity_key import normalise_identity
from apps.privacy.pii_patterns import PiiPattern

# All contacts with these digests, and the contacts that corrected them or that they corrected.
FOUND = """
WITH RECURSIVE asked AS (
    SELECT kind, decode(hex, 'hex') AS digest FROM unnest(%s::text[], %s::text[]) AS sent(kind, hex)),
found AS (
    SELECT one.employee_id, one.contact_id AS id FROM contacts_contactidentity one JOIN asked USING (kind, digest)
    UNION
    SELECT linked.employee_id, linked.id FROM found JOIN LATERAL (
        SELECT newer.employee_id, newer.id FROM contacts_contact newer WHERE newer.replaces_id = found.id
        UNION ALL
        SELECT older.employee_id, older.id FROM contacts_contact me
        JOIN contacts_contact older ON older.id = me.replaces_id WHERE me.id = found.id) linked ON true)
SELECT employee_id, id FROM found ORDER BY employee_id, id
"""


class ErasureRefused(ValueError):
    """The erasure cannot be done now, or not as requested: a stable `code`, a message, and a form field."""

    def __init__(self, code: str, message: str, field: str = ""):
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


@dataclass(frozen=True)
class ErasureTarget:
    """The person to erase. `company_domains` are kept on identities; the files in `spared` contain no contacts."""

    identities: tuple[Identity, ...]
    company_domains: frozenset[str] = frozenset()
    spared: tuple[Any, ...] = ()

    @property
    def keys(self) -> frozenset[tuple[str, bytes]]:
        return frozenset(one.key for one in self.identities)

    @property
    def traces(self) -> PiiPattern:
        """Return the pattern for the requested identities only."""
        return PiiPattern(tuple((one.kind, one.value) for one in self.identities))


@dataclass(frozen=True)
class MatchedRecords:
    """The records of a person: (employee, contact), and the patterns that find them in texts.

    The requested identities match everywhere. The names and other identities of their contacts match only in data of
    the employees who recorded them. Elsewhere a name may mean another person, and a blanked text would reveal to the
    requester that a contact exists.
    """

    contacts: list[tuple[int, int]]
    anywhere: PiiPattern
    at_home: PiiPattern
    employees: frozenset[int]
    accounts: frozenset[int]

    @classmethod
    def of(cls, whom: ErasureTarget) -> MatchedRecords:
        found = contacts_of(whom)
        ids, employees = [contact for _, contact in found], frozenset(employee for employee, _ in found)
        held = ContactIdentity.objects.filter(contact_id__in=ids, value__isnull=False)
        told = [*whom.traces.identities, *((kind, value or "") for kind, value in held.values_list("kind", "value"))]
        names = Contact.objects.filter(pk__in=ids).exclude(name=None).values_list("name", flat=True)
        identities = tuple(dict.fromkeys(told))
        accounts = Account.objects.filter(employee_id__in=employees).values_list("pk", flat=True)
        return cls(
            found, whom.traces,
            PiiPattern(identities, tuple(sorted({name for name in names if name})), bare_handles=True),
            employees, frozenset(accounts),
        )  # fmt: skip

    @property
    def telling(self) -> PiiPattern:
        """Return the pattern with identities and distinctive names.

        A name is distinctive with two or more words, or with three or more characters that are not all ASCII. Shorter
        names match too many other people.
        """
        return replace(self.at_home, names=tuple(name for name in self.at_home.names if _tells(name)))

    def traces_in(self, *, owner: int | None = None, employee: int | None = None) -> PiiPattern:
        """Return the pattern for data of this account or employee."""
        home = owner in self.accounts or employee in self.employees
        return self.at_home if home else self.anywhere


def _tells(name: str) -> bool:
    return len(name.split()) > 1 or (not name.isascii() and len(name) > 2)


def identities_of(told: Iterable[tuple[str, str]]) -> tuple[Identity, ...]:
    """Return the identities given as (kind, text). Raises ErasureRefused, whose message never repeats them."""
    found: dict[Identity, None] = {}
    for kind, raw in told:
        if not raw.strip():
            continue
        try:
            found[normalise_identity(kind, raw)] = None
        except InvalidIdentity as error:
            raise ErasureRefused("invalid_identity", error_message(error, raw), kind) from None
    if not found:
        raise ErasureRefused("invalid_identity", _("A phone, an e-mail or a handle is needed."), "phone")
    return tuple(found)


def contacts_of(whom: ErasureTarget) -> list[tuple[int, int]]:
    """Return (employee, contact) of all contacts that are this person, including ended and corrected ones."""
    keys = sorted(whom.keys)
    with connection.cursor() as cursor:
        cursor.execute(FOUND, [[kind for kind, _digest in keys], [digest.hex() for _kind, digest in keys]])
        return cursor.fetchall()


def named_in(known: MatchedRecords) -> list[tuple[int, int]]:
    """Return (employee, contact) of other contacts whose names mention the person.

    Identities match for every employee; names match only for employees who recorded the person.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT employee_id, id FROM contacts_contact
            WHERE name IS NOT NULL AND id <> ALL(%(found)s::bigint[]) AND (normalize(name, NFKC) ~* ANY(%(anywhere)s)
                OR employee_id = ANY(%(employees)s::bigint[]) AND normalize(name, NFKC) ~* ANY(%(telling)s))
            ORDER BY employee_id, id""",
            {
                "found": [contact for _employee, contact in known.contacts],
                "anywhere": known.anywhere.patterns,
                "employees": sorted(known.employees),
                "telling": known.telling.patterns,
            },
        )
        return cursor.fetchall()
