"""Judging and storing a batch of drafts whose employees are locked: two reads, pure judgement, two writes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext as _

from apps.contacts import rules
from apps.contacts.rules import Draft, Known, Outcome, Shelf
from apps.ledger.rules import Identity, InvalidIdentity, clean_text
from apps.ledger.services import identity

# What shares an identity with a draft and lives; for a feed also what ended, and what shares one with any of these.
LIVE = """
SELECT held.employee_id, held.kind, held.digest, contact.id, contact.recorded_at, contact.confirmed_at, contact.ended_at
FROM unnest(%s::bigint[], %s::text[], %s::bytea[]) AS wanted(employee_id, kind, digest)
JOIN contacts_contactidentity held USING (employee_id, kind, digest)
JOIN contacts_contact contact ON contact.id = held.contact_id
WHERE held.live
"""
EVER = """
SELECT DISTINCT held.employee_id, held.kind, held.digest,
    contact.id, contact.recorded_at, contact.confirmed_at, contact.ended_at
FROM unnest(%s::bigint[], %s::text[], %s::bytea[]) AS wanted(employee_id, kind, digest)
JOIN contacts_contactidentity met USING (employee_id, kind, digest)
JOIN contacts_contactidentity beside ON beside.employee_id = met.employee_id AND beside.contact_id = met.contact_id
JOIN contacts_contactidentity held
  ON held.employee_id = beside.employee_id AND held.kind = beside.kind AND held.digest = beside.digest
JOIN contacts_contact contact ON contact.id = held.contact_id
"""
STORE_CONTACTS = """
INSERT INTO contacts_contact (id, employee_id, name, recorded_at, stored_at, confirmed_at, ended_at, end_reason,
                              source, submission_id)
SELECT id, employee_id, name, recorded_at, %s, confirmed_at, ended_at,
       CASE WHEN ended_at IS NOT NULL THEN 'withdrawn' END, %s, %s
FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[])
  AS draft(id, employee_id, name, recorded_at, confirmed_at, ended_at)
"""
STORE_IDENTITIES = """
INSERT INTO contacts_contactidentity (employee_id, contact_id, kind, value, domain, digest, live)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::boolean[])
"""
UPDATE_FROM_FEED = """
UPDATE contacts_contact SET confirmed_at = news.confirmed_at, ended_at = news.ended_at,
    end_reason = CASE WHEN news.ended_at IS NULL THEN NULL ELSE coalesce(end_reason, 'withdrawn') END
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS news(id, confirmed_at, ended_at)
WHERE contacts_contact.id = news.id
"""


@dataclass
class Batch:
    """The outcomes of a batch in the order of its drafts, and whose verdicts it may have changed."""

    outcomes: list[Outcome] = field(default_factory=list)
    touched_employees: set[int] = field(default_factory=set)
    touched_identities: set[tuple[str, bytes]] = field(default_factory=set)


@dataclass(frozen=True)
class _Checked:
    """A draft after the choke point."""

    employee_id: int
    draft: Draft
    identities: tuple[Identity, ...]
    recorded_at: datetime


def record(
    *,
    drafts: Sequence[tuple[int, Draft]],
    received_at: datetime,
    now: datetime,
    source: str,
    submission_id: uuid.UUID,
    trust_times: bool,
) -> Batch:
    """Judge drafts in order and store the good ones, as (employee id, draft). The caller holds facts and employees."""
    checked = [_check(owner, draft, received_at, now, trust_times) for owner, draft in drafts]
    good = [one for one in checked if isinstance(one, _Checked)]
    shelf = _load_shelf(good, ended_too=trust_times)
    batch, new, news = Batch(), [], {}
    ids = iter(_new_ids(len(good)))
    for one in checked:
        if isinstance(one, Outcome):
            batch.outcomes.append(one)
            continue
        outcome, contact = _judge(one, shelf, trust_times, ids)
        batch.outcomes.append(outcome)
        if contact is None:
            continue
        shelf.update(contact)
        if outcome.code == rules.CREATED:
            for known in one.identities:
                shelf.add(one.employee_id, known.key, contact)
        batch.touched_employees.add(one.employee_id)
        batch.touched_identities.update(known.key for known in one.identities)
        if outcome.code == rules.CREATED:
            new.append((contact, one))
        else:
            news[contact.contact_id] = contact
    _store(new, news, now, source, submission_id)
    return batch


def _check(
    employee_id: int, draft: Draft, received_at: datetime, now: datetime, trust_times: bool
) -> _Checked | Outcome:
    """Through the choke point: every identity of a draft must be usable, or the draft is none."""
    identities: dict[Identity, None] = {}
    for kind, raw in draft.identities:
        if not raw.strip():
            continue
        try:
            identities[identity(kind, raw)] = None
        except InvalidIdentity as error:
            return Outcome(rules.INVALID, draft.line, kind, sentence(error))
    if not identities:
        return Outcome(rules.INVALID, draft.line, "phone", _("A phone, an e-mail or a handle is needed."))
    at = draft.recorded_at if trust_times and draft.recorded_at else received_at
    times = {"recorded_at": at}
    if trust_times:
        times |= {"confirmed_at": draft.confirmed_at or at, "ended_at": draft.ended_at or at}
    if early := [column for column, time in times.items() if time > now]:
        return Outcome(rules.BAD_TIME, draft.line, early[0], _("This time has not come yet."))
    if trust_times and draft.ended_at and draft.ended_at < at:
        return Outcome(rules.BAD_TIME, draft.line, "ended_at", _("It ends before it was recorded."))
    return _Checked(employee_id, draft, tuple(identities), at)


def sentence(error: InvalidIdentity) -> str:
    """What to tell the one who typed it."""
    return {
        "phone": _("This is not a valid phone number."),
        "email": _("This is not a valid e-mail address."),
        "handle": _("This is not a valid handle."),
    }.get(error.kind, _("This cannot be used to reach somebody."))


def _judge(one: _Checked, shelf: Shelf, trust_times: bool, ids: Iterator[int]) -> tuple[Outcome, Known | None]:
    known, line = shelf.sharing(one.employee_id, one.identities), one.draft.line
    if trust_times:
        row = Draft(
            one.draft.name, one.draft.identities, line, one.employee_id, one.recorded_at,
            one.draft.confirmed_at, one.draft.ended_at,
        )  # fmt: skip
        code, match = rules.match_feed_row(known, row, shelf.beside)
    else:
        code, match = (rules.DUPLICATE, known[0]) if known else (rules.CREATED, None)
        row = Draft(one.draft.name, one.draft.identities, line, one.employee_id, one.recorded_at)
    if code == rules.CREATED:
        contact = Known(next(ids), one.recorded_at, row.confirmed_at, row.ended_at)
        return Outcome(code, line, contact_id=contact.contact_id), contact
    if match is None:
        raise AssertionError("every other outcome names the contact it met")
    message = {
        rules.DUPLICATE: _("You have recorded this person already."),
        rules.OVERLAP: _("Its period overlaps a contact that is there already."),
    }.get(code, "")
    outcome = Outcome(code, line, message=message, existing_contact_id=match.contact_id)
    if code != rules.UPDATED:
        return outcome, None
    ended_at, confirmed_at = row.ended_at or match.ended_at, row.confirmed_at or match.confirmed_at
    return outcome, Known(match.contact_id, match.recorded_at, confirmed_at, ended_at)


def _load_shelf(checked: Sequence[_Checked], *, ended_too: bool) -> Shelf:
    shelf = Shelf()
    wanted = sorted({(one.employee_id, *known.key) for one in checked for known in one.identities})
    with connection.cursor() as cursor:
        cursor.execute(
            EVER if ended_too else LIVE, [[w[0] for w in wanted], [w[1] for w in wanted], [w[2] for w in wanted]]
        )
        for employee_id, kind, digest, *contact in cursor.fetchall():
            shelf.add(employee_id, (kind, bytes(digest)), Known(*contact))
    return shelf


def _new_ids(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('contacts_contact', 'id')) FROM generate_series(1, %s)", [count]
        )
        return [number for (number,) in cursor.fetchall()]


def _store(
    new: list[tuple[Known, _Checked]], news: dict[int, Known], now: datetime, source: str, submission_id: uuid.UUID
) -> None:
    # A contact that is new and updated in one batch is stored with its last state.
    contacts = [(news.pop(contact.contact_id, contact), one) for contact, one in new]
    rows = [
        (contact.contact_id, one.employee_id, clean_text(one.draft.name), contact.recorded_at, contact.confirmed_at,
         contact.ended_at)
        for contact, one in contacts
    ]  # fmt: skip
    identities = [
        (one.employee_id, contact.contact_id, known.kind, known.value, known.domain or None, known.digest,
         contact.ended_at is None)
        for contact, one in contacts
        for known in one.identities
    ]  # fmt: skip
    with connection.cursor() as cursor:
        if rows:
            cursor.execute(STORE_CONTACTS, [now, source, submission_id, *_columns(rows)])
            cursor.execute(STORE_IDENTITIES, _columns(identities))
        if news:
            changed = [(contact.contact_id, contact.confirmed_at, contact.ended_at) for contact in news.values()]
            cursor.execute(UPDATE_FROM_FEED, _columns(changed))


def _columns(rows: Sequence[tuple]) -> list[list]:
    """Rows as the lists that unnest takes, one a column."""
    return [list(column) for column in zip(*rows, strict=True)]
