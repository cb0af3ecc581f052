"""Exports: the request, and the manifest of its file; and the schedules by which files are requested again.

The request never changes. The manifest is written once, with the file. The bytes expire, the manifest stays.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from apps.core.models import StoredFile
from apps.employees.models import Employee


class ExportQuerySet(models.QuerySet):
    def visible_to(self, user: Any) -> ExportQuerySet:
        """The exports of this account, while it may still see their people; all exports for HR.

        An auditor sees own exports of whole results. A team's file needs access to a team that still exists, a person's
        file access to the person.
        """
        if user.has_role("hr"):
            return self
        people = Employee.objects.visible_to(user).values("pk")
        leads = Employee.objects.teams_visible_to(user)
        of_team = Q(single_person=False, root__in=leads.with_team().values("pk"))
        allowed = of_team | Q(single_person=True, root__in=people) & Q(root__in=leads.values("pk"))
        if user.has_role("auditor"):
            allowed |= Q(root=None, result_version__isnull=False)
        return self.filter(allowed, asked_by_id=user.pk)

    def waiting(self) -> ExportQuerySet:
        """Requested and not made yet, oldest first."""
        return self.filter(state=Export.State.WAITING).order_by("asked_at", "pk")


class Export(models.Model):
    """One file: its population, instant and filters; then its row count and the SHA-256 of its bytes.

    `root`: the lead of the team (everyone below), or, with `single_person`, that employee; null for the company.
    `as_of`: the instant of its rows (strictly before). `key`: the idempotency key of the form. `file`: empty once the
    bytes have expired, or for a direct download. `signature`: the signature file of a hand-over; it expires with the
    file.
    """

    class Kind(models.TextChoices):
        STANDINGS = "standings", _("Standings")
        DAYS = "days", _("Counts by day")
        TEAMS = "teams", _("Team reports")
        FLIPS = "flips", _("Status changes")
        ADJUSTMENTS = "adjustments", _("Adjustments")
        REVIEWS = "reviews", _("Reviews")
        LEAVERS = "leavers", _("Leavers")
        ROSTER_CHANGES = "roster_changes", _("Roster changes")
        HANDOVER = "handover", _("Hand-over")

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        GZIP = "csv.gz", _("CSV, packed (gzip)")
        XLSX = "xlsx", "Excel (XLSX)"

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    key = models.UUIDField(default=uuid.uuid4)
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, db_index=False)
    kind = models.TextField(choices=Kind.choices)
    format = models.TextField(choices=Format.choices, default=Format.CSV, db_column="form")
    root = models.ForeignKey(Employee, on_delete=models.PROTECT, null=True, db_index=False)
    single_person = models.BooleanField(default=False, db_column="alone")
    direct_download = models.BooleanField(
        default=False, db_column="live", help_text="sent with the numbers of a page, not judged anew"
    )
    filters = models.JSONField(default=dict, help_text="status, q, department and sort, as the address of a page")
    columns = models.JSONField(default=list, help_text="names, in order; empty: all")
    as_of = models.DateTimeField()
    since = models.DateTimeField(null=True, help_text="where a file tells what changed: from when on")
    result_version = models.IntegerField(null=True)
    rule_version = models.IntegerField()
    asked_at = models.DateTimeField()
    asked_by_id = models.BigIntegerField()
    asked_by_label = models.TextField()
    rerun_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, db_index=False)
    schedule = models.ForeignKey("ExportSchedule", on_delete=models.PROTECT, null=True, db_index=False)
    period = models.DateField(null=True, help_text="of a schedule: the local day for which it was made")
    state = models.TextField(choices=State.choices, default=State.WAITING)
    attempts = models.IntegerField(default=0)
    made_at = models.DateTimeField(null=True)
    rows = models.BigIntegerField(null=True)
    size = models.BigIntegerField(null=True)
    sha256 = models.BinaryField(null=True, help_text="of the file's bytes")
    error = models.TextField(blank=True)
    file = models.ForeignKey(StoredFile, on_delete=models.SET_NULL, null=True, related_name="+")
    signature = models.ForeignKey(StoredFile, on_delete=models.SET_NULL, null=True, related_name="+", db_index=False)

    objects = ExportQuerySet.as_manager()

    class Meta:
        ordering = ["-asked_at", "-pk"]
        indexes = [
            models.Index(fields=["asked_at"], name="exports_export_asked"),
            models.Index(fields=["asked_by_id", "asked_at"], name="exports_export_of"),
            models.Index(fields=["asked_at"], condition=Q(state="waiting"), name="exports_export_waiting"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["asked_by_id", "key"], name="exports_export_once"),
            models.UniqueConstraint(fields=["schedule", "period"], name="exports_export_once_a_period"),
            models.CheckConstraint(
                name="exports_export_schedule",
                condition=Q(schedule=None, period=None) | Q(schedule__isnull=False, period__isnull=False),
            ),
            models.CheckConstraint(
                name="exports_export_kind",
                condition=Q(
                    kind__in=[
                        "standings", "days", "teams", "flips", "adjustments", "reviews", "leavers", "roster_changes",
                        "handover",
                    ]
                ),
            ),
            models.CheckConstraint(name="exports_export_form", condition=Q(format__in=["csv", "csv.gz", "xlsx"])),
            models.CheckConstraint(name="exports_export_as_of", condition=Q(as_of__lte=F("asked_at"))),
            models.CheckConstraint(
                name="exports_export_state",
                condition=Q(state="waiting", made_at=None, sha256=None, rows=None, size=None, error="")
                | Q(state="done", made_at__isnull=False, sha256__isnull=False, rows__gte=0, size__gte=0, error="")
                | (Q(state="failed", made_at__isnull=False, sha256=None, rows=None, file=None) & ~Q(error="")),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.kind} {self.as_of:%Y-%m-%d %H:%M}"

    @property
    def name(self) -> str:
        """The file name: kind, campaign, people, filters and instant."""
        whose = "" if self.root is None else self.root.staff_no
        parts = [
            self.kind.replace("_", "-"),
            self.campaign.slug,
            # A staff number may hold any character, a file name may not.
            "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "_" for char in whose),
            *filter_words(self.filters),
            f"from-{stamp(self.since)}" if self.since else "",
            f"result-{self.result_version}" if self.result_version else "",
            stamp(self.as_of),
        ]
        return f"{'-'.join(filter(None, parts))}.{self.format}"


def filter_words(filters: Mapping[str, str]) -> list[str]:
    """The filters of a file for its name; of a search only that there was one, because its text may name a person."""
    department = filters.get("department", "")
    # In Chinese 40 characters take 120 of the 255 bytes that a file name may have.
    short = slugify(department, allow_unicode=True)[:40] or "department"
    return [
        slugify(filters.get("status", "")),
        slugify(filters.get("change", "")),
        short if department.strip() else "no-department" if department else "",
        "search" if filters.get("q") else "",
    ]


def stamp(at: datetime) -> str:
    """An instant for a file's name, in UTC: 20261130T160000Z."""
    return at.strftime("%Y%m%dT%H%M%SZ")


class ExportScheduleQuerySet(models.QuerySet):
    def of(self, user: Any) -> ExportScheduleQuerySet:
        """The schedules of this account, newest first. No other account sees them, HR neither."""
        return self.filter(owner_id=user.pk).exclude(state="deleted").order_by("-created_at", "-pk")

    def due(self, now: datetime) -> ExportScheduleQuerySet:
        """Those to look at now. One whose last file still waits for a worker is not due: files do not pile up."""
        waiting = Export.objects.filter(schedule=models.OuterRef("pk"), state=Export.State.WAITING)
        return self.filter(~models.Exists(waiting), state="active", next_run_at__lte=now)


class ExportSchedule(models.Model):
    """A file that is made again every day or week, at an hour of its owner's time zone.

    `key`: the idempotency key of the form. `as_hr`: requested with the rights of HR. `weekday`: 0 is Monday, null every
    day. `active_since`: creation or last resumption; no file is made for an hour before. `next_run_at`: when a worker
    looks at it next. `problem`: why there is no file for the last hour.
    """

    class State(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        ENDED = "ended"
        DELETED = "deleted"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    key = models.UUIDField()
    owner_id = models.BigIntegerField()
    as_hr = models.BooleanField()
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, db_index=False)
    kind = models.TextField(choices=Export.Kind.choices)
    format = models.TextField(choices=Export.Format.choices)
    root = models.ForeignKey(Employee, on_delete=models.PROTECT, null=True, db_index=False)
    filters = models.JSONField(default=dict)
    columns = models.JSONField(default=list)
    since = models.DateTimeField(null=True)
    weekday = models.SmallIntegerField(null=True)
    hour = models.SmallIntegerField()
    ends_on = models.DateField(null=True, help_text="the last local day; null: until the campaign's deadline")
    state = models.TextField(choices=State.choices, default=State.ACTIVE)
    end_reason = models.TextField(blank=True, default="")
    problem = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()
    active_since = models.DateTimeField()
    next_run_at = models.DateTimeField()

    objects = ExportScheduleQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["next_run_at"], condition=Q(state="active"), name="exports_schedule_due")]
        constraints = [
            models.UniqueConstraint(fields=["owner_id", "key"], name="exports_schedule_once"),
            models.CheckConstraint(
                name="exports_schedule_codes",
                condition=Q(kind__in=Export.Kind.values, format__in=Export.Format.values),
            ),
            models.CheckConstraint(
                name="exports_schedule_time",
                condition=Q(hour__range=(0, 23)) & (Q(weekday=None) | Q(weekday__range=(0, 6))),
            ),
            models.CheckConstraint(
                name="exports_schedule_state",
                condition=Q(state__in=["active", "paused"], end_reason="")
                | Q(state="deleted")
                | (Q(state="ended") & ~Q(end_reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind.replace('_', '-')}-{self.campaign.slug}"
