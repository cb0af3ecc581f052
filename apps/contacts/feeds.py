"""Record a batch of a trusted feed's rows: combine them with the feed's earlier rows and write the changes (ADR 71).

Rows that share an identity with each other or with stored contacts form one group. The group's contacts are computed
again from all its sightings, and the differences from the stored contacts are written.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from apps.contacts.bulk_insert import insert_contacts, reserve_ids
from apps.contacts.drafts import ContactTimes, Key, NormalisedDraft, Outcome, OutcomeCode
from apps.contacts.feed_groups import Group, StoredContact, group_rows
from apps.contacts.feed_writer import PendingWrites
from apps.contacts.identity_lookup import known_identities
from apps.contacts.messages import outcome_messages
from apps.contacts.normalisation import normalise_times
from apps.contacts.recording import BatchResult
from apps.contacts.timelines import DerivedContact, KnownSightings, Sighting, SightingIndex
from apps.core.closed_periods import Period
from apps.core.identity import Identity


def record_feed(
    *,
    drafts: Sequence[tuple[int, NormalisedDraft]],
    received_at: datetime,
    now: datetime,
    closed: Sequence[Period],
    source: str,
    submission_id: uuid.UUID,
) -> tuple[BatchResult, PendingWrites]:
    """Record rows that bring their own times, given as (employee id, normalised draft).

    Returns the result of the batch and the changes to stored contacts. The caller holds the facts lock and the locks on
    the employees' rows.
    """
    timed = [(employee_id, normalise_times(draft, received_at, now)) for employee_id, draft in drafts]
    known = known_identities([draft for draft in timed if draft[1].refused is None])
    refused = dict.fromkeys(known.colleagues, OutcomeCode.NOT_EXTERNAL) | dict.fromkeys(
        known.objected, OutcomeCode.OBJECTED
    )
    batch = _FeedBatch([draft for _employee_id, draft in timed], closed, refused)
    for group in group_rows(timed):
        batch.evaluate(group)
    new = batch.assign_ids()
    # Ends, new contacts, then the rest: an identity must be free before a new live contact may hold it, and sightings
    # refer to the new contacts.
    batch.writes.write_ends()
    insert_contacts(new, now, source, submission_id)
    batch.writes.write()
    outcomes = [outcome for outcome in batch.outcomes if outcome]
    return BatchResult(outcomes, batch.employees, batch.keys), batch.writes


def _sighting(draft: NormalisedDraft) -> Sighting:
    if draft.recorded_at is None:
        raise ValueError("a row of a feed needs its instant")
    keys = frozenset(identity.key for identity in draft.identities)
    return Sighting(keys, draft.recorded_at, draft.confirmed_at, draft.ended_at)


def _contact_of(sighting: Sighting) -> DerivedContact:
    """Return the contact that one sighting describes completely."""
    return DerivedContact(sighting.keys, sighting.at, sighting.confirmed_at, sighting.ended_at, (sighting,))


class _FeedBatch:
    """The outcomes of a batch by the index of its rows, and the pending writes."""

    def __init__(
        self, drafts: Sequence[NormalisedDraft], closed: Sequence[Period], refused_codes: Mapping[Key, OutcomeCode]
    ):
        self._drafts, self._closed, self._refused_codes = drafts, closed, refused_codes
        self._messages = outcome_messages()
        # New contacts, with the index of the row that is reported as created, if one of this batch is.
        self._created: list[tuple[Group, int | None, DerivedContact, NormalisedDraft]] = []
        self._updated_erased: set[int] = set()
        self.outcomes: list[Outcome | None] = [draft.refused for draft in drafts]
        self.writes = PendingWrites()
        self.employees: set[int] = set()
        self.keys: set[Key] = set()

    def evaluate(self, group: Group) -> None:
        """Evaluate the rows of a group and collect the changes to its contacts."""
        if not group.stored and len(group.rows) == 1:
            # Nearly every row of a first feed: there is nothing to derive.
            [index] = group.rows
            if not self._refuse_person(index):
                self._create(group, index, _contact_of(_sighting(self._drafts[index])), self._drafts[index])
            return
        new = self._new_sightings(group)
        derived = group.derive(row for _index, row in new) if new else []
        if self._closed and self._changes_closed_campaign(group, derived):
            new = self._refuse_closed_campaign(group, new)
            derived = group.derive(row for _index, row in new) if new else []
        if new:
            self._apply(group, derived, new)

    def _new_sightings(self, group: Group) -> list[tuple[int, Sighting]]:
        """Return the sightings that add something, with the row's index. The others repeat facts, or are ignored."""
        known = KnownSightings(group.known_sightings)
        new: list[tuple[int, Sighting]] = []
        for index in group.rows:
            row = _sighting(self._drafts[index])
            sightings = group.sightings_of(row)
            added = [sighting for sighting in sightings if group.withdraws(sighting) or not known.cover(sighting)]
            if not added:
                if not self._update_erased(group, index, row):
                    existing = next(
                        (stored.contact_id for stored in group.stored_with(row.keys) if not stored.is_merged), None
                    )
                    self._set_outcome(index, OutcomeCode.DUPLICATE, existing)
            # Only for rows that add something: for a person who is stored already, it would reveal an objection.
            elif not self._refuse_person(index):
                for sighting in added:
                    new.append((index, sighting))
                    known.add(sighting)
        return new

    def _update_erased(self, group: Group, index: int, row: Sighting) -> bool:
        """Confirm or end an erased contact: nothing else of it changes, and no identity is stored again."""
        contact = next(
            (
                stored
                for stored in group.stored_with(row.keys)
                if stored.erased and not stored.is_merged and stored.ignores(row)
            ),
            None,
        )
        if contact is None or contact.contact_id in self._updated_erased:
            return False
        confirmed_at, end = contact.confirmed_at or row.confirmed_at, contact.ended_at or row.ended_at
        if (confirmed_at, end) == (contact.confirmed_at, contact.ended_at):
            return False
        derived = DerivedContact(contact.keys, contact.recorded_at, confirmed_at, end, ())
        if any(contact.changes_count_in(derived, *period) for period in self._closed):
            return False
        self._updated_erased.add(contact.contact_id)
        self.writes.update(contact, derived, [], "")
        self._reevaluate(group, contact.keys)
        self._set_outcome(index, OutcomeCode.UPDATED, contact.contact_id)
        return True

    def _refuse_person(self, index: int) -> bool:
        """Refuse a row of a person who must not be recorded. Returns whether it was refused."""
        for identity in self._drafts[index].identities if self._refused_codes else ():
            if code := self._refused_codes.get(identity.key):
                self.outcomes[index] = Outcome(code, self._drafts[index].line, identity.kind, self._messages[code])
                return True
        return False

    def _changes_closed_campaign(self, group: Group, derived: Sequence[DerivedContact]) -> bool:
        """Return whether these contacts in place of the stored ones would change the count of a closed campaign."""
        pairs = list(group.pair_stored(derived)) if derived else []
        return any(stored.changes_count_in(match, *period) for stored, match in pairs for period in self._closed)

    def _refuse_closed_campaign(self, group: Group, new: Iterable[tuple[int, Sighting]]) -> list[tuple[int, Sighting]]:
        """Return the rows that change no closed campaign; refuse the others.

        The rows are tried in a fixed order, so the result does not depend on the order of the file.
        """
        code, allowed = OutcomeCode.CAMPAIGN_OVER, list[tuple[int, Sighting]]()
        for index, row in sorted(new, key=lambda item: (item[1].at, sorted(item[1].keys), item[0])):
            tried = [*(sighting for _index, sighting in allowed), row]
            if self._changes_closed_campaign(group, group.derive(tried)):
                self.outcomes[index] = Outcome(code, self._drafts[index].line, "recorded_at", self._messages[code])
            else:
                allowed.append((index, row))
        return allowed

    def _apply(self, group: Group, derived: Sequence[DerivedContact], new: Sequence[tuple[int, Sighting]]) -> None:
        """Change the stored contacts of a group into the derived ones, and set each row's outcome."""
        identities = {
            identity.key: identity for stored in group.stored if stored.open_to_feed for identity in stored.identities
        }
        # The latest spelling of an address wins: keys are compared, values are shown.
        identities |= {identity.key: identity for index, _row in new for identity in self._drafts[index].identities}
        stored_of: dict[int, StoredContact] = {}
        for stored, match in group.pair_stored(derived):
            if match is None:
                self.writes.merge(stored)
                self._reevaluate(group, stored.keys)
            else:
                stored_of[id(match)] = stored
        rows_of: dict[int, dict[int, Sighting]] = {id(contact): {} for contact in derived}
        index_of_sightings = SightingIndex(derived)
        for index, row in new:
            rows_of[id(index_of_sightings.contact_with(row))][index] = row
        for contact in derived:
            rows = rows_of[id(contact)]
            if existing := stored_of.get(id(contact)):
                self._change(group, existing, contact, rows, identities)
            else:
                self._insert(group, contact, rows, identities)

    def _insert(
        self, group: Group, contact: DerivedContact, rows: Mapping[int, Sighting], identities: Mapping[Key, Identity]
    ) -> None:
        # Without a row of this batch, the new contact replaces stored ones that it differs from.
        first = min(rows, key=lambda index: (rows[index].at, index), default=None)
        replaced = [stored for stored in group.stored_with(contact.keys) if stored.as_derived.overlaps(contact)]
        names = [self._drafts[index].name for index in rows] + [stored.name or "" for stored in replaced]
        draft = NormalisedDraft(next(filter(None, names), ""), tuple(identities[key] for key in sorted(contact.keys)))
        self._create(group, first, contact, draft)
        if first is not None:
            for index in rows.keys() - {first}:
                self._set_change_outcome(index, rows[index], _contact_of(rows[first]), contact, None)

    def _change(
        self, group: Group, stored: StoredContact, derived: DerivedContact, rows: Mapping[int, Sighting],
        identities: Mapping[Key, Identity],
    ) -> None:  # fmt: skip
        added = [identities[key] for key in sorted(derived.keys - stored.keys)]
        name = next(filter(None, (self._drafts[index].name for index in rows)), "")
        withdrawn = stored.ended_by_employee and any(row.ended_at for row in rows.values())
        self.writes.update(stored, derived, added, name, withdrawn=withdrawn)
        self.writes.claim(group.employee_id, stored.contact_id, claims := stored.changed_claims(derived))
        if not derived.is_plain:
            self._store_sightings(group, stored.contact_id, derived)
        # All but the sightings: a repeated row that says nothing new must not queue the employee again.
        if stored.as_derived[:4] != derived[:4] or claims:
            self._reevaluate(group, derived.keys)
            if any(row.at != self._drafts[index].recorded_at for index, row in rows.items()):
                self.writes.forwarded.append(stored.contact_id)
        for index, row in rows.items():
            self._set_change_outcome(index, row, stored.as_derived, derived, stored.contact_id)

    def _set_change_outcome(
        self, index: int, row: Sighting, before: DerivedContact, after: DerivedContact, contact_id: int | None
    ) -> None:
        """Set a row's outcome: updated when the row is one of those that changed the contact, else duplicate."""
        changes = not row.keys <= before.keys or any(
            row_time is not None and row_time == new_time != old_time
            for row_time, new_time, old_time in zip(row[1:], after[1:4], before[1:4], strict=True)
        )
        self._set_outcome(index, OutcomeCode.UPDATED if changes else OutcomeCode.DUPLICATE, contact_id)

    def _set_outcome(self, index: int, code: str, contact_id: int | None) -> None:
        self.outcomes[index] = Outcome(
            code, self._drafts[index].line, message=self._messages.get(code, ""), existing_contact_id=contact_id
        )

    def _create(self, group: Group, index: int | None, contact: DerivedContact, draft: NormalisedDraft) -> None:
        self._created.append((group, index, contact, draft))
        self._reevaluate(group, contact.keys)

    def assign_ids(self) -> list[tuple[int, NormalisedDraft, ContactTimes]]:
        """Return the new contacts with their ids, as (employee id, draft, contact)."""
        ids, new = reserve_ids(len(self._created)), []
        # In the order of the rows: ids break ties between contacts with one start, also on pages.
        for group, index, derived, draft in sorted(
            self._created, key=lambda created: -1 if created[1] is None else created[1]
        ):
            contact = ContactTimes(next(ids), derived.start, derived.confirmed_at, derived.end)
            new.append((group.employee_id, draft, contact))
            # `claimed_from` stays empty for an identity that is claimed from the contact's start.
            self.writes.claim(group.employee_id, contact.contact_id, group.kept_claims(derived))
            if not derived.is_plain:
                later = {key: at for key, at in derived.claims.items() if at > derived.start}
                self.writes.claim(group.employee_id, contact.contact_id, later)
                self._store_sightings(group, contact.contact_id, derived)
            if index is not None:
                line = self._drafts[index].line
                self.outcomes[index] = Outcome(OutcomeCode.CREATED, line, contact_id=contact.contact_id)
        return new

    def _store_sightings(self, group: Group, contact_id: int, derived: DerivedContact) -> None:
        self.writes.store_sightings(group.employee_id, contact_id, derived, group.stored_with(derived.keys))

    def _reevaluate(self, group: Group, keys: Iterable[Key]) -> None:
        self.employees.add(group.employee_id)
        self.keys.update(keys)
