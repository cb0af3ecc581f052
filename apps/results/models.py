"""Frozen results: the standings at the cut-off, permanent, and the corrections that two HR members make together.

Grants and triggers prevent every update and delete. Rows are stored before their result, since the digest is made from
them; a deferred foreign key ensures that every row has its result at the commit.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from apps.campaigns.querysets import IsRed
from apps.contacts.models import Contact
from apps.core.querysets import Clock
from apps.employees.models import Employee


class FrozenResult(models.Model):
    """One version of a campaign's result: 1 is the freeze, each later one a granted correction.

    `digest` and `signature` cover the rows of this version in canonical form (apps/results/verification.py), in the
    version `canonical_form`. `public_key` is the PEM of the signing key.
    """

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="results", db_index=False)
    version = models.IntegerField()
    frozen_at = models.DateTimeField(db_default=Clock())
    rule_version = models.IntegerField()
    cutoff_at = models.DateTimeField()
    snapshot_at = models.DateTimeField()
    rows = models.IntegerField()
    red = models.IntegerField()
    canonical_form = models.IntegerField(default=1, db_default=1, help_text="which columns the signature covers")
    digest = models.TextField()
    signature = models.TextField(help_text="Ed25519, base64")
    public_key = models.TextField(help_text="PEM")
    created_by_label = models.TextField()
    reasons_kept = models.BooleanField(
        default=False, db_default=False, help_text="whether FrozenReason has why contacts did not count in it"
    )

    class Meta:
        ordering = ["campaign", "version"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "version"], name="results_result_version"),
            models.CheckConstraint(name="results_result_from_one", condition=Q(version__gte=1)),
            models.CheckConstraint(name="results_result_after_cutoff", condition=Q(snapshot_at__gte=F("cutoff_at"))),
        ]

    def __str__(self) -> str:
        return f"{self.campaign} result {self.version}"


class FrozenStanding(models.Model):
    """One employee's final standing in one version, with the org position of that day and counted contacts by day."""

    id = models.BigAutoField(primary_key=True)
    # No foreign keys to check: a result copies hundreds of thousands of rows that were just read.
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, db_constraint=False, db_index=False)
    version = models.IntegerField()
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    staff_no = models.TextField()
    name = models.TextField()
    email = models.TextField()
    department = models.TextField(blank=True)
    manager_staff_no = models.TextField(blank=True)
    counted = models.IntegerField()
    target = models.IntegerField()
    exempt = models.BooleanField()
    red = models.GeneratedField(
        expression=IsRed("counted", "target", "exempt"), output_field=models.BooleanField(), db_persist=True
    )
    remaining = models.GeneratedField(
        expression=Greatest(F("target") - F("counted"), 0), output_field=models.IntegerField(), db_persist=True
    )
    pace = models.TextField()
    target_reached_at = models.DateTimeField(null=True)
    # Arrays and not a table: they are always read whole, with the row.
    days = ArrayField(models.DateField(), default=list)
    counts = ArrayField(models.IntegerField(), default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "version", "employee"], name="results_frozen_once"),
            models.CheckConstraint(name="results_frozen_counted", condition=Q(counted__gte=0)),
            models.CheckConstraint(name="results_frozen_target", condition=Q(target__gte=1)),
            models.CheckConstraint(
                name="results_frozen_pace", condition=Q(pace__in=["done", "ahead", "on_pace", "behind"])
            ),
        ]


class FrozenReason(models.Model):
    """Why a contact that came in time did not count in a result, as evaluated for it, whatever changes later.

    A contact that came in time (recorded in the period, stored by the snapshot) and has no row here counted.
    """

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, db_constraint=False, db_index=False)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    reason = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "employee", "contact"], name="results_frozen_reason_once"),
            models.CheckConstraint(
                name="results_frozen_reason_known",
                condition=Q(reason__in=["ended", "not_external", "unconfirmed", "claimed"]),
            ),
        ]


class FrozenOrgPosition(models.Model):
    """An employee's place in the tree at the cut-off; everyone below has `first` in (first, last] of this node."""

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, db_constraint=False, db_index=False)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, db_constraint=False, db_index=False)
    manager_id = models.BigIntegerField(null=True)
    first = models.IntegerField()
    last = models.IntegerField()

    class Meta:
        indexes = [models.Index(fields=["campaign", "manager_id"], name="results_frozen_reports")]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "employee"], name="results_frozen_place"),
            models.UniqueConstraint(fields=["campaign", "first"], name="results_frozen_order"),
        ]


class ResultCorrection(models.Model):
    """A change of a frozen result that one HR member requests or withdraws, and another one grants or refuses.

    Granted, it makes `result_version`. No one requests or decides a change of their own standing.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("requested")
        GRANTED = "granted", _("approved")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")

    key = models.UUIDField(
        unique=True, null=True, help_text="of the file that it was requested with: one request a file"
    )
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="corrections")
    state = models.TextField(choices=State.choices, default=State.ASKED)
    reason = models.TextField()
    evidence = models.TextField()
    # NULL in requests from before the column; those can only be refused.
    asked_of = models.IntegerField(null=True, help_text="the version of the result that it was made against")
    asked_at = models.DateTimeField(db_default=Clock())
    asked_by_id = models.BigIntegerField()
    asked_by_label = models.TextField()
    decided_at = models.DateTimeField(null=True)
    decided_by_id = models.BigIntegerField(null=True)
    decided_by_label = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    result_version = models.IntegerField(null=True)

    class Meta:
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "result_version"], name="results_correction_version"),
            models.CheckConstraint(name="results_correction_says_why", condition=~Q(reason="") & ~Q(evidence="")),
            models.CheckConstraint(
                name="results_correction_two_people",
                condition=~Q(state="withdrawn") & ~Q(decided_by_id=F("asked_by_id"))
                | Q(state="withdrawn", decided_by_id=F("asked_by_id")),
            ),
            models.CheckConstraint(
                name="results_correction_decided",
                condition=Q(state="asked", decided_at=None, decided_by_id=None, result_version=None)
                | Q(state="granted", decided_at__isnull=False, decided_by_id__isnull=False, result_version__gt=1)
                | Q(
                    state__in=["refused", "withdrawn"],
                    decided_at__isnull=False,
                    decided_by_id__isnull=False,
                    result_version=None,
                ),
            ),
        ]


class CorrectionLine(models.Model):
    """The new standing of one employee."""

    id = models.BigAutoField(primary_key=True)
    correction = models.ForeignKey(ResultCorrection, on_delete=models.PROTECT, related_name="lines")
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT)
    counted = models.IntegerField()
    target = models.IntegerField()
    exempt = models.BooleanField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["correction", "employee"], name="results_correction_line_once"),
            models.CheckConstraint(name="results_correction_counted", condition=Q(counted__gte=0)),
            models.CheckConstraint(name="results_correction_target", condition=Q(target__gte=1)),
        ]
