"""Normalise drafts: every identity of a contact passes through this function before it is compared or stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _

from apps.contacts.drafts import Draft, NormalisedDraft, Outcome, OutcomeCode
from apps.contacts.messages import NO_IDENTITY, error_message
from apps.core.identity import MAX_RAW_CHARS, Identity, InvalidIdentity, unique_identities
from apps.core.identity_key import identity_normaliser
from apps.core.phone_spelling import has_extension
from apps.core.text import clean_text

# A person has a few. More suggest a list that lost its line breaks, or would claim many people before colleagues do.
MAX_IDENTITIES = 20
Identify = Callable[[str, str], Identity]


def normalise_draft(draft: Draft, *, lenient: bool = False, identify: Identify | None = None) -> NormalisedDraft:
    """Normalise a draft. It is refused unless every identity is valid.

    `lenient` is for address books, whose cells the employee did not choose. Invalid identities are then dropped
    (`dropped` names their kinds), as long as one is valid. For thousands of drafts, pass one `identity_normaliser()`
    as `identify`.
    """
    identify = identify or identity_normaliser()
    if len(draft.identities) > MAX_IDENTITIES:
        too_long = Outcome(OutcomeCode.TOO_LONG, draft.line, "", _("This is too long for one person."))
        return NormalisedDraft(clean_text(draft.name), (), draft.line, refused=too_long)
    identities: list[Identity] = []
    failed: list[tuple[InvalidIdentity, str]] = []
    for kind, raw in draft.identities:
        if not raw.strip():
            continue
        try:
            identities.append(identify(kind, raw))
        except InvalidIdentity as error:
            # A cell of invisible characters alone counts as empty: the employee could not see what to correct.
            if clean_text(raw, MAX_RAW_CHARS):
                failed.append((error, raw))
    refused = None
    if failed and not (lenient and identities):
        refused = Outcome(OutcomeCode.INVALID, draft.line, failed[0][0].kind, error_message(*failed[0]))
    elif not identities:
        kind = draft.identities[0][0] if draft.identities else "phone"
        refused = Outcome(OutcomeCode.INVALID, draft.line, kind, _(NO_IDENTITY))
    return NormalisedDraft(
        clean_text(draft.name), unique_identities(identities), draft.line, draft.recorded_at, draft.confirmed_at,
        draft.ended_at, refused, tuple(error.kind for error, _raw in failed), has_phone_extension(draft),
    )  # fmt: skip


def has_phone_extension(draft: Draft) -> bool:
    """Whether a phone number of the draft was written with an extension, which its identity does not keep."""
    return any(kind == "phone" and has_extension(raw, settings.COMPANY_PHONE_REGION) for kind, raw in draft.identities)


def normalise_times(draft: NormalisedDraft, received_at: datetime, now: datetime) -> NormalisedDraft:
    """Return a feed's draft with the instant it counts from, or refused because its times are impossible."""
    if draft.refused:
        return draft
    at = draft.recorded_at or received_at
    times = {"recorded_at": at, "confirmed_at": draft.confirmed_at or at, "ended_at": draft.ended_at or at}
    # A contact from the future would begin to count later without any event that queues its employee.
    if early := [column for column, time in times.items() if time > now]:
        return _with_bad_time(draft, early[0], _("This time has not come yet."))
    if draft.ended_at and draft.ended_at < at:
        return _with_bad_time(draft, "ended_at", _("The end is before the time of recording."))
    return draft._replace(recorded_at=at)


def _with_bad_time(draft: NormalisedDraft, column: str, message: str) -> NormalisedDraft:
    return draft._replace(refused=Outcome(OutcomeCode.BAD_TIME, draft.line, column, message))
