"""The tables of the roll-up: sums over many people, of which any number of people is put together.

A row of sums holds for a block of the tree or for a department. What it holds of a person is what the first of their
changes since says, or, where there is none, what is stored (figures.py says what a person adds).
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.core.querysets import Clock


class SummaryState(models.Model):
    """Whether a campaign's sums may be believed: `ready`, and made over this version of the tree.

    From `building` on every mark says what it changes; of what is `void` nobody needs to.
    """

    class State(models.TextChoices):
        VOID = "void"
        BUILDING = "building"
        READY = "ready"

    campaign = models.OneToOneField("campaigns.Campaign", on_delete=models.PROTECT, primary_key=True, related_name="+")
    state = models.TextField(choices=State.choices)
    tree = models.BigIntegerField(null=True, help_text="version of the tree whose blocks these are")
    built_at = models.DateTimeField(db_default=Clock())

    class Meta:
        constraints = [
            models.CheckConstraint(name="standings_summary_state", condition=Q(state__in=["void", "building", "ready"]))
        ]


class SummaryCell(models.Model):
    """How many (`n`) of one kind there are in a block, or in a department; what the columns say is the kind's."""

    id = models.BigAutoField(primary_key=True)
    # No constraint here and below: rows come by the hundred thousand, and none of them is a fact.
    campaign = models.ForeignKey(
        "campaigns.Campaign", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    kind = models.TextField()
    block = models.IntegerField()
    department = models.TextField(blank=True)
    day = models.DateField()
    low = models.IntegerField()
    high = models.IntegerField()
    exempt = models.BooleanField()
    n = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "kind", "block", "department", "day", "low", "high", "exempt"],
                name="standings_summarycell_once",
            )
        ]


class SummaryDelta(models.Model):
    """What stood there of a person before a mark changed it; no `counted`: nothing. Appended, until it is summed up.

    Marks of one person wait for each other, so the smallest id is the first.
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
