"""Stored contacts with the feed's sightings of them, grouped with the rows that share identities with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import connection

from apps.contacts.drafts import Key, NormalisedDraft
from apps.contacts.identity_lookup import look_up
from apps.contacts.models import EndReason
from apps.contacts.timelines import DerivedContact, Sighting, SightingIndex, derive_contacts, earliest
from apps.core.identity import Identity
from apps.core.sql import statement

CONNECTED = statement("contacts", "feed", "connected")
SIGHTINGS = statement("contacts", "feed", "sightings")


@dataclass(eq=False)
class StoredContact:
    """A stored contact, and the ids of its stored sightings. `ended_at` of a corrected one: when it was corrected."""

    contact_id: int
    name: str | None
    recorded_at: datetime
    confirmed_at: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    identities: tuple[Identity, ...]
    claimed_from: dict[Key, datetime | None]
    # When its last correction was recorded, if the employee corrected it.
    corrected_at: datetime | None = None
    sighting_ids: dict[Sighting, int] = field(default_factory=dict)

    @cached_property
    def keys(self) -> frozenset[Key]:
        return frozenset(identity.key for identity in self.identities)

    @property
    def erased(self) -> bool:
        return self.name is None

    @property
    def open_to_feed(self) -> bool:
        """Return whether the feed may change it: not when it was corrected, undone with its file, or erased."""
        return not self.erased and self.end_reason not in (EndReason.CORRECTED, EndReason.UNDONE, EndReason.MERGED)

    @property
    def is_merged(self) -> bool:
        """Return whether it counts at no instant. Only merged contacts that had been corrected are read."""
        return self.end_reason == EndReason.MERGED

    @cached_property
    def own_sightings(self) -> list[Sighting]:
        """Return the contact as sightings: one for each instant at which an identity was named first."""
        named = {key: max(at or self.recorded_at, self.recorded_at) for key, at in self.claimed_from.items()}
        if self.ended_at is not None:
            # A sighting at or after the end would begin another contact.
            named = {key: at if at < self.ended_at else self.recorded_at for key, at in named.items()}
        first = min(named.values(), default=self.recorded_at)
        return [
            Sighting(
                frozenset(key for key, since in named.items() if since <= at),
                self.recorded_at if at == first else at, self.confirmed_at, self.ended_at,
            )
            for at in sorted({first, *named.values()})
        ]  # fmt: skip

    @property
    def as_derived(self) -> DerivedContact:
        return DerivedContact(self.keys, self.recorded_at, self.confirmed_at, self.ended_at, ())

    @property
    def sightings(self) -> list[Sighting]:
        """Return everything known of the contact. An end entered by a person is stored only on the contact itself."""
        stored = list(self.sighting_ids)
        return [*stored, *self.own_sightings] if self.ended_by_person or not stored else stored

    @property
    def ended_by_employee(self) -> bool:
        """Return whether the employee ended it and may restore it, unless the feed also reports an end."""
        return self.end_reason == EndReason.REMOVED

    @property
    def ended_by_person(self) -> bool:
        return self.ended_at is not None and self.end_reason != EndReason.WITHDRAWN

    def changed_claims(self, derived: DerivedContact) -> dict[Key, datetime | None]:
        """Return the identities whose `claimed_from` changes when the contact becomes this derived one."""
        claims = {key: None if at == derived.start else at for key, at in derived.claims.items()}
        # A correction keeps instants from before its own start. No sighting has them, and they stay.
        kept = {
            key for key, stored in self.claimed_from.items()
            if stored and stored < self.recorded_at and stored < derived.claims.get(key, self.recorded_at)
        }  # fmt: skip
        return {key: at for key, at in claims.items() if key not in kept and at != self.claimed_from.get(key)}

    def ignores(self, sighting: Sighting) -> bool:
        """Return whether the sighting falls into the time of this contact, which the feed may no longer change."""
        # After an undo the same rows may come again, and after the time for which a contact is kept, later ones.
        over = self.end_reason in (EndReason.UNDONE, EndReason.EXPIRED)
        if self.open_to_feed or over or not self.keys & sighting.keys:
            return False
        # Of an erased contact nothing may come back: the whole time of the row counts, not only its first instant.
        until = sighting.ended_at if self.erased else sighting.at
        return self.as_derived.overlaps(DerivedContact(sighting.keys, sighting.at, None, until, ()))

    def changes_count_in(self, derived: DerivedContact | None, opens_at: datetime, cutoff_at: datetime) -> bool:
        """Return whether becoming this derived contact (None: merged into another one) changes a campaign's count.

        The campaign's period is given by `opens_at` and `cutoff_at`.
        """
        inside = opens_at <= self.recorded_at < cutoff_at
        if derived is None or derived.keys != self.keys:
            return inside
        if derived.start != self.recorded_at:
            return inside or opens_at <= derived.start < cutoff_at
        # In an exclusive campaign, the instant of a claim decides for whom the person counts.
        if self.changed_claims(derived):
            return inside
        # An end or a confirmation at or after the cut-off changes nothing that the campaign counts.
        times = ((derived.end, self.ended_at), (derived.confirmed_at, self.confirmed_at))
        changed = (earliest(new, old) for new, old in times if new != old)
        return inside and any(at is not None and at < cutoff_at for at in changed)


@dataclass(eq=False)
class Group:
    """Rows of a batch (by index) and stored contacts of one employee that shared identities connect."""

    employee_id: int
    rows: list[int] = field(default_factory=list)
    stored: list[StoredContact] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)

    @property
    def known_sightings(self) -> list[Sighting]:
        """Return the sightings known before this batch."""
        return [sighting for contact in self.stored if contact.open_to_feed for sighting in contact.sightings]

    def stored_with(self, keys: Iterable[Key]) -> list[StoredContact]:
        """Return the stored contacts with one of these identities, in the order of `stored`."""
        found = {number for key in keys for number in self._numbers_with.get(key, ())}
        return [self.stored[number] for number in sorted(found)]

    @cached_property
    def _numbers_with(self) -> dict[Key, list[int]]:
        numbers: dict[Key, list[int]] = {}
        for number, contact in enumerate(self.stored):
            for key in contact.keys:
                numbers.setdefault(key, []).append(number)
        return numbers

    def withdraws(self, sighting: Sighting) -> bool:
        """Return whether the sighting ends a contact that its employee has ended, and so may no longer restore."""
        return sighting.ended_at is not None and any(
            contact.ended_by_employee and not contact.erased and contact.as_derived.overlaps(
                DerivedContact(sighting.keys, sighting.at, None, sighting.at, ())
            )
            for contact in self.stored_with(sighting.keys)
        )  # fmt: skip

    def sightings_of(self, row: Sighting) -> list[Sighting]:
        """Return the sightings that a row adds to contacts which the feed may change: nearly always the row itself."""
        ignored_by = [contact for contact in self.stored_with(row.keys) if contact.ignores(row)]
        if not ignored_by:
            return [row]
        return [] if any(contact.erased for contact in ignored_by) else self._forwarded(row, ignored_by)

    def _forwarded(self, row: Sighting, corrected: Sequence[StoredContact]) -> list[Sighting]:
        """Return a row in the time of corrected contacts as sightings of the contacts that replaced them.

        At the instant of the correction, and with the identities recorded then: no contact gains an identity, an
        earlier start or an earlier claim. As a function of the row alone, whatever rows came before.
        """
        corrected_at = {contact.corrected_at for contact in corrected}
        named = row.keys & frozenset[Key]().union(*(contact.keys for contact in corrected))
        replacements = (
            contact for contact in self.stored if contact.open_to_feed
            and (not contact.ended_by_person or (contact.ended_by_employee and row.ended_at is not None))
        )  # fmt: skip
        corrections = [
            sighting for contact in replacements for sighting in contact.sightings
            if sighting.at in corrected_at and sighting.keys & named
        ]  # fmt: skip
        return [
            # As in a correction, a confirmation stays only where every confirmed identity stays.
            Sighting(sighting.keys, sighting.at, row.confirmed_at if named <= sighting.keys else None, row.ended_at)
            for sighting in corrections
            # An earlier end concerns the old contact: the employee has recorded the person after it.
            if row.ended_at is None or row.ended_at > sighting.at
        ]

    def kept_claims(self, derived: DerivedContact) -> dict[Key, datetime]:
        """Return the claims from before its start that a derived contact takes from the stored one it replaces."""
        return {
            key: at for contact in self.stored if contact.open_to_feed and contact.recorded_at == derived.start
            for key, at in contact.claimed_from.items() if at and at < derived.start and key in derived.keys
        }  # fmt: skip

    def derive(self, new: Iterable[Sighting]) -> list[DerivedContact]:
        """Return the group's contacts when these sightings are included."""
        return derive_contacts([*self.known_sightings, *new])

    def pair_stored(self, derived: Sequence[DerivedContact]) -> Iterable[tuple[StoredContact, DerivedContact | None]]:
        """Yield each stored contact with the derived one it becomes; None: another contact replaces it."""
        # By object: two derived contacts may be equal by value.
        paired: set[int] = set()
        index = SightingIndex(derived)
        for contact in self.stored:
            if contact.open_to_feed:
                match = index.contact_with(min(contact.sightings, key=lambda sighting: sighting.at))
                # A contact never loses an identity: when the derived one has fewer, a new contact is stored.
                fits = contact.keys <= match.keys and id(match) not in paired
                paired.add(id(match))
                yield contact, match if fits else None
            # A corrected or undone contact that a derived one takes over must not count a second time.
            elif not contact.erased and not contact.is_merged and index.overlaps(contact.as_derived):
                yield contact, None


def group_rows(drafts: Sequence[tuple[int, NormalisedDraft]]) -> Iterable[Group]:
    """Group the valid rows, each group with the stored contacts it is connected to."""
    group_of: dict[tuple[int, Key], Group] = {}

    def join(employee_id: int, keys: Collection[Key]) -> Group:
        """Return the group of these keys; groups that they connect become one."""
        matches = {id(group): group for key in keys if (group := group_of.get((employee_id, key)))}
        # The smaller groups move into the largest: a file in which one person connects all rows stays fast.
        group = max(matches.values(), key=lambda match: len(match.keys)) if matches else Group(employee_id)
        for match in matches.values():
            if match is not group:
                group.rows += match.rows
                group.stored += match.stored
                group.keys += match.keys
                group_of.update(dict.fromkeys(((employee_id, key) for key in match.keys), group))
        for key in keys:
            if (employee_id, key) not in group_of:
                group_of[employee_id, key] = group
                group.keys.append(key)
        return group

    valid = [(index, employee_id, draft) for index, (employee_id, draft) in enumerate(drafts) if draft.refused is None]
    for employee_id, contact in _connected_contacts((employee_id, draft) for _index, employee_id, draft in valid):
        join(employee_id, contact.keys).stored.append(contact)
    for index, employee_id, draft in valid:
        join(employee_id, [identity.key for identity in draft.identities]).rows.append(index)
    groups = list({id(group): group for group in group_of.values()}.values())
    for group in groups:
        # A fixed order: which stored contact is paired first must not depend on the order of the rows.
        group.stored.sort(key=lambda contact: (contact.recorded_at, contact.contact_id))
    return groups


def _connected_contacts(drafts: Iterable[tuple[int, NormalisedDraft]]) -> Iterator[tuple[int, StoredContact]]:
    """Yield (employee id, contact) for every stored contact that is connected with an identity of these drafts."""
    contacts = [(row[0], _stored_contact(row)) for row in look_up(CONNECTED, drafts)]
    if not contacts:
        return
    by_id = {contact.contact_id: contact for _employee_id, contact in contacts}
    with connection.cursor() as cursor:
        cursor.execute(SIGHTINGS, {"contacts": list(by_id)})
        for contact_id, sighting_id, sighted_keys, *times in cursor.fetchall():
            by_id[contact_id].sighting_ids[Sighting(frozenset(map(_key, sighted_keys)), *times)] = sighting_id
    yield from contacts


def _stored_contact(row: tuple[Any, ...]) -> StoredContact:
    contact_id, name, recorded_at, confirmed_at, ended_at, reason = row[1:7]
    *columns, claimed_from, corrected_at = row[7:]
    identities = tuple(Identity(kind, value, bytes(digest)) for kind, value, digest in zip(*columns, strict=True))
    claims = {identity.key: at for identity, at in zip(identities, claimed_from, strict=True)}
    return StoredContact(
        contact_id, name, recorded_at, confirmed_at, ended_at, reason, identities, claims, corrected_at
    )


def _key(text: str) -> Key:
    kind, _colon, digest = text.partition(":")
    return kind, bytes.fromhex(digest)
