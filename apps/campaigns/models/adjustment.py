"""Adjustments: the request of one HR user, the decision of another, and the resulting terms for each employee.

Triggers (`triggers.sql`) enforce what no column constraint can: the actor's role, that HR users do not decide about
themselves, and that rows do not change afterwards.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core.periods import in_force
from apps.core.querysets import Clock
from apps.employees.models import Employee

# The end of an adjustment without a last day.
FOR_EVER = datetime.max.replace(tzinfo=UTC)


class AdjustmentRequest(models.Model):
    """A request of one HR user that another grants or refuses: adjust one employee, adjust many, or end adjustments.

    `employee` is the employee concerned, None for many. For many there is either a rule, `joined_after` (with an
    optional `department`), or a file, of which only `file_name` is kept. `ends` is the request whose adjustments this
    one ends: all of them, or those of `employee`.
    """

    class Kind(models.TextChoices):
        LEAVE = "leave", _("leave")
        JOINED_LATE = "joined_late", _("joined late")
        PART_TIME = "part_time", _("part time")
        OTHER = "other", _("other")

    class Decision(models.TextChoices):
        GRANTED = "granted", _("approved")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")

    key = models.UUIDField(unique=True, default=uuid.uuid4, help_text="of the form: sent twice, it has one effect")
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, null=True)
    # The kind and `reason` are often about health: managers never read them (ADR 28).
    kind = models.TextField(choices=Kind.choices)
    kind_text = models.TextField(blank=True)
    reason = models.TextField()
    joined_after = models.DateField(null=True)
    department = models.TextField(blank=True)
    file_name = models.TextField(blank=True)
    ends = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="endings")
    asked_at = models.DateTimeField(db_default=Clock())
    asked_by_id = models.BigIntegerField()
    asked_by_label = models.TextField()
    decision = models.TextField(choices=Decision.choices, null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by_id = models.BigIntegerField(null=True)
    decided_by_label = models.TextField(blank=True)
    note = models.TextField(blank=True, help_text="why it was refused")

    class Meta:
        indexes = [models.Index(fields=["campaign", "decision"], name="campaigns_request_decision")]
        constraints = [
            models.CheckConstraint(
                name="campaigns_request_kind",
                condition=Q(kind__in=["leave", "joined_late", "part_time"], kind_text="")
                | (Q(kind="other") & ~Q(kind_text="")),
            ),
            models.CheckConstraint(name="campaigns_request_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="campaigns_request_about_one_or_many",
                condition=Q(ends__isnull=False, joined_after__isnull=True, department="", file_name="")
                | Q(ends__isnull=True, employee__isnull=False, joined_after__isnull=True, department="", file_name="")
                | (
                    Q(ends__isnull=True, employee__isnull=True)
                    & (
                        Q(joined_after__isnull=False, file_name="")
                        | (Q(joined_after__isnull=True, department="") & ~Q(file_name=""))
                    )
                ),
            ),
            models.CheckConstraint(
                name="campaigns_request_decided_by_another",
                condition=Q(decision__isnull=True, decided_at__isnull=True, decided_by_id__isnull=True)
                | (
                    # Each field is named explicitly: a check that evaluates to NULL counts as fulfilled.
                    Q(decision__isnull=False, decided_at__isnull=False, decided_by_id__isnull=False)
                    & (
                        (Q(decision__in=["granted", "refused"]) & ~Q(decided_by_id=F("asked_by_id")))
                        | Q(decision="withdrawn", decided_by_id=F("asked_by_id"))
                    )
                ),
            ),
            models.CheckConstraint(
                name="campaigns_request_refused_with_a_reason", condition=~Q(decision="refused") | ~Q(note="")
            ),
            models.UniqueConstraint(
                fields=["campaign", "employee", "asked_by_id"],
                condition=Q(decision__isnull=True, ends__isnull=True, employee__isnull=False),
                name="campaigns_request_one_waiting",
            ),
            models.UniqueConstraint(
                fields=["ends", "employee"],
                condition=Q(decision__isnull=True, ends__isnull=False),
                nulls_distinct=False,
                name="campaigns_request_one_ending_waiting",
            ),
        ]

    @property
    def for_many(self) -> bool:
        return self.joined_after is not None or self.from_file

    @property
    def from_file(self) -> bool:
        return self.file_name != ""

    @property
    def waiting(self) -> bool:
        return self.decision is None


class AdjustmentQuerySet(models.QuerySet["Adjustment"]):
    def not_over(self, as_of: datetime) -> AdjustmentQuerySet:
        """Filter granted adjustments that are in force just before `as_of` or later."""
        return self._granted_and_not_ended(as_of).filter(ends_at__gte=as_of)

    def in_force(self, as_of: datetime) -> AdjustmentQuerySet:
        """Filter adjustments in force just before `as_of`; Adjustment explains which of several decides."""
        return self._granted_and_not_ended(as_of).filter(in_force(as_of))

    def _granted_and_not_ended(self, as_of: datetime) -> AdjustmentQuerySet:
        # `>=`: what ends at an instant still holds just before it.
        return self.filter(Q(ended_at=None) | Q(ended_at__gte=as_of), granted_at__isnull=False)


class Adjustment(models.Model):
    """Another target for one employee, or an exemption: created by a request, in force once granted.

    It holds in [starts_at, ends_at), shortened by `ended_at`. When several hold at one instant, the one that began last
    decides; of those that began together, the newest. Target and exemption are decided separately. `left_out` gives the
    reason why one employee of a request for many was not adjusted.
    """

    class SkipReason(models.TextChoices):
        OWN = "own", _("has an adjustment of their own")
        GONE = "gone", _("no longer matches: left, moved, or joined earlier")
        CHANGED = "changed", _("the first day, the campaign's target or its days have changed")
        SELF = "self", _("is the HR user who decides; another HR user has to decide")

    request = models.ForeignKey(AdjustmentRequest, on_delete=models.PROTECT)
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT)
    target = models.IntegerField(null=True)
    exempt = models.BooleanField(null=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    granted_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # The database's name of what the code calls a skip reason.
    left_out = models.TextField(choices=SkipReason.choices, blank=True)

    objects = AdjustmentQuerySet.as_manager()

    class Meta:
        indexes = [
            # Granted ones alone: an evaluation must not become slower with each request that was withdrawn.
            models.Index(
                fields=["campaign", "employee", "starts_at"],
                condition=Q(granted_at__isnull=False),
                name="campaigns_adjustment_of",
            ),
            models.Index(fields=["campaign", "ends_at"], name="campaigns_adjustment_end"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["request", "employee"], name="campaigns_adjustment_once"),
            models.CheckConstraint(
                name="campaigns_adjustment_target", condition=Q(target__isnull=True) | Q(target__gte=1)
            ),
            models.CheckConstraint(
                name="campaigns_adjustment_says_one_thing",
                condition=Q(target__isnull=False, exempt__isnull=True) | Q(target__isnull=True, exempt__isnull=False),
            ),
            models.CheckConstraint(name="campaigns_adjustment_forward", condition=Q(starts_at__lt=F("ends_at"))),
            models.CheckConstraint(
                name="campaigns_adjustment_granted_or_left_out",
                condition=Q(left_out="") | Q(left_out__in=["own", "gone", "changed", "self"], granted_at__isnull=True),
            ),
            models.CheckConstraint(
                name="campaigns_adjustment_ended_after_its_grant",
                condition=Q(ended_at__isnull=True) | Q(granted_at__isnull=False, ended_at__gte=F("granted_at")),
            ),
        ]

    @property
    def until(self) -> datetime:
        return self.ends_at if self.ended_at is None else min(self.ends_at, self.ended_at)
