"""Corrections of a frozen result: one HR member requests them, another approves, and each makes a new version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.accounts.approvals import ApprovalRefused, require_settled
from apps.accounts.models import Account
from apps.campaigns.models import Campaign
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_result_version
from apps.core.identity import clean_text
from apps.core.signing_key import can_be_signed, has_key, missing
from apps.employees.models import Employee
from apps.results import result_versions
from apps.results.models import CorrectionLine, FrozenResult, FrozenStanding, ResultCorrection

MAX_NUMBER = 1_000_000
TEXT_LIMIT = 4_000


class CorrectionRefused(ValueError):
    """A correction that cannot be requested or decided: the field and a message."""

    def __init__(self, field: str, message: str):
        super().__init__(message)
        self.field, self.message = field, message


@dataclass(frozen=True)
class CorrectionDraft:
    """The new standing of one employee; None keeps a value."""

    staff_no: str
    counted: int | None = None
    target: int | None = None
    exempt: bool | None = None


def ask_correction(
    *, campaign: Campaign, drafts: Sequence[CorrectionDraft], reason: str, evidence: str, by: Account
) -> ResultCorrection:
    """Request a change of the newest result. Raises CorrectionRefused."""
    texts = {name: clean_text(text, TEXT_LIMIT) for name, text in (("reason", reason), ("evidence", evidence))}
    for name, text in texts.items():
        if not text:
            raise CorrectionRefused(name, _("A correction needs its reason and its evidence."))
    with transaction.atomic():
        newest = _locked(campaign, by)
        lines = _lines(newest, drafts, by)
        correction = ResultCorrection.objects.create(
            campaign=campaign, **texts, asked_of=newest.version, asked_by_id=by.pk, asked_by_label=by.actor.label
        )
        for line in lines:
            line.correction = correction
        CorrectionLine.objects.bulk_create(lines)
        _audit("asked", correction, by.actor)
    return correction


def grant_correction(*, correction_id: int, by: Account, answer: str = "") -> FrozenResult | None:
    """Approve another person's request: a new version of the result. Raises CorrectionRefused.

    Returns the version. None when a worker makes it: for a large result, or where this process has no signing key. A
    second approval by the same person, as by a double click, has no effect.
    """
    with transaction.atomic():
        correction = ResultCorrection.objects.select_related("campaign").get(pk=correction_id)
        newest = _locked(correction.campaign, by)
        correction.refresh_from_db(fields=["state", "decided_by_id", "result_version"])
        if correction.state == ResultCorrection.State.GRANTED and correction.decided_by_id == by.pk:
            return FrozenResult.objects.filter(
                campaign=correction.campaign, version=correction.result_version or 0
            ).first()
        _refuse_decided(correction, by)
        if not can_be_signed():
            raise CorrectionRefused("state", missing())
        if result_versions.pending_versions().filter(campaign=correction.campaign).exists():
            raise CorrectionRefused("state", _("A correction that was granted before is still being made. Grant this "
                                               "one when it stands."))  # fmt: skip
        if correction.asked_of != newest.version:
            # Its lines hold complete standings: granting it would undo corrections made since.
            raise CorrectionRefused("state", _("The result has been corrected since this was asked for. Refuse it, and "
                                               "ask again."))  # fmt: skip
        _decide(correction, ResultCorrection.State.GRANTED, by, answer, newest.version + 1)
        _audit("granted", correction, by.actor)
        if newest.rows <= result_versions.SYNC_LIMIT_ROWS and has_key():
            return result_versions.create_version(correction)
        enqueue_result_version(correction.pk)
        return None


def refuse_correction(*, correction_id: int, by: Account, answer: str) -> None:
    """Refuse another person's request with a reason. Raises CorrectionRefused."""
    if not clean_text(answer):
        raise CorrectionRefused("answer", _("Say why it is refused."))
    with transaction.atomic():
        correction = ResultCorrection.objects.select_related("campaign").get(pk=correction_id)
        _locked(correction.campaign, by)
        correction.refresh_from_db(fields=["state"])
        _refuse_decided(correction, by)
        _decide(correction, ResultCorrection.State.REFUSED, by, answer, None)
        _audit("refused", correction, by.actor)


def may_decide(correction: ResultCorrection, account: Account) -> bool:
    """Whether this HR account may decide: the request waits, another account made it, about another employee."""
    return (
        correction.state == ResultCorrection.State.ASKED
        and correction.asked_by_id != account.pk
        and not correction.lines.filter(employee_id=account.employee_id or 0).exists()
    )


def _locked(campaign: Campaign, by: Account) -> FrozenResult:
    """The newest result, with the campaign's row locked, so that decisions run one after the other.

    Raises CorrectionRefused without a result, and for an account that changed recently.
    """
    Campaign.objects.select_for_update(no_key=True).get(pk=campaign.pk)
    try:
        require_settled(by.actor)
    except ApprovalRefused as unsettled:
        raise CorrectionRefused("decided_by", unsettled.message) from unsettled
    newest = FrozenResult.objects.filter(campaign=campaign).order_by("version").last()
    if newest is None:
        raise CorrectionRefused("campaign", _("This campaign is not frozen."))
    return newest


def _refuse_decided(correction: ResultCorrection, by: Account) -> None:
    """Raises CorrectionRefused unless the request waits and this account may decide it."""
    if correction.state != ResultCorrection.State.ASKED:
        raise CorrectionRefused("state", _("This correction has been decided on already."))
    if not may_decide(correction, by):
        raise CorrectionRefused("decided_by", _("Somebody else of HR decides on this: nobody their own request, nobody "
                                               "their own standing."))  # fmt: skip


def _decide(correction: ResultCorrection, state: str, by: Account, answer: str, version: int | None) -> None:
    correction.state, correction.decided_at, correction.result_version = state, db_now(), version
    correction.decided_by_id, correction.decided_by_label = by.pk, by.actor.label
    correction.answer = clean_text(answer, TEXT_LIMIT)
    correction.save(
        update_fields=["state", "decided_at", "decided_by_id", "decided_by_label", "answer", "result_version"]
    )


def _lines(newest: FrozenResult, drafts: Sequence[CorrectionDraft], by: Account) -> list[CorrectionLine]:
    """The changes against the current result; each employee once."""
    if not drafts:
        raise CorrectionRefused("people", _("Say whose standing is to be corrected."))
    if len({draft.staff_no for draft in drafts}) < len(drafts):
        raise CorrectionRefused("people", _("Name each person once."))
    rows = FrozenStanding.objects.filter(campaign=newest.campaign_id, version=newest.version)
    rows_by_number = {row.staff_no: row for row in rows.filter(staff_no__in=[draft.staff_no for draft in drafts])}
    lines = []
    for draft in drafts:
        row = rows_by_number.get(draft.staff_no)
        if row is None:
            raise CorrectionRefused("people", _("%(number)s is not in this result.") % {"number": draft.staff_no})
        if row.employee_id == by.employee_id:
            raise CorrectionRefused("people", _("Nobody asks for a change of their own standing."))
        line = CorrectionLine(
            employee_id=row.employee_id,
            counted=row.counted if draft.counted is None else draft.counted,
            target=row.target if draft.target is None else draft.target,
            exempt=row.exempt if draft.exempt is None else draft.exempt,
        )
        if not (0 <= line.counted <= MAX_NUMBER and 1 <= line.target <= MAX_NUMBER):
            raise CorrectionRefused("people", _("A number is too large or too small."))
        if (line.counted, line.target, line.exempt) == (row.counted, row.target, row.exempt):
            raise CorrectionRefused("people", _("Nothing changes for %(number)s.") % {"number": draft.staff_no})
        lines.append(line)
    return lines


def _audit(what: str, correction: ResultCorrection, by: Actor) -> None:
    people = Employee.objects.filter(correctionline__correction=correction).order_by("staff_no")
    detail = {
        "campaign": correction.campaign.slug, "people": list(people.values_list("staff_no", flat=True)),
        "result_version": correction.result_version,
    }  # fmt: skip
    audit(f"correction.{what}", by=by, kind="correction", id=correction.pk, label=correction.reason, detail=detail)


# -- grounds for a correction --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LateFacts:
    """Contacts of one employee with times before the cut-off that arrived after the result."""

    staff_no: str
    name: str
    contacts: int
    last_stored_at: datetime


def late_facts(result: FrozenResult) -> list[LateFacts]:
    """Employees with contacts that came too late for the result, most first: only the number, never a contact."""
    rule = result.campaign.rule
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT person.staff_no, person.name, count(*), max(stored_at) FROM contacts_contact contact"
            " JOIN employees_employee person ON person.id = contact.employee_id"
            " WHERE stored_at > %s AND recorded_at >= %s AND recorded_at < %s"
            " AND (ended_at IS NULL OR ended_at >= %s) GROUP BY person.id ORDER BY 3 DESC, 1 LIMIT 200",
            [result.snapshot_at, rule.opens_at, rule.cutoff_at, rule.cutoff_at],
        )
        return [LateFacts(*row) for row in cursor.fetchall()]
