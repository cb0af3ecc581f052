"""Normalise drafts, and evaluate a batch of them while its employees are locked."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from apps.contacts import drafts as contacts_drafts
from apps.contacts.bulk_insert import reserve_ids, store
from apps.contacts.drafts import Draft, ExistingContact, NormalisedDraft, Outcome
from apps.core.closed_periods import Period, closed_periods, open_periods
from apps.core.identity import (
    RAW_LIMIT,
    Identity,
    IdentityTooLong,
    InvalidIdentity,
    clean_text,
    distinct,
    intended_phone,
    nearly_phone,
)
from apps.core.identity_key import identity_normaliser
from apps.employees.models import Employee

# One person has a few. More suggest a list that lost its line breaks, or would claim many people before colleagues do.
MOST_IDENTITIES = 20
Identify = Callable[[str, str], Identity]
# The live contact that holds an identity, by (employee, kind, digest). Under NO_EMPLOYEE: identities with an objection.
# Under COLLEAGUE: handles that are staff numbers on the roster.
NO_EMPLOYEE, COLLEAGUE = 0, -1
Held = dict[tuple[int, str, bytes], int]
# The digests travel as one text, because binding thousands of byte strings costs more than looking them up. LATERAL
# with OFFSET 0 forces one index look-up per row: a planner that overestimates the list would read whole tables.
SENT = """
WITH wanted AS MATERIALIZED (
    SELECT owner AS employee_id, kind, decode(hex, 'hex') AS digest
    FROM unnest(%s::bigint[], string_to_array(%s, ','), string_to_array(%s, ',')) AS sent(owner, kind, hex))
"""
# Identities of the drafts that have an objection.
OBJECTED = f"""
SELECT {NO_EMPLOYEE}::bigint, wanted.kind, wanted.digest, {NO_EMPLOYEE}::bigint FROM wanted
JOIN LATERAL (SELECT FROM contacts_suppressedidentity one
              WHERE one.kind = wanted.kind AND one.digest = wanted.digest OFFSET 0) AS objection ON true
"""
RECORDED = """
SELECT employee_id, count(*) FROM contacts_contact
WHERE employee_id = ANY(%s) AND recorded_at >= %s AND recorded_at < %s
  AND (source NOT IN ('feed', 'demo') OR replaces_id IS NOT NULL) GROUP BY 1
"""
# Contacts that share an identity with a draft and were recorded, or ended, after the receipt. A file may wait in the
# queue while its employee continues to record contacts.
SINCE = f"""{SENT}
SELECT met.employee_id, met.kind, met.digest, contact.id, contact.recorded_at, contact.ended_at FROM wanted
JOIN LATERAL (SELECT * FROM contacts_contactidentity one WHERE one.employee_id = wanted.employee_id
              AND one.kind = wanted.kind AND one.digest = wanted.digest OFFSET 0) AS met ON true
JOIN LATERAL (SELECT * FROM contacts_contact one WHERE one.employee_id = met.employee_id
              AND one.id = met.contact_id OFFSET 0) AS contact ON contact.recorded_at > %s OR contact.ended_at > %s
"""
# Whether any such contact exists: two index look-ups for a whole batch.
ANY_SINCE = """
SELECT EXISTS (SELECT FROM contacts_contact WHERE employee_id = ANY(%(owners)s) AND recorded_at > %(at)s)
    OR EXISTS (SELECT FROM contacts_contact WHERE ended_at > %(at)s AND employee_id = ANY(%(owners)s))
"""
MOVE_BACK = "UPDATE contacts_contact SET recorded_at = %s, stored_at = %s WHERE id = ANY(%s)"
LIVE = f"""{SENT}
SELECT met.employee_id, met.kind, met.digest, met.contact_id FROM wanted
JOIN LATERAL (SELECT * FROM contacts_contactidentity one WHERE one.employee_id = wanted.employee_id
              AND one.kind = wanted.kind AND one.digest = wanted.digest AND one.live OFFSET 0) AS met ON true
UNION ALL {OBJECTED}
"""


class Later(NamedTuple):
    """A contact that was recorded or ended after the receipt of a draft; the earliest recorded sorts first."""

    recorded_at: datetime
    contact_id: int
    ended_at: datetime | None


@dataclass
class Batch:
    """The outcomes of a batch in the order of its drafts, and the employees and identities to evaluate again."""

    outcomes: list[Outcome] = field(default_factory=list)
    employees: set[int] = field(default_factory=set)
    keys: set[tuple[str, bytes]] = field(default_factory=set)
    # Contacts that now count from the receipt, with the instant from which they counted before.
    moved: dict[int, datetime] = field(default_factory=dict)


def normalise_draft(draft: Draft, *, lenient: bool = False, identify: Identify | None = None) -> NormalisedDraft:
    """Normalise a draft. It is refused unless every identity is valid.

    `lenient` is for address books, whose cells the employee did not choose. Invalid identities are then left out
    (`left_out` names their kinds), as long as one is valid. For thousands of drafts, pass one `identity_normaliser()`
    as `identify`.
    """
    identify = identify or identity_normaliser()
    if len(draft.identities) > MOST_IDENTITIES:
        too_long = Outcome(contacts_drafts.TOO_LONG, draft.line, "", _("This is too long to be one person."))
        return NormalisedDraft(clean_text(draft.name), (), draft.line, refused=too_long)
    identities: list[Identity] = []
    failed: list[tuple[InvalidIdentity, str]] = []
    for kind, raw in draft.identities:
        if not raw.strip():
            continue
        try:
            identities.append(identify(kind, raw))
        except InvalidIdentity as error:
            # A cell that contains only invisible characters counts as empty.
            if clean_text(raw, RAW_LIMIT):
                failed.append((error, raw))
    refused = None
    if failed and not (lenient and identities):
        refused = Outcome(contacts_drafts.INVALID, draft.line, failed[0][0].kind, error_message(*failed[0]))
    elif not identities:
        kind = draft.identities[0][0] if draft.identities else "phone"
        refused = Outcome(contacts_drafts.INVALID, draft.line, kind, _("A phone, an e-mail or a handle is needed."))
    return NormalisedDraft(
        clean_text(draft.name), distinct(identities), draft.line, draft.recorded_at, draft.confirmed_at, draft.ended_at,
        refused, tuple(error.kind for error, _raw in failed),
    )  # fmt: skip


def error_message(error: InvalidIdentity, raw: str) -> str:
    """Return the message for the employee who typed the identity."""
    # A text that is too long for any phone number gets no suggestion.
    short = not isinstance(error, IdentityTooLong)
    number = short and error.kind in ("phone", "handle")
    if number and (intended := intended_phone(raw, settings.COMPANY_PHONE_REGION)):
        return _("This is not a valid phone number. Did you mean %(phone)s?") % {"phone": intended}
    if short and error.kind == "handle" and nearly_phone(raw):
        return _("This is neither a valid phone number nor a handle.")
    return {
        "phone": _("This is not a valid phone number."),
        "email": _("This is not a valid e-mail address."),
        "handle": _("This is not a valid handle."),
        contacts_drafts.WORD: _(
            "This is neither a phone number nor an e-mail address. A handle is written with @ before it."
        ),
    }.get(error.kind, _("This cannot be used to reach somebody."))


def record(
    *,
    drafts: Sequence[tuple[int, NormalisedDraft]],
    received_at: datetime,
    now: datetime,
    source: str,
    submission_id: uuid.UUID,
) -> Batch:
    """Evaluate drafts in order, given as (employee id, checked draft), and store the valid ones.

    They count from the receipt. A draft that shares an identity with a live contact is a duplicate. Changes after the
    receipt neither count a person twice nor lose one. A contact recorded later counts from the receipt; after a contact
    that ended later, the new one starts at its end. The caller holds the facts lock and the locks on the employees'
    rows.
    """
    batch, new = Batch(), []
    held, ids, messages = existing_identities(drafts), reserve_ids(len(drafts)), sentences()
    left = left_today(drafts, received_at)
    later = _later(drafts, received_at)
    for owner, one in drafts:
        outcome = judge(owner, one, held, ids, messages, left)
        batch.outcomes.append(outcome)
        met = sorted({known for identity in one.identities for known in later.get((owner, *identity.key), ())})
        if met and not one.refused and (first := met[0]).recorded_at > received_at:
            batch.moved[first.contact_id] = first.recorded_at
        if outcome.contact_id is not None:
            starts_at = max([received_at, *(known.ended_at for known in met if known.ended_at)])
            new.append((owner, one, ExistingContact(outcome.contact_id, starts_at, None, None)))
        if outcome.contact_id is not None or met:
            batch.employees.add(owner)
            batch.keys.update(known.key for known in one.identities)
    _move_back(batch, received_at, now)
    store(new, now, source, submission_id)
    return batch


def _later(
    drafts: Sequence[tuple[int, NormalisedDraft]], received_at: datetime
) -> dict[tuple[int, str, bytes], list[Later]]:
    """Return the employee's contacts that were recorded or ended after the receipt, by identity."""
    found: dict[tuple[int, str, bytes], list[Later]] = {}
    good = [draft for draft in drafts if draft[1].refused is None]
    with connection.cursor() as cursor:
        cursor.execute(ANY_SINCE, {"owners": sorted({owner for owner, _one in good}), "at": received_at})
        if not cursor.fetchone()[0]:
            return found
    for owner, kind, digest, *times in _look_up(SINCE, good, received_at, received_at):
        found.setdefault((owner, kind, bytes(digest)), []).append(Later(times[1], times[0], times[2]))
    return found


def _move_back(batch: Batch, received_at: datetime, now: datetime) -> None:
    """Let the batch's moved contacts count from the receipt.

    A contact does not leave the period of a campaign that is closing or frozen. It does not move to before the opening
    of a running campaign either: the employee has seen that it counts there. `stored_at` is the instant when the
    database learned the earlier start, so no contact moves into a period that was final by then.
    """
    if batch.moved:
        closed, running = closed_periods(), open_periods()
        batch.moved = {
            contact_id: before
            for contact_id, before in batch.moved.items()
            if not any(opens_at <= before < cutoff_at for opens_at, cutoff_at in closed)
            and not _leaves(running, before, received_at)
        }
    if batch.moved:
        with connection.cursor() as cursor:
            cursor.execute(MOVE_BACK, [received_at, now, sorted(batch.moved)])


def _leaves(running: Sequence[Period], before: datetime, received_at: datetime) -> bool:
    """Return whether a contact would leave a campaign's period by counting from the receipt.

    Returns False when the contact enters another period that it missed: a receipt before a cut-off counts there.
    """
    left = any(received_at < opens_at <= before < cutoff_at for opens_at, cutoff_at in running)
    entered = any(opens_at <= received_at < cutoff_at <= before for opens_at, cutoff_at in running)
    return left and not entered


def judge(
    owner: int, one: NormalisedDraft, held: Held, ids: Iterator[int], messages: Mapping[str, str], left: dict[int, int]
) -> Outcome:
    """Evaluate a draft against the identities its employee holds; a new contact, with the next id, is added to `held`.

    `messages` is the result of sentences(). `left` maps each employee to the number of contacts they may still record
    today, and is decremented.
    """
    if one.refused:
        return one.refused
    keys = [(owner, known.kind, known.digest) for known in one.identities]
    if met := [held[key] for key in keys if key in held]:
        return Outcome(
            contacts_drafts.DUPLICATE,
            one.line,
            message=messages[contacts_drafts.DUPLICATE],
            existing_contact_id=min(met),
        )
    if kind := next((known.kind for known in one.identities if (COLLEAGUE, *known.key) in held), None):
        return Outcome(contacts_drafts.NOT_EXTERNAL, one.line, kind, messages[contacts_drafts.NOT_EXTERNAL])
    if left[owner] <= 0:
        return Outcome(contacts_drafts.TOO_MANY_TODAY, one.line, "", messages[contacts_drafts.TOO_MANY_TODAY])
    left[owner] -= 1
    # Checked last, and only for a draft that would be recorded: learning of an objection uses up a place in the daily
    # limit.
    if kind := next((known.kind for known in one.identities if (NO_EMPLOYEE, *known.key) in held), None):
        return Outcome(contacts_drafts.OBJECTED, one.line, kind, messages[contacts_drafts.OBJECTED])
    contact_id = next(ids)
    for key in keys:
        held[key] = contact_id
    return Outcome(contacts_drafts.CREATED, one.line, contact_id=contact_id)


def existing_identities(drafts: Sequence[tuple[int, NormalisedDraft]]) -> Held:
    """Return the identities of these drafts that live contacts hold, or that must not be recorded."""
    found = _look_up(LIVE, drafts)
    return {(owner, kind, bytes(digest)): contact_id for owner, kind, digest, contact_id in found} | _colleagues(drafts)


def unwanted(drafts: Sequence[tuple[int, NormalisedDraft]]) -> dict[tuple[str, bytes], str]:
    """Return the identities of these drafts that must not be recorded, each with the code of the refusal."""
    found = _look_up(SENT + OBJECTED, [draft for draft in drafts if draft[1].refused is None])
    colleagues = {(kind, digest): contacts_drafts.NOT_EXTERNAL for _nobody, kind, digest in _colleagues(drafts)}
    return colleagues | {(kind, bytes(digest)): contacts_drafts.OBJECTED for _nobody, kind, digest, _contact in found}


def _colleagues(drafts: Sequence[tuple[int, NormalisedDraft]]) -> Held:
    """Return the handles that are staff numbers on the roster."""
    handles = {known.value: known for _owner, one in drafts for known in one.identities if known.kind == "handle"}
    if not handles:
        return {}
    spellings = {spelled: value for value in handles for spelled in (value, value.upper(), value.capitalize())}
    # Employees without an employment come from a roster import that was undone.
    people = Employee.objects.filter(staff_no__in=list(spellings), employment__isnull=False)
    numbers = people.values_list("staff_no", flat=True).distinct()
    return {(COLLEAGUE, *handles[spellings[number]].key): 0 for number in numbers}


def left_today(drafts: Sequence[tuple[int, NormalisedDraft]], at: datetime) -> dict[int, int]:
    """Return how many more contacts each of these employees may record on the day of `at`.

    Contacts from the feed do not count towards the limit; ended contacts still do. The caller holds the locks on the
    employees' rows, or only displays the number.
    """
    owners = sorted({owner for owner, _checked in drafts})
    start = at.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(RECORDED, [owners, start, start + timedelta(days=1)])
        recorded = dict(cursor.fetchall())
    most = settings.MAX_CONTACTS_PER_EMPLOYEE_AND_DAY
    return {owner: most - recorded.get(owner, 0) for owner in owners}


def sentences() -> dict[str, str]:
    """Return the messages for refused and duplicate drafts by code, in the active language.

    Called once a batch: a translation for each line would cost as much as evaluating it.
    """
    return {
        contacts_drafts.DUPLICATE: _("You have recorded this person already."),
        contacts_drafts.OBJECTED: _("This person has asked the company to forget them, so they cannot be recorded."),
        contacts_drafts.NOT_EXTERNAL: _(
            "This is the staff number of a colleague: only people outside the company count."
        ),
        contacts_drafts.CAMPAIGN_OVER: _(
            "This would change a contact that counted in a campaign that is closing or frozen: nothing was changed."
        ),
        contacts_drafts.TOO_MANY_TODAY: _(
            "More than %(most)s contacts in one day cannot be recorded. Add this one tomorrow."
        )
        % {"most": f"{settings.MAX_CONTACTS_PER_EMPLOYEE_AND_DAY:,}"},
    }


def _look_up(statement: str, drafts: Iterable[tuple[int, NormalisedDraft]], *more: Any) -> list[tuple]:
    wanted = dict.fromkeys((owner, known.kind, known.digest) for owner, one in drafts for known in one.identities)
    if not wanted:
        return []
    owners, kinds, digests = zip(*wanted, strict=True)
    sent: list[Any] = [list(owners), ",".join(kinds), ",".join(digest.hex() for digest in digests), *more]
    with connection.cursor() as cursor:
        cursor.execute(statement, sent)
        return cursor.fetchall()
