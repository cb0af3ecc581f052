"""The tables of runs over all employees. A run has ranges, which workers process and retry in any order."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core.querysets import Clock


class MarkRun(models.Model):
    """One pass over all employees for one campaign: an evaluation, or a recount that repairs what it finds.

    The transaction of the last range also ends the run and stores the sum of the ranges in `totals`.
    """

    class Work(models.TextChoices):
        MARK = "mark", _("mark")
        RECOUNT = "recount", _("recount")

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="runs")
    work = models.TextField(choices=Work.choices)
    cause = models.TextField(help_text="why everybody: opened, rule, asked or night")
    invalidates = models.BooleanField(
        default=False, help_text="what stands there is not to be believed before its range is done"
    )
    asked_by_id = models.BigIntegerField(null=True)
    asked_by_label = models.TextField()
    started_at = models.DateTimeField(db_default=Clock())
    finished_at = models.DateTimeField(null=True)
    totals = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.CheckConstraint(name="standings_run_work", condition=Q(work__in=["mark", "recount"])),
        ]

    def __str__(self) -> str:
        return f"{self.work} of {self.campaign} ({self.cause})"

    def progress(self) -> tuple[int, int]:
        """Return how many of its ranges are done, and how many it has."""
        counts: dict[str, Any] = self.ranges.aggregate(
            done=models.Count("pk", filter=Q(state=MarkRange.State.DONE)), total=models.Count("pk")
        )
        return counts["done"], counts["total"]


class MarkRange(models.Model):
    """The employees of a run from one id to another. `waiting` until its effect is committed, then `done` for ever."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(MarkRun, on_delete=models.CASCADE, related_name="ranges")
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    state = models.TextField(choices=State.choices, default=State.WAITING)
    attempts = models.IntegerField(default=0)
    enqueued_at = models.DateTimeField(null=True, help_text="when a worker was last asked to process it")
    # Both instants count: a range is due when it was neither enqueued nor begun for an interval.
    claimed_at = models.DateTimeField(null=True, help_text="when a worker last began to process it")
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(default=dict)

    class Meta:
        indexes = [
            # Partial: readers ask for waiting ranges on every page, and nearly all ranges are done.
            models.Index(fields=["run"], name="standings_range_waiting", condition=Q(state="waiting")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["run", "first_id"], name="standings_range_once"),
            models.CheckConstraint(name="standings_range_forward", condition=Q(first_id__lte=F("last_id"))),
            models.CheckConstraint(
                name="standings_range_done_is_finished",
                condition=Q(state="waiting", finished_at__isnull=True) | Q(state="done", finished_at__isnull=False),
            ),
        ]
