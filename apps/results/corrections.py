"""Corrections of a frozen result: one HR member requests them, another approves, and each makes a new version."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from apps.accounts.approvals import (
    MAX_OPEN_REQUESTS,
    REQUEST_LIFETIME,
    notify_second_persons,
    refuse_many_requests,
    require_past_cooldown,
)
from apps.accounts.models import Account
from apps.campaigns.models import Campaign
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_result_version
from apps.core.errors import Refused
from apps.core.events import record_event
from apps.core.signing_key import can_sign_results, has_key, missing_key_message
from apps.core.text import clean_text
from apps.employees.models import Employee
from apps.results import result_versions
from apps.results.models import CorrectionLine, FrozenResult, FrozenStanding, ResultCorrection

# The largest target of a rule; a count above it is a typing error.
MAX_CORRECTED_NUMBER = 1_000_000
MAX_TEXT_CHARS = 4_000
BATCH_ROWS = 5_000
# Requests of one account for several people, each with a row per person that stays.
MAX_BULK_REQUESTS_A_DAY = 10
# The audit trail names so many people of a correction; a larger one names its number alone.
MAX_AUDITED_PEOPLE = 500


@dataclass(frozen=True)
class CorrectionDraft:
    """The new standing of one employee; None keeps a value."""

    staff_no: str
    counted: int | None = None
    target: int | None = None
    exempt: bool | None = None


def request_correction(
    *, campaign: Campaign, drafts: Sequence[CorrectionDraft], reason: str, evidence: str, by: Account,
    key: uuid.UUID | None = None,
) -> ResultCorrection:  # fmt: skip
    """Request a change of the newest result. `key`: of the file that it comes from. Raises Refused."""
    texts = {name: clean_text(text, MAX_TEXT_CHARS) for name, text in (("reason", reason), ("evidence", evidence))}
    for name, text in texts.items():
        if not text:
            raise Refused("invalid", _("Enter the reason and the evidence for the correction."), name)
    with transaction.atomic():
        newest = _lock_newest_result(campaign, by)
        if open_corrections(db_now()).filter(asked_by_id=by.pk).count() >= MAX_OPEN_REQUESTS:
            message = _("At most %(most)s of your corrections can wait for a decision. Withdraw one, or wait.")
            raise Refused("too_many", message % {"most": MAX_OPEN_REQUESTS}, conflict=True)
        _refuse_many(by, for_many=len(drafts) > 1)
        lines = _lines(newest, drafts, by)
        correction = ResultCorrection.objects.create(
            campaign=campaign, **texts, asked_of=newest.version, asked_by_id=by.pk, asked_by_label=by.actor.label,
            key=key,
        )  # fmt: skip
        for line in lines:
            line.correction = correction
        CorrectionLine.objects.bulk_create(lines, batch_size=BATCH_ROWS)
        _audit("asked", correction, by.actor)
        notify_second_persons("corrections", by.actor)
    return correction


def _refuse_many(by: Account, *, for_many: bool) -> None:
    """Raise Refused for too many requests within a day, withdrawn ones included: their lines stay."""
    own = ResultCorrection.objects.filter(asked_by_id=by.pk)
    refuse_many_requests(own, "asked_at")
    bulk = own.filter(asked_at__gt=db_now() - timedelta(days=1)).alias(people=Count("lines")).filter(people__gt=1)
    if for_many and bulk.count() >= MAX_BULK_REQUESTS_A_DAY:
        message = _("You have made %(most)s requests for several people within a day. Try again tomorrow.")
        raise Refused("too_many", message % {"most": MAX_BULK_REQUESTS_A_DAY}, conflict=True)


def grant_correction(*, correction_id: int, by: Account, answer: str = "") -> FrozenResult | None:
    """Approve another person's request: a new version of the result. Raises Refused.

    Returns the version. None when a worker makes it: for a large result, or where this process has no signing key. A
    second approval by the same person, as by a double click, has no effect.
    """
    with transaction.atomic():
        correction, newest = _lock_request(correction_id, by)
        if correction.state == ResultCorrection.State.GRANTED and correction.decided_by_id == by.pk:
            return result_versions.find_version(correction)
        _require_decidable(correction, by)
        # Before the decision, because a granted correction that cannot be signed would wait without an end.
        if not can_sign_results():
            raise Refused("invalid", missing_key_message(), "state")
        if result_versions.pending_versions().filter(campaign=correction.campaign).exists():
            message = _("A correction approved earlier is still being created. Approve this one after that.")
            raise Refused("invalid", message, "state")
        if correction.asked_of != newest.version:
            # Its lines hold complete standings: granting it would undo corrections made since.
            message = _("The result has been corrected since this request. Refuse it and request the correction again.")
            raise Refused("invalid", message, "state")
        _decide(correction, ResultCorrection.State.GRANTED, by, answer, newest.version + 1)
        _audit("granted", correction, by.actor)
        record_event("correction_granted", subject=correction.pk, campaign_id=correction.campaign_id, actor_id=by.pk)
        # The web process signs only what is small; usually the key is with the worker alone (ADR 70).
        if newest.rows <= result_versions.SYNC_LIMIT_ROWS and has_key():
            return result_versions.create_version(correction)
        enqueue_result_version(correction.pk)
        return None


def refuse_correction(*, correction_id: int, by: Account, answer: str) -> None:
    """Refuse another person's request with a reason. Raises Refused."""
    if not clean_text(answer):
        raise Refused("invalid", _("Enter the reason for refusal."), "answer")
    with transaction.atomic():
        correction, _newest = _lock_request(correction_id, by)
        _require_decidable(correction, by)
        _decide(correction, ResultCorrection.State.REFUSED, by, answer, None)
        _audit("refused", correction, by.actor)


def withdraw_correction(*, correction_id: int, by: Account) -> None:
    """Withdraw one's own request. Raises Refused."""
    with transaction.atomic():
        correction, _newest = _lock_request(correction_id, by)
        _require_open(correction)
        if correction.asked_by_id != by.pk:
            raise Refused(
                "invalid", _("You cannot withdraw another person's request. You can refuse it."), "decided_by"
            )
        _decide(correction, ResultCorrection.State.WITHDRAWN, by, "", None)
        _audit("withdrawn", correction, by.actor)


def open_corrections(now: datetime) -> QuerySet[ResultCorrection]:
    """Requests that can still be decided at `now`."""
    return ResultCorrection.objects.filter(state=ResultCorrection.State.ASKED, asked_at__gt=now - REQUEST_LIFETIME)


def is_open(correction: ResultCorrection, now: datetime) -> bool:
    """Whether the request can still be decided at `now`."""
    return correction.state == ResultCorrection.State.ASKED and expires_at(correction) > now


def expires_at(correction: ResultCorrection) -> datetime:
    return correction.asked_at + REQUEST_LIFETIME


def may_decide(correction: ResultCorrection, account: Account, now: datetime) -> bool:
    """Whether this HR account may decide: the request is open, another account made it, about another employee."""
    return (
        is_open(correction, now)
        and correction.asked_by_id != account.pk
        and not correction.lines.filter(employee_id=account.employee_id or 0).exists()
    )


def _lock_request(correction_id: int, by: Account) -> tuple[ResultCorrection, FrozenResult]:
    """The request, read under the lock of its campaign, and the newest result. Raises Refused."""
    corrections = ResultCorrection.objects.select_related("campaign")
    newest = _lock_newest_result(corrections.get(pk=correction_id).campaign, by)
    # Read again: another decision may have been committed while this one waited for the lock.
    return corrections.get(pk=correction_id), newest


def _lock_newest_result(campaign: Campaign, by: Account) -> FrozenResult:
    """The newest result, with the campaign's row locked, so that decisions run one after the other.

    Raises Refused without a result, and for an account that changed recently.
    """
    Campaign.objects.lock(campaign.pk).get()
    try:
        require_past_cooldown(by.actor)
    except Refused as unsettled:
        # A stolen account must not decide on the day its address or role was changed (ADR 63).
        raise Refused("invalid", unsettled.message, "decided_by") from unsettled
    newest = FrozenResult.objects.filter(campaign=campaign).order_by("version").last()
    if newest is None:
        raise Refused("invalid", _("This campaign is not frozen."), "campaign")
    return newest


def _require_open(correction: ResultCorrection) -> None:
    if correction.state != ResultCorrection.State.ASKED:
        raise Refused("invalid", _("This correction has already been decided."), "state")
    if not is_open(correction, db_now()):
        raise Refused("invalid", _("This request has expired. Submit it again."), "state")


def _require_decidable(correction: ResultCorrection, by: Account) -> None:
    """Raises Refused unless the request is open and this account may decide it."""
    _require_open(correction)
    if not may_decide(correction, by, db_now()):
        raise Refused(
            "invalid",
            _("Another HR user has to decide. You cannot decide on your own request or your own standing."),
            "decided_by",
        )


def _decide(correction: ResultCorrection, state: str, by: Account, answer: str, version: int | None) -> None:
    correction.state, correction.decided_at, correction.result_version = state, db_now(), version
    correction.decided_by_id, correction.decided_by_label = by.pk, by.actor.label
    correction.answer = clean_text(answer, MAX_TEXT_CHARS)
    correction.save(
        update_fields=["state", "decided_at", "decided_by_id", "decided_by_label", "answer", "result_version"]
    )


def _lines(newest: FrozenResult, drafts: Sequence[CorrectionDraft], by: Account) -> list[CorrectionLine]:
    """The changes against the current result; each employee once."""
    if not drafts:
        raise Refused("invalid", _("Enter the people whose standing you want to correct."), "people")
    if len({draft.staff_no for draft in drafts}) < len(drafts):
        raise Refused("invalid", _("Enter each person once."), "people")
    rows = FrozenStanding.objects.filter(campaign=newest.campaign_id, version=newest.version)
    rows_by_number = {row.staff_no: row for row in rows.filter(staff_no__in=[draft.staff_no for draft in drafts])}
    lines = []
    for draft in drafts:
        row = rows_by_number.get(draft.staff_no)
        if row is None:
            raise Refused("invalid", _("%(number)s is not in this result.") % {"number": draft.staff_no}, "people")
        if row.employee_id == by.employee_id:
            raise Refused("invalid", _("You cannot request a correction of your own standing."), "people")
        # A complete standing and not a difference: what two people approved does not depend on later versions.
        line = CorrectionLine(
            employee_id=row.employee_id,
            counted=row.counted if draft.counted is None else draft.counted,
            target=row.target if draft.target is None else draft.target,
            exempt=row.exempt if draft.exempt is None else draft.exempt,
        )
        if not (0 <= line.counted <= MAX_CORRECTED_NUMBER and 1 <= line.target <= MAX_CORRECTED_NUMBER):
            raise Refused("invalid", _("A number is too large or too small."), "people")
        if (line.counted, line.target, line.exempt) == (row.counted, row.target, row.exempt):
            raise Refused("invalid", _("Nothing changes for %(number)s.") % {"number": draft.staff_no}, "people")
        lines.append(line)
    return lines


def _audit(what: str, correction: ResultCorrection, by: Actor) -> None:
    # The people only: the trail shows whose standing changed, the correction itself shows how.
    people = Employee.objects.filter(correctionline__correction=correction).order_by("staff_no")
    named = list(people.values_list("staff_no", flat=True)[: MAX_AUDITED_PEOPLE + 1])
    detail = {
        "campaign": correction.campaign.slug, "result_version": correction.result_version,
        "people": named if len(named) <= MAX_AUDITED_PEOPLE else people.count(),
    }  # fmt: skip
    audit(f"correction.{what}", by=by, kind="correction", id=correction.pk, label=correction.reason, detail=detail)
