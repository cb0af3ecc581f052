"""The subject of an erasure: a person outside the company, their identities, and the matching records (ADR 53)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.contacts.messages import NO_IDENTITY, error_message
from apps.contacts.models import Contact, ContactIdentity
from apps.core.errors import Refused
from apps.core.identity import Identity, InvalidIdentity
from apps.core.identity_key import normalise_identity
from apps.core.sql import fetch_all, statement
from apps.privacy.pii_patterns import PiiPattern

CONTACTS_OF_PERSON = statement("privacy", "erasure", "contacts_of_person")
CONTACTS_THAT_MENTION = statement("privacy", "erasure", "contacts_that_mention")


@dataclass(frozen=True)
class ErasureTarget:
    """The person to erase. Identities keep `company_domains`; the files in `excluded_files` contain no contacts."""

    identities: tuple[Identity, ...]
    company_domains: frozenset[str] = frozenset()
    excluded_files: tuple[Any, ...] = ()

    @property
    def keys(self) -> frozenset[tuple[str, bytes]]:
        return frozenset(identity.key for identity in self.identities)

    @property
    def pattern(self) -> PiiPattern:
        return PiiPattern(tuple((identity.kind, identity.value) for identity in self.identities))


@dataclass(frozen=True)
class MatchedRecords:
    """The records of a person: (employee, contact), and the patterns that find them in texts.

    The requested identities match everywhere. The names and other identities of their contacts match only in data of
    the employees who recorded them. Elsewhere a name may mean another person, and a blanked text would reveal to the
    requester that a contact exists.
    """

    contacts: list[tuple[int, int]]
    anywhere: PiiPattern
    in_owner_data: PiiPattern
    employees: frozenset[int]
    accounts: frozenset[int]

    @classmethod
    def of(cls, target: ErasureTarget) -> MatchedRecords:
        contacts = contacts_of(target)
        ids, employees = [contact for _, contact in contacts], frozenset(employee for employee, _ in contacts)
        stored = ContactIdentity.objects.filter(contact_id__in=ids, value__isnull=False).values_list("kind", "value")
        identities = [*target.pattern.identities, *((kind, value or "") for kind, value in stored)]
        names = Contact.objects.filter(pk__in=ids).exclude(name=None).values_list("name", flat=True)
        accounts = Account.objects.filter(employee_id__in=employees).values_list("pk", flat=True)
        pattern = PiiPattern(
            tuple(dict.fromkeys(identities)), tuple(sorted({name for name in names if name})), bare_handles=True
        )
        return cls(contacts, target.pattern, pattern, employees, frozenset(accounts))

    @property
    def distinctive(self) -> PiiPattern:
        """Return the pattern with identities and distinctive names.

        A name is distinctive with two or more words, or with three or more characters that are not all ASCII. Shorter
        names match too many other people.
        """
        return replace(
            self.in_owner_data, names=tuple(name for name in self.in_owner_data.names if _is_distinctive(name))
        )

    def pattern_for(self, *, owner: int | None = None, employee: int | None = None) -> PiiPattern:
        """Return the pattern for data of this account or employee."""
        # `None in self.accounts` is false, so data without an owner is searched with the strict pattern.
        is_owner = owner in self.accounts or employee in self.employees
        return self.in_owner_data if is_owner else self.anywhere


def _is_distinctive(name: str) -> bool:
    return len(name.split()) > 1 or (not name.isascii() and len(name) > 2)


def identities_of(texts: Iterable[tuple[str, str]]) -> tuple[Identity, ...]:
    """Return the identities given as (kind, text). Raises Refused, whose message never repeats them."""
    identities: dict[Identity, None] = {}
    for kind, text in texts:
        if not text.strip():
            continue
        try:
            identities[normalise_identity(kind, text)] = None
        except InvalidIdentity as error:
            # `from None`: the cause quotes the identity, and a traceback could reach the log.
            raise Refused("invalid_identity", error_message(error, text), kind) from None
    if not identities:
        raise Refused("invalid_identity", _(NO_IDENTITY), "phone")
    return tuple(identities)


def contacts_of(target: ErasureTarget) -> list[tuple[int, int]]:
    """Return (employee, contact) of all contacts that are this person, including ended and corrected ones."""
    keys = sorted(target.keys)
    parameters = {"kinds": [kind for kind, _digest in keys], "digests": [digest.hex() for _kind, digest in keys]}
    return fetch_all(CONTACTS_OF_PERSON, parameters)


def contacts_that_mention(records: MatchedRecords) -> list[tuple[int, int]]:
    """Return (employee, contact) of other contacts whose names mention the person.

    Identities match for every employee; names match only for employees who recorded the person.
    """
    parameters: dict[str, Any] = {
        "contacts": [contact for _employee, contact in records.contacts],
        "anywhere": records.anywhere.patterns,
        "employees": sorted(records.employees),
        "distinctive": records.distinctive.patterns,
    }
    return fetch_all(CONTACTS_THAT_MENTION, parameters)
