"""Reviews: request, withdraw and answer. Each closes once, and HR members do not answer their own."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta
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
from apps.core.errors import Refused
from apps.core.events import record_event
from apps.core.locks import lock_facts
from apps.core.text import clean_text
from apps.employees.models import Employee
from apps.results.models import FrozenResult, FrozenStanding
from apps.reviews.linked_decisions import decisions_for
from apps.reviews.models import Review, ReviewContact
from apps.standings.evaluation import evaluation_ctes, with_exclusion_reason
from apps.standings.report_people import OneEmployee, People

MAX_TEXT_CHARS = 4_000
# Twice the usual target: HR answers a question, it does not check a whole list.
MAX_TICKED_CONTACTS = 200
# Reviews are never deleted, withdrawn ones neither.
MAX_REVIEWS_A_DAY = 10
ANSWER_COLUMNS = [
    "state",
    "closed_at",
    "answer_kind",
    "answer_text",
    "answer_subject_id",
    "answered_by",
    "answered_by_label",
]
# Frozen too: most questions come when the result is there.
ONGOING = (Campaign.State.OPEN, Campaign.State.CLOSING, Campaign.State.FROZEN)


def under_review(campaign: Campaign, at: datetime) -> QuerySet[Review]:
    """The reviews of a campaign that were open just before `at`; at most one per employee.

    Read after the facts lock, for an `at` that is not in the future, the result never changes again.
    """
    return Review.objects.filter(campaign=campaign).open_at(at)


def requests_until(campaign: Campaign) -> datetime | None:
    """The first instant at which requests are closed; None while the campaign is not frozen."""
    if campaign.snapshot_at is None:
        return None
    return rules.end_of_day_after(campaign.snapshot_at, settings.REVIEW_ASK_DAYS, campaign.rule.time_zone)


def can_request_review(campaign: Campaign, at: datetime) -> bool:
    """Whether reviews can be requested: from the opening until some days after the freeze."""
    until = requests_until(campaign)
    return campaign.state in ONGOING and campaign.rule.opens_at < at and (until is None or at < until)


def request_review(
    *, campaign: Campaign, employee: Employee, text: str, contacts: Collection[int] = (), key: uuid.UUID, by: Actor
) -> Review:
    """Request a review of the employee's own standing. `contacts`: ids of own contacts; the same `key` returns the same
    review.

    Raises Refused: text, contacts, over, no_standing, open.
    """
    question, contact_ids = clean_lines(text), set(contacts)
    if not question:
        raise Refused("text", _("Describe what HR should check."), "text")
    if len(contact_ids) > MAX_TICKED_CONTACTS:
        raise Refused("contacts", _("You can tick at most %(most)s contacts.") % {"most": MAX_TICKED_CONTACTS})
    with transaction.atomic():
        lock_facts()
        # Against a freeze or a cancellation between the check and the commit.
        campaign = Campaign.objects.lock_shared(campaign.pk).get()
        # Serialises two forms of one employee: the second one finds the review of the first.
        lock_employees([employee.pk])
        if existing := Review.objects.filter(employee=employee, key=key).first():
            return existing
        now = db_now()
        counted, target, exempt = _standing_in_question(campaign, employee, now)
        review = Review.objects.create(
            campaign=campaign, employee=employee, key=key, text=question, counted=counted, target=target, exempt=exempt,
            asked_at=now,
            due_at=rules.end_of_day_after(now, settings.REVIEW_REPLY_DAYS, campaign.rule.time_zone),
        )  # fmt: skip
        _tick(review, campaign, contact_ids, now)
        detail = {"campaign": campaign.slug, "contacts": len(contact_ids)}
        audit("review.asked", by=by, kind="review", id=review.pk, label=str(employee), detail=detail)
        record_event("review_opened", subject=f"review:{review.pk}", campaign_id=campaign.pk)
    return review


def _standing_in_question(campaign: Campaign, employee: Employee, now: datetime) -> tuple[int, int, bool]:
    """The standing in question: (counted, target, exempt). Raises Refused when there is none."""
    if not can_request_review(campaign, now):
        raise Refused("over", _("You cannot request a review in this campaign now."))
    if Review.objects.filter(campaign=campaign, employee=employee, closed_at=None).exists():
        raise Refused("open", _("You have already requested a review, and HR has not answered yet."))
    recent = Review.objects.filter(employee=employee, asked_at__gt=now - timedelta(days=1))
    if recent.count() >= MAX_REVIEWS_A_DAY:
        message = _("You can request at most %(most)s reviews a day. Try again tomorrow.")
        raise Refused("too_many", message % {"most": MAX_REVIEWS_A_DAY})
    standing: tuple[int, int, bool] | None
    if campaign.state == Campaign.State.FROZEN:
        # The result is final: facts learned since must not appear in the question.
        stored = FrozenStanding.objects.filter(campaign=campaign, employee=employee).order_by("-version")
        standing = stored.values_list("counted", "target", "exempt").first()
    else:
        with connection.cursor() as cursor:
            evaluation = evaluation_ctes(campaign.rule, now, employee_ids_sql([employee.pk]))
            cursor.execute(f"WITH {evaluation} SELECT counted, target, exempt FROM evaluated")
            standing = cursor.fetchone()
    if standing is None:
        raise Refused("no_standing", _("You have no standing in this campaign."))
    return standing


def _tick(review: Review, campaign: Campaign, ids: set[int], now: datetime) -> None:
    """Copy what HR may read of the ticked contacts. One unknown or foreign contact refuses the whole request."""
    employee = review.employee
    own = with_exclusion_reason(Contact.objects.of(employee), campaign.rule, now, employee_ids_sql([employee.pk]))
    contacts = list(own.filter(pk__in=ids).order_by("recorded_at", "id")) if ids else []
    # One message for unknown and foreign: a second one would tell which ids exist.
    if len(contacts) != len(ids):
        raise Refused("contacts", _("One of these contacts cannot be found. Choose again."), "contacts")
    zone = ZoneInfo(campaign.rule.time_zone)
    ReviewContact.objects.bulk_create(
        ReviewContact(
            review=review, employee=employee, contact=contact, number=number, source=contact.source,
            reason=contact.reason, recorded_on=contact.recorded_at.astimezone(zone).date(),
            # As of the question; a later confirmation must not appear in it.
            confirmed=contact.confirmed_at is not None and contact.confirmed_at < now,
        )
        for number, contact in enumerate(contacts, 1)
    )  # fmt: skip


def withdraw_review(*, review_id: int, employee: Employee, by: Actor) -> None:
    """Withdraw the employee's own question. Raises Refused (answered, withdrawn), Review.DoesNotExist."""
    with transaction.atomic():
        review = _lock_open_review(review_id, employee)
        review.state, review.closed_at = Review.State.WITHDRAWN, db_now()
        review.save(update_fields=["state", "closed_at"])
        # Neither question nor answer: auditors must not read them (ADR 29).
        audit("review.withdrawn", by=by, kind="review", id=review.pk, label=str(review.employee))


def answer_review(
    *, review_id: int, answerer: Employee, kind: str, text: str, subject_id: int | None = None, by: Actor
) -> None:
    """Answer with a reason, or with an existing adjustment or correction of this employee.

    A mail informs the employee after the commit. Raises Refused (answered, withdrawn, own, over, kind, text,
    subject), Review.DoesNotExist.
    """
    reason = clean_lines(text)
    if kind not in Review.Kind.values:
        raise Refused("kind", _("Choose the type of answer."), "kind")
    if kind == Review.Kind.REASON and not reason:
        raise Refused("text", _("Write the reason."), "text")
    with transaction.atomic():
        review = _lock_open_review(review_id)
        if review.employee_id == answerer.pk:
            raise Refused("own", _("You cannot answer your own request. Another HR user has to answer it."))
        if review.campaign.state not in ONGOING:
            raise Refused("over", _("This campaign was cancelled."))
        subject = _linked_decision(review, kind, subject_id)
        review.state, review.closed_at = Review.State.ANSWERED, db_now()
        review.answer_kind, review.answer_text, review.answer_subject_id = kind, reason, subject
        review.answered_by, review.answered_by_label = answerer, by.label
        review.save(update_fields=ANSWER_COLUMNS)
        detail = {"campaign": review.campaign.slug, "answer": kind, "subject": subject}
        audit("review.answered", by=by, kind="review", id=review.pk, label=str(review.employee), detail=detail)
        record_event(
            "review_answered", subject=review.pk, campaign_id=review.campaign_id, employees=[review.employee_id]
        )
        # Runs after the commit. If its message is lost, the next beat finds the answer.
        enqueue_answer_mails()


def _lock_open_review(review_id: int, employee: Employee | None = None) -> Review:
    """The review (of that employee), with it and its campaign locked. Raises Refused when it is closed."""
    lock_facts()
    reviews = Review.objects.filter(employee=employee) if employee else Review.objects.all()
    Campaign.objects.lock_shared(reviews.only("campaign_id").get(pk=review_id).campaign_id).get()
    locked = reviews.select_for_update(no_key=True, of=("self",)).select_related("campaign", "employee")
    review = locked.get(pk=review_id)
    if review.state == Review.State.ANSWERED:
        raise Refused("answered", _("%(name)s has already answered this review.") % {"name": review.answered_by_label})
    if review.state == Review.State.WITHDRAWN:
        raise Refused("withdrawn", _("This review was withdrawn."))
    return review


def _linked_decision(review: Review, kind: str, subject_id: int | None) -> int | None:
    if kind == Review.Kind.REASON:
        return None
    if subject_id not in {decision.id for decision in decisions_for(kind, review.campaign, review.employee)}:
        raise Refused(
            "subject", _("Choose the adjustment or correction. If there is none yet, request it first."), "subject"
        )
    return subject_id


def clean_lines(text: str) -> str:
    """Text as stored: every line cleaned like a name, and at most one empty line in a row."""
    lines: list[str] = []
    # Cut before the work on each line: cleaning removes characters, so that four times the limit is enough in practice.
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
    # At the freeze and not now: the same result must give the same payout file at any time.
    employees = under_review(result.campaign, result.frozen_at).values("employee")
    rows = FrozenStanding.objects.filter(campaign=result.campaign_id, version=result.version, red=True)
    return sorted(rows.filter(employee__in=employees).values_list("staff_no", flat=True))
