"""The outcomes of recorded drafts as their submission stores them: codes and contacts, no text, for two days.

A repeated request then gets the first answer. Its texts come from the repeated drafts: stored texts could name a
person, and an erasure would have to search all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any

from apps.contacts.drafts import EXTENSION, Draft, Outcome, OutcomeCode
from apps.contacts.messages import outcome_messages
from apps.contacts.normalisation import has_phone_extension, normalise_draft
from apps.core.sql import execute, statement

# As long as a program may repeat a request with its key.
OUTCOMES_RETENTION = timedelta(days=2)
BATCH_ROWS = 500
DELETE_OUTCOMES = statement("contacts", "recording", "delete_outcomes")
# A client may send any text as a kind, and only these name no person.
STORED_KINDS = frozenset({"phone", "email", "handle"})


def as_stored(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    """Return the outcomes for the report of a submission, without texts."""
    return [
        {
            "code": outcome.code,
            **({"column": outcome.column} if outcome.column in STORED_KINDS else {}),
            **({"contact_id": outcome.contact_id} if outcome.contact_id else {}),
            **({"existing_contact_id": outcome.existing_contact_id} if outcome.existing_contact_id else {}),
        }
        for outcome in outcomes
    ]


def restored(stored: Sequence[Mapping[str, Any]], drafts: Sequence[Draft]) -> list[Outcome]:
    """Return stored outcomes with the lines and messages of the repeated drafts they belong to."""
    return list(_restored(stored, drafts[: len(stored)]))


def _restored(stored: Iterable[Mapping[str, Any]], drafts: Iterable[Draft]) -> Iterator[Outcome]:
    messages = outcome_messages()
    for values, draft in zip_longest(stored, drafts):
        outcome = Outcome(**values)
        if draft is None:
            yield outcome._replace(message=messages.get(outcome.code, ""))
            continue
        refused = normalise_draft(draft).refused
        if refused and refused.code == outcome.code:
            yield refused
            continue
        by_extension = outcome.code == OutcomeCode.DUPLICATE and has_phone_extension(draft)
        message = messages.get(EXTENSION if by_extension else outcome.code, "")
        yield outcome._replace(line=draft.line, message=message)


def delete_old_outcomes(now: datetime) -> int:
    """Delete outcomes after OUTCOMES_RETENTION, with the keys they answer, and the lists of rows of a feed.

    The numbers stay. Returns how many submissions there were.
    """
    total = 0
    while count := execute(DELETE_OUTCOMES, {"before": now - OUTCOMES_RETENTION, "batch": BATCH_ROWS}):
        total += count
    return total
