"""The tables of the summaries: stored sums, which a report about many employees reads.

A row is the sum for a manager's team or for a department. An employee's share is the state in their oldest pending
delta or, without a delta, in the stored standing (metrics.py defines the figures).
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.core.querysets import Clock


class SummaryState(models.Model):
    """Whether a campaign's sums are valid: the state is `ready`, and `tree` is the current version of the org tree.

    In the states `building` and `ready` every evaluation records its changes as deltas; in `void` it does not.
    """

    class State(models.TextChoices):
        VOID = "void"
        BUILDING = "building"
        READY = "ready"

    campaign = models.OneToOneField("campaigns.Campaign", on_delete=models.PROTECT, primary_key=True, related_name="+")
    state = models.TextField(choices=State.choices)
    # Sums of another tree are invalid without any write to this table.
    tree = models.BigIntegerField(null=True, help_text="version of the tree whose teams these are")
    as_of = models.DateTimeField(db_default=Clock(), help_text="the sums contain every change before it")

    class Meta:
        constraints = [
            models.CheckConstraint(name="standings_summary_state", condition=Q(state__in=["void", "building", "ready"]))
        ]


class SummaryCell(models.Model):
    """The number `n` of one kind in a team, or in a department of the company.

    `manager`: the lead of the team, who is no part of it; 0 for the company. The kind defines what the other columns
    mean (metrics.py).
    """

    id = models.BigAutoField(primary_key=True)
    # No foreign keys here and below: a build inserts hundreds of thousands of rows, all of them derived data.
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.TextField()
    manager = models.BigIntegerField()
    department = models.TextField(blank=True)
    day = models.DateField()
    low = models.IntegerField()
    high = models.IntegerField()
    exempt = models.BooleanField()
    n = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "kind", "manager", "department", "day", "low", "high", "exempt"],
                name="standings_summarycell_once",
            )
        ]


class SummaryDelta(models.Model):
    """An employee's figures before an evaluation changed them, kept until they are summed. No `counted`: no standing.

    Evaluations of one employee wait for each other, so the smallest id is the oldest delta.
    """

    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    employee = models.ForeignKey(
        "employees.Employee", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    counted = models.IntegerField(null=True)
    target = models.IntegerField(null=True)
    exempt = models.BooleanField(null=True)
    days = ArrayField(models.DateField())
    counts = ArrayField(models.IntegerField())

    class Meta:
        indexes = [models.Index(fields=["campaign", "employee"], name="standings_summarydelta_of")]
