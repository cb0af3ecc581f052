"""Reviews: an employee's question about their own standing, the contacts ticked with it, and HR's answer.

What HR may see of a ticked contact is copied here at the request: day, source, reason, whether it was confirmed. So
HR's pages never read a contact, and nothing here identifies a person.
"""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import Count, F, Q

from apps.campaigns import rules
from apps.contacts.models import Contact, Source
from apps.core.querysets import Clock
from apps.core.sql import sql_literal
from apps.employees.models import Employee

OPEN, OVERDUE, ANSWERED, WITHDRAWN = "open", "overdue", "answered", "withdrawn"


def under_review_sql(campaign_id: int, at: datetime) -> str:
    """SELECT of distinct (employee_id) with a review in the campaign that was open just before `at`."""
    # Text beside the queryset below, because COPY and the report statements take no parameters.
    return f"""SELECT employee_id FROM reviews_review WHERE campaign_id = {sql_literal(campaign_id)}
        AND asked_at < {sql_literal(at)} AND (closed_at IS NULL OR closed_at >= {sql_literal(at)})"""


class ReviewQuerySet(models.QuerySet):
    def open_at(self, at: datetime) -> ReviewQuerySet:
        """Open just before `at`; the same condition as under_review_sql."""
        return self.filter(asked_at__lt=at).filter(Q(closed_at=None) | Q(closed_at__gte=at))

    def in_state(self, state: str, at: datetime) -> ReviewQuerySet:
        """Open, answered or withdrawn ones, or those overdue at `at`. An unknown state matches nothing."""
        if state == OVERDUE:
            # Overdue is no stored state: it begins by the clock alone.
            return self.filter(state=OPEN, due_at__lte=at)
        return self.filter(state=state)

    def count_by_state(self, at: datetime) -> dict[str, int]:
        """The number of reviews in each state of `in_state`."""
        states = {state: Count("pk", filter=Q(state=state)) for state in (OPEN, ANSWERED, WITHDRAWN)}
        return self.aggregate(**states, overdue=Count("pk", filter=Q(state=OPEN, due_at__lte=at)))


class Review(models.Model):
    """One question about one standing: open, then answered by HR or withdrawn by the employee. Never deleted.

    `counted`, `target` and `exempt` are the standing at the time of the question. `due_at`: the first instant at which
    the reply is overdue. An answer by an adjustment or a correction refers to it by `answer_subject_id`.
    """

    class State(models.TextChoices):
        OPEN = "open"
        ANSWERED = "answered"
        WITHDRAWN = "withdrawn"

    class Kind(models.TextChoices):
        ADJUSTMENT = "adjustment"
        CORRECTION = "correction"
        REASON = "reason"

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, db_index=False)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, db_index=False, related_name="reviews")
    key = models.UUIDField(help_text="of the form: sent twice it is one question")
    asked_at = models.DateTimeField(db_default=Clock())
    due_at = models.DateTimeField()
    text = models.TextField()
    counted = models.IntegerField()
    target = models.IntegerField()
    exempt = models.BooleanField()
    state = models.TextField(choices=State.choices, default=State.OPEN)
    closed_at = models.DateTimeField(null=True)
    answer_kind = models.TextField(null=True, choices=Kind.choices)
    answer_text = models.TextField(blank=True)
    answer_subject_id = models.BigIntegerField(null=True)
    answered_by = models.ForeignKey(Employee, on_delete=models.PROTECT, null=True, db_index=False, related_name="+")
    answered_by_label = models.TextField(blank=True)
    # The mail about the answer: when it was tried last, and when the mail server accepted it.
    claimed_at = models.DateTimeField(null=True)
    notified_at = models.DateTimeField(null=True)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["campaign", "state", "due_at", "id"], name="reviews_review_due"),
            models.Index(fields=["employee", "campaign", "asked_at"], name="reviews_review_of"),
            models.Index(
                fields=["closed_at"],
                condition=Q(state="answered", notified_at__isnull=True),
                name="reviews_review_untold",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "employee"], condition=Q(closed_at__isnull=True), name="reviews_review_one_open"
            ),
            models.UniqueConstraint(fields=["employee", "key"], name="reviews_review_once"),
            models.CheckConstraint(
                name="reviews_review_state",
                condition=Q(state="open", closed_at__isnull=True, answer_kind__isnull=True, answered_by__isnull=True)
                | Q(state="withdrawn", closed_at__isnull=False, answer_kind__isnull=True, answered_by__isnull=True)
                | Q(state="answered", closed_at__isnull=False, answer_kind__isnull=False, answered_by__isnull=False),
            ),
            models.CheckConstraint(
                name="reviews_review_answer",
                condition=Q(answer_kind__isnull=True, answer_subject_id__isnull=True, answer_text="")
                | (Q(answer_kind="reason", answer_subject_id__isnull=True) & ~Q(answer_text=""))
                | Q(answer_kind__in=["adjustment", "correction"], answer_subject_id__isnull=False),
            ),
            models.CheckConstraint(
                name="reviews_review_not_answered_by_oneself",
                condition=Q(answered_by__isnull=True) | ~Q(answered_by=F("employee")),
            ),
            models.CheckConstraint(name="reviews_review_says_something", condition=~Q(text="")),
            models.CheckConstraint(
                name="reviews_review_in_order",
                condition=Q(due_at__gt=F("asked_at")) & (Q(closed_at__isnull=True) | Q(closed_at__gte=F("asked_at"))),
            ),
            models.CheckConstraint(
                name="reviews_review_told_of_an_answer",
                condition=Q(state="answered") | Q(claimed_at__isnull=True, notified_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"review {self.pk}"

    def is_overdue(self, at: datetime) -> bool:
        """Whether HR's reply was due before `at`."""
        return self.state == self.State.OPEN and self.due_at <= at


class ReviewContact(models.Model):
    """One own contact ticked with a question, as of that time: never changed, and without a word on who the person is.

    `contact` is the number by which the employee's own page finds it again. HR reads everything else: a running number,
    the local day it was recorded, its source, why it did not count, whether it was confirmed.
    """

    id = models.BigAutoField(primary_key=True)
    review = models.ForeignKey(Review, on_delete=models.PROTECT, db_index=False, related_name="contacts")
    # Like identities, it carries the employee and no foreign key, so that contacts can be partitioned; a trigger keeps
    # the three consistent.
    employee = models.ForeignKey(Employee, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    contact = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    number = models.IntegerField()
    recorded_on = models.DateField()
    source = models.TextField(choices=Source.choices)
    reason = models.TextField(blank=True, help_text="why it did not count when it was asked; empty: it counted")
    confirmed = models.BooleanField()

    class Meta:
        ordering = ["review", "number"]
        constraints = [
            models.UniqueConstraint(fields=["review", "number"], name="reviews_reviewcontact_number"),
            models.UniqueConstraint(fields=["review", "contact"], name="reviews_reviewcontact_once"),
            models.CheckConstraint(name="reviews_reviewcontact_from_one", condition=Q(number__gte=1)),
            models.CheckConstraint(name="reviews_reviewcontact_reason", condition=Q(reason__in=["", *rules.REASONS])),
        ]
