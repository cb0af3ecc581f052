"""Judging and storing a batch of drafts whose employees are locked: two reads, pure judgement, two writes."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from io import StringIO
from typing import Any, NamedTuple

from django.db import connection
from django.utils.translation import gettext as _

from apps.contacts import rules
from apps.contacts.rules import Draft, Known, Outcome, Shelf
from apps.ledger.rules import RAW_LIMIT, Identity, InvalidIdentity, clean_text
from apps.ledger.services import identity

# Digests travel as one text: binding thousands of byte strings costs more than looking them up. LATERAL and OFFSET 0
# keep the planner from reading a whole table of identities because it takes the list for a long one.
WANTED = """
FROM (SELECT owner AS employee_id, kind, decode(hex, 'hex') AS digest
      FROM unnest(%s::bigint[], string_to_array(%s, ','), string_to_array(%s, ',')) AS sent(owner, kind, hex)) AS wanted
JOIN LATERAL (SELECT * FROM contacts_contactidentity one WHERE one.employee_id = wanted.employee_id
              AND one.kind = wanted.kind AND one.digest = wanted.digest {live} OFFSET 0) AS met ON true
"""
# What shares an identity with a draft and lives; for a feed also what ended, and what shares one with any of these.
LIVE = f"""
SELECT met.employee_id, met.kind, met.digest, contact.id, contact.recorded_at, contact.confirmed_at, contact.ended_at
{WANTED.format(live="AND one.live")}
JOIN contacts_contact contact ON contact.employee_id = met.employee_id AND contact.id = met.contact_id
"""
EVER = f"""
SELECT DISTINCT held.employee_id, held.kind, held.digest,
    contact.id, contact.recorded_at, contact.confirmed_at, contact.ended_at
{WANTED.format(live="")}
JOIN contacts_contactidentity beside ON beside.employee_id = met.employee_id AND beside.contact_id = met.contact_id
JOIN contacts_contactidentity held
  ON held.employee_id = beside.employee_id AND held.kind = beside.kind AND held.digest = beside.digest
JOIN contacts_contact contact ON contact.employee_id = held.employee_id AND contact.id = held.contact_id
"""
NULL = "\\N"
# COPY, because binding a list of values costs more than storing it.
STORE_CONTACTS = """
COPY contacts_contact (id, employee_id, name, recorded_at, stored_at, confirmed_at, ended_at, end_reason, source,
                       submission_id) FROM STDIN
"""
STORE_IDENTITIES = """
COPY contacts_contactidentity (employee_id, contact_id, kind, value, domain, digest, live) FROM STDIN
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


class Checked(NamedTuple):
    """A draft after the choke point: its usable identities, or why it is none. Times are the trusted feed's."""

    name: str
    identities: tuple[Identity, ...]
    line: int | None = None
    recorded_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    refused: Outcome | None = None
    left_out: tuple[str, ...] = ()


def check(draft: Draft, *, lenient: bool = False) -> Checked:
    """Through the choke point. Every identity must be usable, or the draft is refused.

    `lenient`, for address books that carry what nobody chose: the unusable ones are left out (`left_out` names their
    kinds) as long as one is usable.
    """
    identities: dict[Identity, None] = {}
    failed: list[InvalidIdentity] = []
    for kind, raw in draft.identities:
        if not raw.strip():
            continue
        try:
            identities[identity(kind, raw)] = None
        except InvalidIdentity as error:
            # A cell of nothing but invisible characters is an empty one.
            if clean_text(raw, RAW_LIMIT):
                failed.append(error)
    refused = None
    if failed and not (lenient and identities):
        refused = Outcome(rules.INVALID, draft.line, failed[0].kind, sentence(failed[0]))
    elif not identities:
        refused = Outcome(rules.INVALID, draft.line, "phone", _("A phone, an e-mail or a handle is needed."))
    return Checked(
        clean_text(draft.name), tuple(identities), draft.line, draft.recorded_at, draft.confirmed_at, draft.ended_at,
        refused, tuple(error.kind for error in failed),
    )  # fmt: skip


def sentence(error: InvalidIdentity) -> str:
    """What to tell the one who typed it."""
    return {
        "phone": _("This is not a valid phone number."),
        "email": _("This is not a valid e-mail address."),
        "handle": _("This is not a valid handle."),
    }.get(error.kind, _("This cannot be used to reach somebody."))


def record(
    *,
    drafts: Sequence[tuple[int, Checked]],
    received_at: datetime,
    now: datetime,
    source: str,
    submission_id: uuid.UUID,
    trust_times: bool,
) -> Batch:
    """Judge drafts in order, as (employee id, checked draft), and store the good ones.

    The caller holds facts and the employees' rows.
    """
    timed = [(owner, one if one.refused else _with_times(one, received_at, now, trust_times)) for owner, one in drafts]
    good = [(owner, one) for owner, one in timed if one.refused is None]
    shelf = load_shelf(good, ended_too=trust_times)
    batch, new, news = Batch(), [], {}
    ids = iter(_new_ids(len(good)))
    for owner, one in timed:
        if one.refused:
            batch.outcomes.append(one.refused)
            continue
        outcome, contact = judge(owner, one, shelf, ids, trust_times=trust_times)
        batch.outcomes.append(outcome)
        if contact is None:
            continue
        batch.touched_employees.add(owner)
        batch.touched_identities.update(known.key for known in one.identities)
        if outcome.code == rules.CREATED:
            new.append((owner, one, contact))
        else:
            news[contact.contact_id] = contact
    _store(new, news, now, source, submission_id)
    return batch


def _with_times(one: Checked, received_at: datetime, now: datetime, trust_times: bool) -> Checked:
    """The draft with the instant it counts from, or refused because its times cannot be."""
    if not trust_times:
        return one._replace(recorded_at=received_at, confirmed_at=None, ended_at=None)
    at = one.recorded_at or received_at
    times = {"recorded_at": at, "confirmed_at": one.confirmed_at or at, "ended_at": one.ended_at or at}
    if early := [column for column, time in times.items() if time > now]:
        return one._replace(refused=Outcome(rules.BAD_TIME, one.line, early[0], _("This time has not come yet.")))
    if one.ended_at and one.ended_at < at:
        reason = _("It ends before it was recorded.")
        return one._replace(refused=Outcome(rules.BAD_TIME, one.line, "ended_at", reason))
    return one._replace(recorded_at=at)


def judge(
    owner: int, one: Checked, shelf: Shelf, ids: Iterator[int], *, trust_times: bool
) -> tuple[Outcome, Known | None]:
    """How a draft fares against what is on the shelf, and the contact it makes or changes, which joins the shelf."""
    if one.recorded_at is None:
        raise ValueError("a draft is judged at its instant")
    known = shelf.sharing(owner, one.identities)
    code, match = (rules.DUPLICATE, known[0]) if known else (rules.CREATED, None)
    if known and trust_times:
        row = Draft(one.name, (), one.line, owner, one.recorded_at, one.confirmed_at, one.ended_at)
        code, match = rules.match_feed_row(known, row, shelf.beside)
    if match is None:
        contact = Known(next(ids), one.recorded_at, one.confirmed_at, one.ended_at)
        for identified in one.identities:
            shelf.add(owner, identified.key, contact)
        return Outcome(code, one.line, contact_id=contact.contact_id), contact
    if code != rules.UPDATED:
        return _met(code, one, match), None
    contact = match._replace(
        ended_at=one.ended_at or match.ended_at, confirmed_at=one.confirmed_at or match.confirmed_at
    )
    shelf.update(contact)
    return _met(code, one, match), contact


def _met(code: str, one: Checked, match: Known) -> Outcome:
    message = {
        rules.DUPLICATE: _("You have recorded this person already."),
        rules.OVERLAP: _("Its period overlaps a contact that is there already."),
    }.get(code, "")
    return Outcome(code, one.line, message=message, existing_contact_id=match.contact_id)


def load_shelf(drafts: Iterable[tuple[int, Checked]], *, ended_too: bool, shelf: Shelf | None = None) -> Shelf:
    """What shares an identity with one of these drafts, on a new shelf or added to one."""
    shelf = shelf or Shelf()
    wanted = sorted({(owner, *known.key) for owner, one in drafts for known in one.identities})
    if not wanted:
        return shelf
    owners, kinds, digests = zip(*wanted, strict=True)
    with connection.cursor() as cursor:
        sent: list[Any] = [list(owners), ",".join(kinds), ",".join(digest.hex() for digest in digests)]
        cursor.execute(EVER if ended_too else LIVE, sent)
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
    new: list[tuple[int, Checked, Known]], news: dict[int, Known], now: datetime, source: str, submission_id: uuid.UUID
) -> None:
    contacts, identities, stored = StringIO(), StringIO(), now.isoformat()
    for owner, one, first in new:
        # A contact that is new and updated in one batch is stored with its last state.
        contact = news.pop(first.contact_id, first)
        ended = contact.ended_at is not None
        times = f"{contact.recorded_at.isoformat()}\t{stored}\t{_instant(contact.confirmed_at)}"
        end = f"{_instant(contact.ended_at)}\t{'withdrawn' if ended else NULL}"
        contacts.write(f"{contact.contact_id}\t{owner}\t{_text(one.name)}\t{times}\t{end}\t{source}\t{submission_id}\n")
        for known in one.identities:
            value = f"{_text(known.value)}\t{_text(known.domain) or NULL}\t\\\\x{known.digest.hex()}"
            identities.write(f"{owner}\t{contact.contact_id}\t{known.kind}\t{value}\t{'f' if ended else 't'}\n")
    with connection.cursor() as cursor:
        if new:
            for statement, rows in ((STORE_CONTACTS, contacts), (STORE_IDENTITIES, identities)):
                rows.seek(0)
                with connection.wrap_database_errors:
                    cursor.copy_expert(statement, rows)
        if news:
            changed = [(contact.contact_id, contact.confirmed_at, contact.ended_at) for contact in news.values()]
            cursor.execute(UPDATE_FROM_FEED, _columns(changed))


def _columns(rows: Sequence[tuple]) -> list[list]:
    """Rows as the lists that unnest takes, one a column."""
    return [list(column) for column in zip(*rows, strict=True)]


def _instant(at: datetime | None) -> str:
    return at.isoformat() if at else NULL


def _text(text: str) -> str:
    """A cell of COPY's text format; cleaned text has no tab and no line break."""
    return text.replace("\\", "\\\\")
