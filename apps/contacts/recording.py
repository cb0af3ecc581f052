"""Evaluate a batch of drafts while its employees are locked, and store the new contacts."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from apps.contacts.bulk_insert import insert_contacts, reserve_ids
from apps.contacts.daily_limit import remaining_today
from apps.contacts.drafts import EXTENSION, REPEATED, ContactTimes, Key, NormalisedDraft, Outcome, OutcomeCode
from apps.contacts.identity_lookup import KnownIdentities, known_identities, look_up
from apps.contacts.messages import outcome_messages
from apps.core.closed_periods import Period, closed_periods, open_periods
from apps.core.sql import statement

HAS_LATER = statement("contacts", "recording", "has_later")
LATER = statement("contacts", "recording", "later")
KEEP_CLAIMS = statement("contacts", "recording", "keep_claims")
BACKDATE = statement("contacts", "recording", "backdate")
CLAIM = statement("contacts", "recording", "claim")


class LaterContact(NamedTuple):
    """A contact that was recorded or ended after the receipt of a draft; the earliest recorded sorts first.

    `claimed_at`: when its employee named the draft's identity first.
    """

    recorded_at: datetime
    contact_id: int
    ended_at: datetime | None
    claimed_at: datetime


class LaterContacts(NamedTuple):
    """All of one identity: the first one, and the latest end. A file may name one person thousands of times."""

    contacts: list[LaterContact]
    first: LaterContact
    latest_end: datetime | None


@dataclass
class BatchResult:
    """The outcomes of a batch in the order of its drafts, and the employees and identities to evaluate again.

    `backdated`: contacts that now count from the receipt, with the instant from which they counted before.
    """

    outcomes: list[Outcome] = field(default_factory=list)
    employees: set[int] = field(default_factory=set)
    keys: set[Key] = field(default_factory=set)
    backdated: dict[int, datetime] = field(default_factory=dict)


def record_batch(
    *, drafts: Sequence[tuple[int, NormalisedDraft]], received_at: datetime, now: datetime, source: str,
    submission_id: uuid.UUID,
) -> BatchResult:  # fmt: skip
    """Evaluate drafts in order, given as (employee id, normalised draft), and store the valid ones.

    They count from the receipt. A draft that shares an identity with a live contact is a duplicate. Changes after the
    receipt neither count a person twice nor lose one. A contact recorded later counts from the receipt; after a contact
    that ended later, the new one starts at its end. The caller holds the facts lock and the locks on the employees'
    rows.
    """
    batch, new = BatchResult(), []
    named: set[tuple[int, str, bytes]] = set()
    known, ids, messages = known_identities(drafts), reserve_ids(len(drafts)), outcome_messages()
    remaining = remaining_today((employee_id for employee_id, _draft in drafts), received_at)
    later = _later_contacts(drafts, received_at)
    for employee_id, draft in drafts:
        outcome = evaluate(employee_id, draft, known, ids, messages, remaining)
        batch.outcomes.append(outcome)
        keys = {key for identity in draft.identities if (key := (employee_id, *identity.key)) in later}
        if keys and not draft.refused:
            named |= keys
            # Only the earliest: a second one with the same start would overlap it, and the person would count twice.
            if (first := min(later[key].first for key in keys)).recorded_at > received_at:
                batch.backdated[first.contact_id] = first.recorded_at
        if outcome.contact_id is not None:
            # From the receipt until its end the person counted already, through the contact that ended.
            starts_at = max([received_at, *(end for key in keys if (end := later[key].latest_end))])
            new.append((employee_id, draft, ContactTimes(outcome.contact_id, starts_at, None, None)))
        if outcome.contact_id is not None or keys:
            batch.employees.add(employee_id)
            batch.keys.update(identity.key for identity in draft.identities)
    if named:
        # The identities of existing contacts that the drafts name, with their claims before.
        claims = {(match.contact_id, *key[1:]): match.claimed_at for key in named for match in later[key].contacts}
        _backdate(batch, claims, received_at, now, source, submission_id)
    insert_contacts(new, now, source, submission_id)
    return batch


def _later_contacts(
    drafts: Sequence[tuple[int, NormalisedDraft]], received_at: datetime
) -> dict[tuple[int, str, bytes], LaterContacts]:
    """Return the employee's contacts that were recorded or ended after the receipt, by identity."""
    contacts: dict[tuple[int, str, bytes], list[LaterContact]] = {}
    valid = [draft for draft in drafts if draft[1].refused is None]
    employees = sorted({employee_id for employee_id, _draft in valid})
    with connection.cursor() as cursor:
        # Nearly always false, and much cheaper than a look-up of every identity.
        cursor.execute(HAS_LATER, {"employees": employees, "received_at": received_at})
        if not cursor.fetchone()[0]:
            return {}
    for employee_id, kind, digest, *facts in look_up(LATER, valid, received_at=received_at):
        contacts.setdefault((employee_id, kind, bytes(digest)), []).append(LaterContact(*facts))
    return {
        key: LaterContacts(same, min(same), max((one.ended_at for one in same if one.ended_at), default=None))
        for key, same in contacts.items()
    }


def _backdate(
    batch: BatchResult, named: Mapping[tuple[int, str, bytes], datetime], received_at: datetime, now: datetime,
    source: str, submission_id: uuid.UUID,
) -> None:  # fmt: skip
    """Let the batch's backdated contacts count from the receipt and belong to its submission.

    A contact does not leave the period of a campaign that is closing or frozen. It does not move to before the opening
    of a running campaign either: the employee has seen that it counts there. `stored_at` is the instant when the
    database learned the earlier start, so no contact moves into a period that was final by then.

    The claim on a person moves only with the identities that the drafts name. Otherwise a placeholder in a file that
    was received early would take people that a colleague recorded meanwhile.
    """
    closed, running = closed_periods(), open_periods()

    def is_closed(at: datetime) -> bool:
        return any(opens_at <= at < cutoff_at for opens_at, cutoff_at in closed)

    batch.backdated = {
        contact_id: before
        for contact_id, before in batch.backdated.items()
        if not is_closed(before) and not _leaves_period(running, before, received_at)
    }
    earlier = [key for key, before in named.items() if before > received_at and not is_closed(before)]
    with connection.cursor() as cursor:
        # This order: KEEP_CLAIMS reads the start that BACKDATE changes, and CLAIM moves only claims that were kept.
        if batch.backdated:
            contact_ids = sorted(batch.backdated)
            cursor.execute(KEEP_CLAIMS, {"backdated": contact_ids})
            times = {"received_at": received_at, "now": now}
            cursor.execute(BACKDATE, {"backdated": contact_ids, **times, "submission": submission_id, "source": source})
        if earlier:
            contacts, kinds, digests = map(list, zip(*earlier, strict=True))
            hexes = [digest.hex() for digest in digests]
            cursor.execute(CLAIM, {"received_at": received_at, "contacts": contacts, "kinds": kinds, "digests": hexes})


def _leaves_period(running: Sequence[Period], before: datetime, received_at: datetime) -> bool:
    """Return whether a contact would leave a campaign's period by counting from the receipt.

    Returns False when the contact enters another period that it missed: a receipt before a cut-off counts there.
    """
    leaves = any(received_at < opens_at <= before < cutoff_at for opens_at, cutoff_at in running)
    enters = any(opens_at <= received_at < cutoff_at <= before for opens_at, cutoff_at in running)
    return leaves and not enters


def evaluate(
    employee_id: int, draft: NormalisedDraft, known: KnownIdentities, ids: Iterator[int], messages: Mapping[str, str],
    remaining: dict[int, int],
) -> Outcome:  # fmt: skip
    """Evaluate a draft against the known identities. A new contact gets the next id and holds its own from then on.

    `messages` is the result of outcome_messages(). `remaining` maps each employee to the number of contacts they may
    still record today, and is decremented.
    """
    if draft.refused:
        return draft.refused
    keys = [(employee_id, *identity.key) for identity in draft.identities]
    if contacts := [known.holders[key] for key in keys if key in known.holders]:
        message = messages[EXTENSION if draft.extension else OutcomeCode.DUPLICATE]
        return Outcome(OutcomeCode.DUPLICATE, draft.line, message=message, existing_contact_id=min(contacts))

    def refusal(code: OutcomeCode, column: str = "", message: str = "") -> Outcome:
        return Outcome(code, draft.line, column, messages[message or code])

    if kind := _first_kind(draft, known.colleagues):
        return refusal(OutcomeCode.NOT_EXTERNAL, kind)
    if remaining[employee_id] <= 0:
        return refusal(OutcomeCode.TOO_MANY_TODAY)
    if repeated := [kind for _employee_id, kind, digest in keys if (employee_id, kind, digest) in known.repeated]:
        return refusal(OutcomeCode.TOO_MANY_TODAY, repeated[0], REPEATED)
    remaining[employee_id] -= draft.daily_cost
    # Checked last, and only for a draft that would be recorded: an answer about an objection counts towards the daily
    # limit, so that no employee can test a list of people for objections.
    if kind := _first_kind(draft, known.objected):
        return refusal(OutcomeCode.OBJECTED, kind)
    contact_id = next(ids)
    # The next draft of this batch that names the same person is a duplicate.
    known.holders.update(dict.fromkeys(keys, contact_id))
    return Outcome(OutcomeCode.CREATED, draft.line, contact_id=contact_id)


def _first_kind(draft: NormalisedDraft, keys: AbstractSet[Key]) -> str | None:
    return next((identity.kind for identity in draft.identities if identity.key in keys), None)
