"""The subject of an erasure: a person outside the company, their identities, and the matching records (ADR 53)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import chain, islice, zip_longest
from typing import Any, TypeVar

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.contacts.messages import NO_IDENTITY, error_message
from apps.contacts.models import Contact, ContactIdentity, SuppressedIdentity
from apps.core.errors import Refused
from apps.core.identity import Identity, InvalidIdentity
from apps.core.identity_key import normalise_identity
from apps.core.sql import fetch_all, statement
from apps.privacy.pii_patterns import PiiPattern

CONTACTS_OF_PERSON = statement("privacy", "erasure", "contacts_of_person")
CONTACTS_THAT_MENTION = statement("privacy", "erasure", "contacts_that_mention")
OWN_CONTACTS_THAT_MENTION = statement("privacy", "erasure", "own_contacts_that_mention")
# Distinct names, and further identities, of a person that are searched for at one employee: the newest. An employee can
# rename and correct a contact without limit.
MAX_VARIANTS = 20
# The same of all employees together, for texts without an owner. A statement then has at most 32 patterns: PostgreSQL
# keeps as many compiled, and with more it compiles them again for each row.
MAX_LISTED_VARIANTS = 300
Variant = TypeVar("Variant")


@dataclass(frozen=True)
class ErasureTarget:
    """The person to erase. Identities keep `company_domains`; the files in `excluded_files` contain no contacts."""

    identities: tuple[Identity, ...]
    company_domains: frozenset[str] = frozenset()
    excluded_files: tuple[Any, ...] = ()

    @property
    def keys(self) -> frozenset[tuple[str, bytes]]:
        return frozenset(identity.key for identity in self.identities)

    def objected_at(self) -> datetime | None:
        """Return the instant since which all identities are refused; None if the person has not objected to all.

        Recording that began before it may have missed the objection, until its writer has ended.
        """
        by_kind: dict[str, list[bytes]] = {}
        for kind, digest in self.keys:
            by_kind.setdefault(kind, []).append(digest)
        same = Q()
        for kind, digests in by_kind.items():
            same |= Q(kind=kind, digest__in=digests)
        # Each identity keeps its first objection: a repeated erasure waits for no file of the time between.
        objections = list(SuppressedIdentity.objects.filter(same).values_list("erasure__erased_at", flat=True))
        return max(objections) if objections and len(objections) == len(self.keys) else None

    @property
    def pattern(self) -> PiiPattern:
        return PiiPattern(tuple((identity.kind, identity.value) for identity in self.identities))


@dataclass(frozen=True)
class MatchedRecords:
    """The records of a person: (employee, contact), and the patterns that find them in texts.

    The requested identities match everywhere. The names and other identities of a contact match only in data of the
    employee who recorded it: `at_employees`, by employee. Elsewhere a name may mean another person, and a blanked text
    would reveal to the requester that a contact exists. `accounts`: these employees' accounts, as account to employee.
    """

    contacts: list[tuple[int, int]]
    anywhere: PiiPattern
    at_employees: dict[int, PiiPattern]
    accounts: dict[int, int]

    @classmethod
    def of(cls, target: ErasureTarget) -> MatchedRecords:
        contacts, requested = contacts_of(target), target.pattern.identities
        ids, employees = [contact for _, contact in contacts], sorted({employee for employee, _ in contacts})
        stored = ContactIdentity.objects.filter(contact_id__in=ids, value__isnull=False).order_by("-contact_id", "pk")
        further = _newest(
            (employee, (kind, value or ""))
            for employee, kind, value in stored.values_list("employee_id", "kind", "value")
            if (kind, value) not in requested
        )
        recorded = Contact.objects.filter(pk__in=ids).exclude(name=None).order_by("-pk")
        names = _newest(
            (employee, name or "") for employee, name in recorded.values_list("employee_id", "name") if name
        )
        patterns = {
            employee: PiiPattern((*requested, *further.get(employee, ())), names.get(employee, ()), bare_handles=True)
            for employee in employees
        }
        accounts = Account.objects.filter(employee_id__in=employees).values_list("pk", "employee_id")
        return cls(contacts, target.pattern, patterns, {pk: employee for pk, employee in accounts if employee})

    @cached_property
    def distinctive(self) -> PiiPattern:
        """Return the pattern for texts without an owner, which are only listed: identities and distinctive names."""
        patterns = self.at_employees.values()
        further = _in_turn(pattern.identities[len(self.anywhere.identities) :] for pattern in patterns)
        names = _in_turn(_distinctive(pattern).names for pattern in patterns)
        return PiiPattern((*self.anywhere.identities, *further), names, bare_handles=True)

    def distinctive_at(self, employee: int) -> PiiPattern:
        """Return the pattern with this employee's distinctive names."""
        return _distinctive(self.at_employees[employee])

    def pattern_for(self, *, owner: int | None = None, employee: int | None = None) -> PiiPattern:
        """Return the pattern for data of this account or employee."""
        # No id is 0, so data without an owner is searched with the strict pattern.
        own = self.at_employees.get(employee or 0) or self.at_employees.get(self.accounts.get(owner or 0, 0))
        return own or self.anywhere


def _newest(rows: Iterable[tuple[int, Variant]]) -> dict[int, tuple[Variant, ...]]:
    """Return the first MAX_VARIANTS distinct values of each employee."""
    variants: defaultdict[int, dict[Variant, None]] = defaultdict(dict)
    for employee, value in rows:
        if len(variants[employee]) < MAX_VARIANTS:
            variants[employee][value] = None
    return {employee: tuple(values) for employee, values in variants.items()}


def _in_turn(variants: Iterable[tuple[Variant, ...]]) -> tuple[Variant, ...]:
    """Return the first MAX_LISTED_VARIANTS distinct values, one of each employee in turn."""
    in_turn: Iterator[Variant | None] = chain.from_iterable(zip_longest(*variants))
    distinct = dict.fromkeys(value for value in in_turn if value is not None)
    return tuple(islice(distinct, MAX_LISTED_VARIANTS))


def _distinctive(pattern: PiiPattern) -> PiiPattern:
    """Return the pattern without the names that match too many other people.

    A name is distinctive with two or more words, or with three or more characters that are not all ASCII.
    """
    return replace(pattern, names=tuple(name for name in pattern.names if _is_distinctive(name)))


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

    The requested identities match for every employee; names match only for the employee who recorded them.
    """
    contacts = [contact for _employee, contact in records.contacts]
    mentions: set[tuple[int, int]] = set(
        fetch_all(CONTACTS_THAT_MENTION, {"contacts": contacts, "patterns": records.anywhere.patterns})
    )
    for employee in records.at_employees:
        parameters: dict[str, Any] = {
            "employee": employee,
            "contacts": [contact for owner, contact in records.contacts if owner == employee],
            "patterns": records.distinctive_at(employee).patterns,
        }
        mentions.update(fetch_all(OWN_CONTACTS_THAT_MENTION, parameters))
    return sorted(mentions)
