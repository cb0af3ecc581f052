"""Deputyships: which employee stands in for which manager, and until when.

A trigger (sql/triggers.sql) ensures that a row is ended once and otherwise never changes.
"""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.apps import apps
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import BigIntegerRangeField, DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q, Value
from django.db.models.functions import Greatest, Least
from django.utils import timezone

from apps.core.periods import in_force_from
from apps.core.querysets import Clock
from apps.core.time_zones import company_zone

# How far ahead a deputy may be named.
MAX_PERIOD = timedelta(days=366)


def _point_range(who: str) -> Func:
    return Func(F(who), F(who), Value("[]"), function="int8range", output_field=BigIntegerRangeField())


def _period() -> Func:
    """The stored period, cut by `ended_at`; empty when ended before it began."""
    # An end before the beginning would be an error of tstzrange; an empty range overlaps nothing.
    end = Greatest(F("starts_at"), Least(F("ends_at"), F("ended_at")))
    return Func(F("starts_at"), end, function="tstzrange", output_field=DateTimeRangeField())


class DeputyshipQuerySet(models.QuerySet["Deputyship"]):
    """All states are judged by the database's clock."""

    def not_over(self) -> DeputyshipQuerySet:
        """Current and future deputyships: not ended, and both people employed without a break since the start.

        An employee who leaves and returns has a new employment. The old deputyship does not return with it.
        """
        return self._unbroken().filter(ends_at__gt=Clock())

    def past(self) -> DeputyshipQuerySet:
        """Deputyships that are over: ended, past their last day, or lapsed when one of the two left."""
        return self.exclude(pk__in=self.model.objects.not_over().values("pk"))

    def in_force(self) -> DeputyshipQuerySet:
        """Deputyships whose deputy sees the manager's team now."""
        return self._unbroken().filter(in_force_from(Clock()))

    def _unbroken(self) -> DeputyshipQuerySet:
        employments = apps.get_model("employees", "Employment").objects

        def employed(who: str) -> Exists:
            return Exists(
                employments.filter(employee=OuterRef(who), starts_at__lte=OuterRef("starts_at"), ends_at__gt=Clock())
            )

        return self.filter(employed("manager_id"), employed("deputy_id"), ended_at=None)

    def visible_to(self, user: Any) -> DeputyshipQuerySet:
        """Deputyships that `user` may see and end: those as manager or deputy, or all for HR."""
        if user.has_role("hr"):
            return self
        return self.of(user.employee_id) if user.employee_id else self.none()

    def of(self, employee: Any) -> DeputyshipQuerySet:
        """Deputyships in which this employee is the manager or the deputy."""
        return self.filter(Q(manager=employee) | Q(deputy=employee))

    def with_team(self) -> DeputyshipQuerySet:
        """Deputyships whose manager has a report today."""
        return self.filter(manager__node__last__gt=F("manager__node__first"))


class Deputyship(models.Model):
    """In [starts_at, ends_at), cut by `ended_at`, the deputy sees the numbers of the manager's team.

    `key` is the idempotency key of the form: sending the form twice creates one row.
    """

    key = models.UUIDField(default=uuid.uuid4)
    manager = models.ForeignKey("employees.Employee", on_delete=models.PROTECT, related_name="deputies")
    deputy = models.ForeignKey("employees.Employee", on_delete=models.PROTECT, related_name="stands_in_for")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    named_at = models.DateTimeField(db_default=Clock())
    named_by_id = models.BigIntegerField()
    named_by_label = models.TextField()
    ended_at = models.DateTimeField(null=True)
    ended_by_id = models.BigIntegerField(null=True)
    ended_by_label = models.TextField(blank=True)

    objects = DeputyshipQuerySet.as_manager()

    class Meta:
        ordering = ["ends_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["named_by_id", "key"], name="accounts_deputyship_once"),
            models.CheckConstraint(name="accounts_not_own_deputy", condition=~Q(manager=F("deputy"))),
            models.CheckConstraint(name="accounts_deputyship_forward", condition=Q(starts_at__lt=F("ends_at"))),
            models.CheckConstraint(
                name="accounts_deputyship_not_of_the_past", condition=Q(starts_at__gte=F("named_at"))
            ),
            models.CheckConstraint(
                name="accounts_deputyship_a_year_ahead", condition=Q(ends_at__lte=F("named_at") + Value(MAX_PERIOD))
            ),
            models.CheckConstraint(
                name="accounts_deputyship_ended_by_somebody",
                condition=Q(ended_at=None, ended_by_id=None, ended_by_label="")
                | (
                    # Test each field for NULL: a check constraint that evaluates to NULL passes.
                    Q(ended_at__isnull=False, ended_by_id__isnull=False, ended_at__gte=F("named_at"))
                    & ~Q(ended_by_label="")
                ),
            ),
            # Each person is a range of one number, so GiST needs no extension that the server may lack.
            ExclusionConstraint(
                name="accounts_deputyship_of_a_pair_once",
                expressions=[
                    (_point_range("manager"), RangeOperators.OVERLAPS),
                    (_point_range("deputy"), RangeOperators.OVERLAPS),
                    (_period(), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    @property
    def last_day(self) -> date:
        """The last day, in the company's time zone."""
        return timezone.localdate(self.ends_at - timedelta(microseconds=1), ZoneInfo(company_zone()))

    @property
    def first_day(self) -> date:
        """The first day, in the company's time zone."""
        return timezone.localdate(self.starts_at, ZoneInfo(company_zone()))
