"""Reviews: request, withdraw and answer. Each closes once, and HR members do not answer their own."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.campaigns import rules
from apps.campaigns.models import Campaign
from apps.campaigns.population import employee_ids_sql
from apps.contacts.models import Contact
from apps.contacts.services.submissions import lock_employees
from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_answer_mails
from apps.core.identity import clean_text
from apps.core.locks import lock_facts
from apps.employees.models import Employee
from apps.results.models import FrozenResult, FrozenStanding
from apps.reviews.linked_decisions import decisions_for
from apps.reviews.models import Review, ReviewContact
from apps.standings.evaluation import evaluation_ctes, with_exclusion_reason
from apps.standings.population import OneEmployee, People

MAX_TEXT_CHARS = 4_000
MAX_TICKED_CONTACTS = 200
ANSWER = ["state", "closed_at", "answer_kind", "answer_text", "answer_subject_id", "answered_by", "answered_by_label"]
ONGOING = (Campaign.State.OPEN, Campaign.State.CLOSING, Campaign.State.FROZEN)


class ReviewRefused(ValueError):
    """A refused question or answer: a stable `code`, a message, and its field."""

    def __init__(self, code: str, message: str, field: str = ""):
        super().__init__(message)
        self.code, self.message, self.field = code, message, field


def under_review(campaign: Campaign, at: datetime) -> QuerySet[Review]:
    """The reviews of a campaign that were open just before `at`; at most one per employee.

    Read after the facts lock, for an `at` that is not in the future, the result never changes again.
    """
    return Review.objects.filter(campaign=campaign).open_at(at)


def ask_until(campaign: Campaign) -> datetime | None:
    """The first instant at which requests are closed; None while the campaign is not frozen."""
    if campaign.snapshot_at is None:
        return None
    return rules.end_of_day_after(campaign.snapshot_at, settings.REVIEW_ASK_DAYS, campaign.rule.time_zone)


def can_ask(campaign: Campaign, at: datetime) -> bool:
    """Whether reviews can be requested: from the opening until some days after the freeze."""
    until = ask_until(campaign)
    return campaign.state in ONGOING and campaign.rule.opens_at < at and (until is None or at < until)


def ask_review(
    *, campaign: Campaign, employee: Employee, text: str, contacts: Collection[int] = (), key: uuid.UUID, by: Actor
) -> Review:
    """Request a review of the employee's own standing. `contacts`: ids of own contacts; the same `key` returns the same
    review.

    Raises ReviewRefused: text, contacts, over, no_standing, open.
    """
    said, wanted = clean_lines(text), set(contacts)
    if not said:
        raise ReviewRefused("text", _("Write what HR should look at."), "text")
    if len(wanted) > MAX_TICKED_CONTACTS:
        raise ReviewRefused("contacts", _("At most %(most)s contacts can be ticked.") % {"most": MAX_TICKED_CONTACTS})
    with transaction.atomic():
        lock_facts()
        campaign = _locked(campaign.pk)
        lock_employees([employee.pk])
        if existing := Review.objects.filter(employee=employee, key=key).first():
            return existing
        now = db_now()
        counted, target, exempt = _verdict(campaign, employee, now)
        review = Review.objects.create(
            campaign=campaign, employee=employee, key=key, text=said, counted=counted, target=target, exempt=exempt,
            asked_at=now,
            due_at=rules.end_of_day_after(now, settings.REVIEW_REPLY_DAYS, campaign.rule.time_zone),
        )  # fmt: skip
        _tick(review, campaign, wanted, now)
        detail = {"campaign": campaign.slug, "contacts": len(wanted)}
        audit("review.asked", by=by, kind="review", id=review.pk, label=str(employee), detail=detail)
    return review


def _locked(campaign_id: int) -> Campaign:
    """The campaign, its row locked against a freeze and a cancellation until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM campaigns_campaign WHERE id = %s FOR SHARE", [campaign_id])
    return Campaign.objects.get(pk=campaign_id)


def _verdict(campaign: Campaign, employee: Employee, now: datetime) -> tuple[int, int, bool]:
    """The verdict in question: (counted, target, exempt). Raises ReviewRefused when there is none."""
    if not can_ask(campaign, now):
        raise ReviewRefused("over", _("No review can be asked for in this campaign now."))
    if Review.objects.filter(campaign=campaign, employee=employee, closed_at=None).exists():
        raise ReviewRefused("open", _("You have asked already, and HR has not answered yet."))
    if campaign.state == Campaign.State.FROZEN:  # the result stands: no re-evaluation
        stored = FrozenStanding.objects.filter(campaign=campaign, employee=employee).order_by("-version")
        verdict: Any = stored.values_list("counted", "target", "exempt").first()
    else:
        with connection.cursor() as cursor:
            judgement = evaluation_ctes(campaign.rule, now, employee_ids_sql([employee.pk]))
            cursor.execute(f"WITH {judgement} SELECT counted, target, exempt FROM verdict")
            verdict = cursor.fetchone()
    if verdict is None:
        raise ReviewRefused("no_standing", _("You have no standing in this campaign."))
    counted, target, exempt = verdict
    return counted, target, exempt


def _tick(review: Review, campaign: Campaign, ids: set[int], now: datetime) -> None:
    """Copy what HR may read of the ticked contacts. One unknown or foreign contact refuses the whole request."""
    employee = review.employee
    own = with_exclusion_reason(Contact.objects.of(employee), campaign.rule, now, employee_ids_sql([employee.pk]))
    contacts = list(own.filter(pk__in=ids).order_by("recorded_at", "id")) if ids else []
    if len(contacts) != len(ids):
        message = _("One of these contacts is not there. Choose again.")
        raise ReviewRefused("contacts", message, "contacts")
    zone = ZoneInfo(campaign.rule.time_zone)
    ReviewContact.objects.bulk_create(
        ReviewContact(
            review=review, employee=employee, contact=one, number=number, source=one.source, reason=one.reason,
            recorded_on=one.recorded_at.astimezone(zone).date(),
            confirmed=one.confirmed_at is not None and one.confirmed_at < now,
        )
        for number, one in enumerate(contacts, 1)
    )  # fmt: skip


def withdraw_review(*, review_id: int, employee: Employee, by: Actor) -> None:
    """Withdraw the employee's own question. Raises ReviewRefused (answered, withdrawn), Review.DoesNotExist."""
    with transaction.atomic():
        review = _open(review_id, employee)
        review.state, review.closed_at = Review.State.WITHDRAWN, db_now()
        review.save(update_fields=["state", "closed_at"])
        audit("review.withdrawn", by=by, kind="review", id=review.pk, label=str(review.employee))


def answer_review(
    *, review_id: int, answerer: Employee, kind: str, text: str, subject_id: int | None = None, by: Actor
) -> None:
    """Answer with a reason, or with an existing adjustment or correction of this employee.

    A mail informs the employee after the commit. Raises ReviewRefused (answered, withdrawn, own, over, kind, text,
    subject), Review.DoesNotExist.
    """
    reason = clean_lines(text)
    if kind not in Review.Kind.values:
        raise ReviewRefused("kind", _("Choose how you answer."), "kind")
    if kind == Review.Kind.REASON and not reason:
        raise ReviewRefused("text", _("Write the reason."), "text")
    with transaction.atomic():
        review = _open(review_id)
        if review.employee_id == answerer.pk:
            raise ReviewRefused("own", _("Nobody answers their own question: a colleague of yours has to."))
        if review.campaign.state not in ONGOING:
            raise ReviewRefused("over", _("This campaign was cancelled."))
        subject = _subject(review, kind, subject_id)
        review.state, review.closed_at = Review.State.ANSWERED, db_now()
        review.answer_kind, review.answer_text, review.answer_subject_id = kind, reason, subject
        review.answered_by, review.answered_by_label = answerer, by.label
        review.save(update_fields=ANSWER)
        detail = {"campaign": review.campaign.slug, "answer": kind, "subject": subject}
        audit("review.answered", by=by, kind="review", id=review.pk, label=str(review.employee), detail=detail)
        enqueue_answer_mails()


def _open(review_id: int, employee: Employee | None = None) -> Review:
    """The review (of that employee), with it and its campaign locked. Raises ReviewRefused when it is closed."""
    lock_facts()
    reviews = Review.objects.filter(employee=employee) if employee else Review.objects.all()
    _locked(reviews.only("campaign_id").get(pk=review_id).campaign_id)
    locked = reviews.select_for_update(no_key=True, of=("self",)).select_related("campaign", "employee")
    review = locked.get(pk=review_id)
    if review.state == Review.State.ANSWERED:
        raise ReviewRefused("answered", _("%(name)s has answered it already.") % {"name": review.answered_by_label})
    if review.state == Review.State.WITHDRAWN:
        raise ReviewRefused("withdrawn", _("It was withdrawn."))
    return review


def _subject(review: Review, kind: str, subject_id: int | None) -> int | None:
    if kind == Review.Kind.REASON:
        return None
    if subject_id not in {act.id for act in decisions_for(kind, review.campaign, review.employee)}:
        raise ReviewRefused("subject", _("Choose which one it is. Make it first, if it is not there yet."), "subject")
    return subject_id


def clean_lines(text: str) -> str:
    """Text as stored: every line cleaned like a name, and at most one empty line in a row."""
    lines: list[str] = []
    for line in text[: MAX_TEXT_CHARS * 4].splitlines():
        cleaned = clean_text(line, MAX_TEXT_CHARS)
        if cleaned or (lines and lines[-1]):
            lines.append(cleaned)
    return "\n".join(lines)[:MAX_TEXT_CHARS].strip()


def may_see_reviews(user: Any, people: People) -> bool:
    """Whether this account may see which standings are under review: HR always, employees their own."""
    return user.has_role("hr") or (isinstance(people, OneEmployee) and people.employee.pk == user.employee_id)


def red_under_review(result: FrozenResult) -> list[str]:
    """Staff numbers of red employees in a result with an open review when it was stored: the payout file never lists
    them as red.
    """
    asked = under_review(result.campaign, result.frozen_at).values("employee")
    rows = FrozenStanding.objects.filter(campaign=result.campaign_id, version=result.version, red=True)
    return sorted(rows.filter(employee__in=asked).values_list("staff_no", flat=True))
