"""Record a batch of a trusted feed's rows: combine them with the feed's earlier rows and write the changes (ADR 71).

Rows that share an identity with each other or with stored contacts form one group. The group's contacts are computed
again from all its sightings, and the differences from the stored contacts are written.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from apps.contacts import drafts as contacts_drafts
from apps.contacts.bulk_insert import reserve_ids, store
from apps.contacts.drafts import ExistingContact, NormalisedDraft, Outcome
from apps.contacts.feed_writer import Stored, Writes, load_groups
from apps.contacts.recording import Batch, sentences, unwanted
from apps.contacts.timelines import Key, Places, Sighting, Stay, stays_of
from apps.core.identity import Identity

Closed = Sequence[tuple[datetime, datetime]]


@dataclass(eq=False)
class Group:
    """Rows of a batch (by index) and stored contacts of one employee that shared identities connect."""

    owner: int
    rows: list[int] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    keys: list[Key] = field(default_factory=list)

    @property
    def base(self) -> list[Sighting]:
        """Return the sightings known before this batch."""
        return [row for contact in self.stored if contact.takes_part for row in contact.sightings]

    def stays(self, rows: Iterable[Sighting]) -> list[Stay]:
        """Return the group's contacts when these rows are included."""
        return stays_of([*self.base, *rows])

    def becoming(self, stays: Sequence[Stay]) -> Iterable[tuple[Stored, Stay | None]]:
        """Yield each stored contact with the stay it becomes; None: another contact replaces it."""
        taken: set[int] = set()
        places = Places(stays)
        for contact in self.stored:
            if contact.takes_part:
                stay = places.of(min(contact.sightings, key=lambda row: row.at))
                # A contact never loses an identity: when the stay has fewer, a new contact is stored.
                fits = contact.keys <= stay.keys and id(stay) not in taken
                taken.add(id(stay))
                yield contact, stay if fits else None
            elif not contact.erased and any(one.keys & contact.keys and one.overlaps(contact.stay) for one in stays):
                yield contact, None


def record_feed(
    *,
    drafts: Sequence[tuple[int, NormalisedDraft]],
    received_at: datetime,
    now: datetime,
    closed: Closed,
    source: str,
    submission_id: uuid.UUID,
) -> tuple[Batch, Writes]:
    """Record rows that bring their own times, given as (employee id, checked draft).

    Returns the batch and the changes to stored contacts. `closed`: the periods of campaigns that are closing or frozen.
    The caller holds the facts lock and the locks on the employees' rows.
    """
    timed = [(owner, one if one.refused else _with_times(one, received_at, now)) for owner, one in drafts]
    judged = _Judged([one for _owner, one in timed], closed, unwanted(timed))
    for group in _groups(timed):
        judged.judge(group)
    new = judged.numbered()
    judged.writes.close()
    store(new, now, source, submission_id)
    judged.writes.write()
    return Batch([one for one in judged.outcomes if one], judged.employees, judged.keys), judged.writes


def _with_times(one: NormalisedDraft, received_at: datetime, now: datetime) -> NormalisedDraft:
    """Return the draft with the instant it counts from, or refused because its times are impossible."""
    at = one.recorded_at or received_at
    times = {"recorded_at": at, "confirmed_at": one.confirmed_at or at, "ended_at": one.ended_at or at}
    if early := [column for column, time in times.items() if time > now]:
        return one._replace(
            refused=Outcome(contacts_drafts.BAD_TIME, one.line, early[0], _("This time has not come yet."))
        )
    if one.ended_at and one.ended_at < at:
        reason = _("It ends before it was recorded.")
        return one._replace(refused=Outcome(contacts_drafts.BAD_TIME, one.line, "ended_at", reason))
    return one._replace(recorded_at=at)


def _groups(drafts: Sequence[tuple[int, NormalisedDraft]]) -> Iterable[Group]:
    """Group the valid rows, each group with the stored contacts it is connected to."""
    of: dict[tuple[int, Key], Group] = {}

    def joined(owner: int, keys: Collection[Key]) -> Group:
        met = {id(group): group for key in keys if (group := of.get((owner, key)))}
        group = max(met.values(), key=lambda one: len(one.keys)) if met else Group(owner)
        for other in met.values():
            if other is not group:
                group.rows += other.rows
                group.stored += other.stored
                group.keys += other.keys
                of.update(dict.fromkeys(((owner, key) for key in other.keys), group))
        for key in keys:
            if (owner, key) not in of:
                of[owner, key] = group
                group.keys.append(key)
        return group

    usable = [(place, owner, one) for place, (owner, one) in enumerate(drafts) if one.refused is None]
    for owner, contact in load_groups((owner, known) for _place, owner, one in usable for known in one.identities):
        joined(owner, contact.keys).stored.append(contact)
    for place, owner, one in usable:
        joined(owner, [known.key for known in one.identities]).rows.append(place)
    groups = list({id(group): group for group in of.values()}.values())
    for group in groups:
        group.stored.sort(key=lambda contact: (contact.recorded_at, contact.contact_id))
    return groups


def _sighting(one: NormalisedDraft) -> Sighting:
    if one.recorded_at is None:
        raise ValueError("a row of a feed is judged at its instant")
    return Sighting(frozenset(known.key for known in one.identities), one.recorded_at, one.confirmed_at, one.ended_at)


def _alone(row: Sighting) -> Stay:
    return Stay(row.keys, row.at, row.confirmed_at, row.ended_at, (row,))


class _Judged:
    """The outcomes of a batch, and the pending writes."""

    def __init__(self, drafts: Sequence[NormalisedDraft], closed: Closed, unwanted: Mapping[Key, str]):
        self._drafts, self._closed, self._unwanted, self._sentences = drafts, closed, unwanted, sentences()
        self._created: list[tuple[int, int | None, Stay, NormalisedDraft]] = []
        self._stored_of: dict[int, Sequence[Stored]] = {}
        self.outcomes: list[Outcome | None] = [one.refused for one in drafts]
        self.writes = Writes()
        self._erased: set[int] = set()
        self.employees: set[int] = set()
        self.keys: set[Key] = set()

    def judge(self, group: Group) -> None:
        """Evaluate the rows of a group and collect the changes to its contacts."""
        if not group.stored and len(group.rows) == 1:
            [place] = group.rows
            if not self._refused(place):
                self._create(group, place, _alone(_sighting(self._drafts[place])), self._drafts[place])
            return
        rows = self._news(group)
        stays = group.stays(rows.values()) if rows else []
        if self._closed and self._touches_closed(group, stays):
            rows = self._allowed(group, rows)
            stays = group.stays(rows.values()) if rows else []
        if rows:
            self._apply(group, stays, rows)

    def _news(self, group: Group) -> dict[int, Sighting]:
        """Return the rows of a group that add something. The others repeat known facts or concern settled contacts."""
        known: dict[datetime, list[Sighting]] = {}
        for row in group.base:
            known.setdefault(row.at, []).append(row)
        news: dict[int, Sighting] = {}
        for place in group.rows:
            row = _sighting(self._drafts[place])
            if any(one.covers(row) for one in known.get(row.at, ())) or any(one.settles(row) for one in group.stored):
                if self._ends_erased(group, place, row):
                    continue
                existing = next((one.contact_id for one in group.stored if one.keys & row.keys), None)
                self._tell(place, contacts_drafts.DUPLICATE, existing)
            elif not self._refused(place):
                news[place] = row
                known.setdefault(row.at, []).append(row)
        return news

    def _ends_erased(self, group: Group, place: int, row: Sighting) -> bool:
        """Confirm or end an erased contact: nothing else of it changes, and no identity is stored again."""
        contact = next((one for one in group.stored if one.erased and one.settles(row)), None)
        if contact is None or contact.contact_id in self._erased:
            return False
        confirmed_at, end = contact.confirmed_at or row.confirmed_at, contact.ended_at or row.ended_at
        if (confirmed_at, end) == (contact.confirmed_at, contact.ended_at):
            return False
        stay = Stay(contact.keys, contact.recorded_at, confirmed_at, end, ())
        if any(contact.touches(stay, *period) for period in self._closed):
            return False
        self._erased.add(contact.contact_id)
        self.writes.bring(contact, stay, [], "")
        self._note(group.owner, contact.keys)
        self._tell(place, contacts_drafts.UPDATED, contact.contact_id)
        return True

    def _refused(self, place: int) -> bool:
        """Refuse a row of a person who must not be recorded.

        Only rows that add something reach this check, so a person who is stored already reveals nothing new.
        """
        if self._unwanted:
            for known in self._drafts[place].identities:
                if code := self._unwanted.get(known.key):
                    message = self._sentences[code]
                    self.outcomes[place] = Outcome(code, self._drafts[place].line, known.kind, message)
                    return True
        return False

    def _touches_closed(self, group: Group, stays: Sequence[Stay]) -> bool:
        """Return whether a stored contact that became one of these stays would change a closed campaign's count."""
        becoming = list(group.becoming(stays)) if stays else []
        return any(one.touches(stay, *period) for one, stay in becoming for period in self._closed)

    def _allowed(self, group: Group, rows: Mapping[int, Sighting]) -> dict[int, Sighting]:
        """Return the rows that change no closed campaign; refuse the others.

        The rows are tried in a fixed order, so the result does not depend on the order of the file.
        """
        allowed: dict[int, Sighting] = {}
        for place, row in sorted(rows.items(), key=lambda item: (item[1].at, sorted(item[1].keys), item[0])):
            if self._touches_closed(group, group.stays([*allowed.values(), row])):
                reason = self._sentences[contacts_drafts.CAMPAIGN_OVER]
                self.outcomes[place] = Outcome(
                    contacts_drafts.CAMPAIGN_OVER, self._drafts[place].line, "recorded_at", reason
                )
            else:
                allowed[place] = row
        return allowed

    def _apply(self, group: Group, stays: Sequence[Stay], rows: Mapping[int, Sighting]) -> None:
        """Update the stored contacts of a group to these stays, and set each row's outcome."""
        identities = {one.key: one for contact in group.stored if contact.takes_part for one in contact.identities}
        identities |= {one.key: one for place in rows for one in self._drafts[place].identities}
        contacts: dict[int, Stored] = {}
        for contact, stay in group.becoming(stays):
            if stay is None:
                self.writes.absorb(contact)
                self._note(group.owner, contact.keys)
            else:
                contacts[id(stay)] = contact
        of: dict[int, dict[int, Sighting]] = {id(stay): {} for stay in stays}
        places = Places(stays)
        for place, row in rows.items():
            of[id(places.of(row))][place] = row
        for stay in stays:
            own = of[id(stay)]
            if stored := contacts.get(id(stay)):
                self._change(group, stored, stay, own, identities)
            else:
                self._insert(group, stay, own, identities)

    def _insert(self, group: Group, stay: Stay, rows: Mapping[int, Sighting], known: Mapping[Key, Identity]) -> None:
        first = min(rows, key=lambda place: (rows[place].at, place), default=None)
        before = [one for one in group.stored if one.keys & stay.keys and one.stay.overlaps(stay)]
        names = [self._drafts[place].name for place in rows] + [one.name or "" for one in before]
        draft = NormalisedDraft(next(filter(None, names), ""), tuple(known[key] for key in sorted(stay.keys)))
        self._create(group, first, stay, draft)
        if first is not None:
            for place in rows.keys() - {first}:
                self._tell_change(place, rows[place], _alone(rows[first]), stay, None)

    def _change(
        self, group: Group, contact: Stored, stay: Stay, rows: Mapping[int, Sighting], known: Mapping[Key, Identity]
    ) -> None:
        added = [known[key] for key in sorted(stay.keys - contact.keys)]
        name = next(filter(None, (self._drafts[place].name for place in rows)), "")
        self.writes.bring(contact, stay, added, name)
        if not stay.is_plain:
            self.writes.keep_sightings(group.owner, contact.contact_id, stay, group.stored)
        if contact.stay[:4] != stay[:4]:
            self._note(group.owner, stay.keys)
        for place, row in rows.items():
            self._tell_change(place, row, contact.stay, stay, contact.contact_id)

    def _tell_change(self, place: int, row: Sighting, before: Stay, stay: Stay, contact_id: int | None) -> None:
        """Set a row's outcome: updated when the row is one of those that changed the contact, else duplicate."""
        news = not row.keys <= before.keys or any(
            said is not None and said == now != was
            for said, now, was in zip(row[1:], stay[1:4], before[1:4], strict=True)
        )
        self._tell(place, contacts_drafts.UPDATED if news else contacts_drafts.DUPLICATE, contact_id)

    def _tell(self, place: int, code: str, contact_id: int | None) -> None:
        self.outcomes[place] = Outcome(
            code, self._drafts[place].line, message=self._sentences.get(code, ""), existing_contact_id=contact_id
        )

    def _create(self, group: Group, place: int | None, stay: Stay, draft: NormalisedDraft) -> None:
        self._created.append((group.owner, place, stay, draft))
        if group.stored:
            self._stored_of[id(stay)] = group.stored
        self._note(group.owner, stay.keys)

    def numbered(self) -> list[tuple[int, NormalisedDraft, ExistingContact]]:
        """Return the new contacts with their ids, as (employee id, draft, contact)."""
        ids, new = reserve_ids(len(self._created)), []
        for owner, place, stay, draft in sorted(self._created, key=lambda one: -1 if one[1] is None else one[1]):
            contact = ExistingContact(next(ids), stay.start, stay.confirmed_at, stay.end)
            new.append((owner, draft, contact))
            if not stay.is_plain:
                self.writes.keep_sightings(owner, contact.contact_id, stay, self._stored_of.get(id(stay), ()))
            if place is not None:
                self.outcomes[place] = Outcome(
                    contacts_drafts.CREATED, self._drafts[place].line, contact_id=contact.contact_id
                )
        return new

    def _note(self, owner: int, keys: Iterable[Key]) -> None:
        self.employees.add(owner)
        self.keys.update(keys)
