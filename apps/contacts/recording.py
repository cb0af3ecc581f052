"""Drafts through the choke point, and a batch of them judged while its employees are locked."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from apps.contacts import rules
from apps.contacts.rules import Checked, Draft, Known, Outcome, Shelf
from apps.contacts.storing import fresh_ids, store
from apps.ledger.rules import RAW_LIMIT, Identity, InvalidIdentity, clean_text
from apps.ledger.services import identity

# One person has some; more are a list that lost its line breaks.
MOST_IDENTITIES = 100
Identify = Callable[[str, str], Identity]
# The live contact that holds an identity, by (employee, kind, digest). Of NOBODY: an identity that is objected to.
NOBODY = 0
Held = dict[tuple[int, str, bytes], int]
# Digests travel as one text: binding thousands of byte strings costs more than looking them up. LATERAL with OFFSET 0
# asks the indexes one by one: a planner that takes the list for a long one would read whole tables.
SENT = """
WITH wanted AS MATERIALIZED (
    SELECT owner AS employee_id, kind, decode(hex, 'hex') AS digest
    FROM unnest(%s::bigint[], string_to_array(%s, ','), string_to_array(%s, ',')) AS sent(owner, kind, hex))
"""
WANTED = """
FROM wanted
JOIN LATERAL (SELECT * FROM contacts_contactidentity one WHERE one.employee_id = wanted.employee_id
              AND one.kind = wanted.kind AND one.digest = wanted.digest {live} OFFSET 0) AS met ON true
"""
CONTACT = """
JOIN LATERAL (SELECT * FROM contacts_contact one
              WHERE one.employee_id = {of}.employee_id AND one.id = {of}.contact_id OFFSET 0) AS contact ON true
"""
TIMES = "contact.id, contact.recorded_at, contact.confirmed_at, contact.ended_at"
# What shares an identity with a draft and lives; for a feed also what ended, and what shares one with any of these.
OBJECTED = f"""
SELECT {NOBODY}::bigint, wanted.kind, wanted.digest, {NOBODY}::bigint FROM wanted
JOIN LATERAL (SELECT FROM contacts_objection one
              WHERE one.kind = wanted.kind AND one.digest = wanted.digest OFFSET 0) AS objection ON true
"""
LIVE = f"""{SENT}
SELECT met.employee_id, met.kind, met.digest, met.contact_id {WANTED.format(live="AND one.live")}
UNION ALL {OBJECTED}
"""
EVER = f"""{SENT}
SELECT DISTINCT held.employee_id, held.kind, held.digest, {TIMES} {WANTED.format(live="")}
JOIN LATERAL (SELECT * FROM contacts_contactidentity one
              WHERE one.employee_id = met.employee_id AND one.contact_id = met.contact_id OFFSET 0) AS beside ON true
JOIN LATERAL (SELECT * FROM contacts_contactidentity one WHERE one.employee_id = beside.employee_id
              AND one.kind = beside.kind AND one.digest = beside.digest OFFSET 0) AS held ON true
{CONTACT.format(of="held")}
"""


@dataclass
class Batch:
    """The outcomes of a batch in the order of its drafts, and whose verdicts it may have changed."""

    outcomes: list[Outcome] = field(default_factory=list)
    touched: list[tuple[int, Checked]] = field(default_factory=list)

    @property
    def touched_employees(self) -> set[int]:
        return {owner for owner, _checked in self.touched}

    @property
    def touched_identities(self) -> Iterator[tuple[str, bytes]]:
        return (known.key for _owner, one in self.touched for known in one.identities)


def check(draft: Draft, *, lenient: bool = False, identify: Identify = identity) -> Checked:
    """Through the choke point. Every identity must be usable, or the draft is refused.

    `lenient`, for address books that carry what nobody chose: the unusable ones are left out (`left_out` names their
    kinds) as long as one is usable. Whoever checks thousands gives the `identifier()` of the floor.
    """
    if len(draft.identities) > MOST_IDENTITIES:
        too_long = Outcome(rules.TOO_LONG, draft.line, "", _("This is too long to be one person."))
        return Checked(clean_text(draft.name), (), draft.line, refused=too_long)
    identities: dict[Identity, None] = {}
    failed: list[InvalidIdentity] = []
    for kind, raw in draft.identities:
        if not raw.strip():
            continue
        try:
            identities[identify(kind, raw)] = None
        except InvalidIdentity as error:
            # A cell of nothing but invisible characters is an empty one.
            if clean_text(raw, RAW_LIMIT):
                failed.append(error)
    refused = None
    if failed and not (lenient and identities):
        refused = Outcome(rules.INVALID, draft.line, failed[0].kind, sentence(failed[0]))
    elif not identities:
        kind = draft.identities[0][0] if draft.identities else "phone"
        refused = Outcome(rules.INVALID, draft.line, kind, _("A phone, an e-mail or a handle is needed."))
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
    judged = _judge_feed(drafts, received_at, now) if trust_times else _judge(drafts, received_at)
    store(judged.new, judged.news, now, source, submission_id)
    return judged.batch


@dataclass
class _Judged:
    """A batch, its new contacts, and the newest state of the known ones that it changes."""

    batch: Batch = field(default_factory=Batch)
    new: list[tuple[int, Checked, Known]] = field(default_factory=list)
    news: dict[int, Known] = field(default_factory=dict)


def _judge(drafts: Sequence[tuple[int, Checked]], received_at: datetime) -> _Judged:
    """Who shares an identity with a live contact is a duplicate; everybody else counts from the receipt."""
    done = _Judged()
    held, ids, told = holdings(drafts), fresh_ids(len(drafts)), told_of_known()
    for owner, one in drafts:
        outcome = judge(owner, one, held, ids, told)
        done.batch.outcomes.append(outcome)
        if outcome.contact_id is not None:
            done.new.append((owner, one, Known(outcome.contact_id, received_at, None, None)))
            done.batch.touched.append((owner, one))
    return done


def judge(owner: int, one: Checked, held: Held, ids: Iterator[int], told: Mapping[str, str]) -> Outcome:
    """How a draft fares against what its employee holds; a new contact, with the next id, joins that.

    `told`: the sentences of `told_of_known`.
    """
    if one.refused:
        return one.refused
    keys = [(owner, known.kind, known.digest) for known in one.identities]
    if met := [held[key] for key in keys if key in held]:
        return _met(rules.DUPLICATE, one, min(met), told)
    if objected := _objected(one, held, told):
        return objected
    contact_id = next(ids)
    for key in keys:
        held[key] = contact_id
    return Outcome(rules.CREATED, one.line, contact_id=contact_id)


def _objected(one: Checked, held: Held, told: Mapping[str, str]) -> Outcome | None:
    """The refusal of somebody new who is not to be recorded; whoever has them already learns nothing new by it."""
    kind = next((known.kind for known in one.identities if (NOBODY, *known.key) in held), None)
    return Outcome(rules.OBJECTED, one.line, kind, told[rules.OBJECTED]) if kind else None


def holdings(drafts: Iterable[tuple[int, Checked]]) -> Held:
    """Which live contacts of their employees hold identities of these drafts, and which of them are objected to."""
    return _held(LIVE, drafts)


def _held(statement: str, drafts: Iterable[tuple[int, Checked]]) -> Held:
    found = _look_up(statement, drafts)
    return {(owner, kind, bytes(digest)): contact_id for owner, kind, digest, contact_id in found}


# -- the trusted feed ----------------------------------------------------------------------------------------------


def _judge_feed(drafts: Sequence[tuple[int, Checked]], received_at: datetime, now: datetime) -> _Judged:
    """Rows that bring their own times: what they match is updated, contradicted or left alone (decision 9)."""
    done = _Judged()
    timed = [(owner, one if one.refused else _with_times(one, received_at, now)) for owner, one in drafts]
    good = [(owner, one) for owner, one in timed if one.refused is None]
    shelf, ids, told = Shelf(), fresh_ids(len(good)), told_of_known()
    objections = _held(SENT + OBJECTED, good)
    for employee_id, kind, digest, *contact in _look_up(EVER, good):
        shelf.add(employee_id, (kind, bytes(digest)), Known(*contact))
    for owner, one in timed:
        outcome, state = (one.refused, None) if one.refused else _match(owner, one, shelf, ids, told, objections)
        done.batch.outcomes.append(outcome)
        if state is None:
            continue
        done.batch.touched.append((owner, one))
        if outcome.code == rules.CREATED:
            done.new.append((owner, one, state))
        else:
            done.news[state.contact_id] = state
    return done


def _with_times(one: Checked, received_at: datetime, now: datetime) -> Checked:
    """The draft with the instant it counts from, or refused because its times cannot be."""
    at = one.recorded_at or received_at
    times = {"recorded_at": at, "confirmed_at": one.confirmed_at or at, "ended_at": one.ended_at or at}
    if early := [column for column, time in times.items() if time > now]:
        return one._replace(refused=Outcome(rules.BAD_TIME, one.line, early[0], _("This time has not come yet.")))
    if one.ended_at and one.ended_at < at:
        reason = _("It ends before it was recorded.")
        return one._replace(refused=Outcome(rules.BAD_TIME, one.line, "ended_at", reason))
    return one._replace(recorded_at=at)


def _match(
    owner: int, one: Checked, shelf: Shelf, ids: Iterator[int], told: Mapping[str, str], objections: Held
) -> tuple[Outcome, Known | None]:
    """How a row fares against what is on the shelf, and the contact it makes or changes, which joins the shelf."""
    if one.recorded_at is None:
        raise ValueError("a row of a feed is judged at its instant")
    row = Draft(one.name, (), one.line, owner, one.recorded_at, one.confirmed_at, one.ended_at)
    code, match = rules.match_feed_row(shelf.sharing(owner, one.identities), row, shelf.beside)
    if match is None:
        if objected := _objected(one, objections, told):
            return objected, None
        state = Known(next(ids), one.recorded_at, one.confirmed_at, one.ended_at)
        for known in one.identities:
            shelf.add(owner, known.key, state)
        return Outcome(code, one.line, contact_id=state.contact_id), state
    if code != rules.UPDATED:
        return _met(code, one, match.contact_id, told), None
    ended_at, confirmed_at = one.ended_at or match.ended_at, one.confirmed_at or match.confirmed_at
    state = match._replace(ended_at=ended_at, confirmed_at=confirmed_at)
    shelf.update(state)
    return _met(code, one, match.contact_id, told), state


def told_of_known() -> dict[str, str]:
    """What to tell of somebody who is there already, by code, in the language in force.

    Asked for once a batch: a translation a line costs as much as judging it.
    """
    return {
        rules.DUPLICATE: _("You have recorded this person already."),
        rules.OVERLAP: _("Its period overlaps a contact that is there already."),
        rules.OBJECTED: _("This person has asked the company to forget them, so they cannot be recorded."),
    }


def _met(code: str, one: Checked, contact_id: int, told: Mapping[str, str]) -> Outcome:
    return Outcome(code, one.line, message=told.get(code, ""), existing_contact_id=contact_id)


def _look_up(statement: str, drafts: Iterable[tuple[int, Checked]]) -> list[tuple]:
    wanted = dict.fromkeys((owner, known.kind, known.digest) for owner, one in drafts for known in one.identities)
    if not wanted:
        return []
    owners, kinds, digests = zip(*wanted, strict=True)
    sent: list[Any] = [list(owners), ",".join(kinds), ",".join(digest.hex() for digest in digests)]
    with connection.cursor() as cursor:
        cursor.execute(statement, sent)
        return cursor.fetchall()
