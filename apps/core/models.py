"""The models that every other app uses. Core knows neither employees nor campaigns."""

import uuid

from django.db import models
from django.db.models import Q

from apps.core.querysets import AuditQuerySet, Clock, RowChangeQuerySet, SessionUser, ThisTransaction


class Setting(models.Model):
    """One value that the whole installation shares, such as the check value of its identity key."""

    name = models.TextField(primary_key=True)
    value = models.JSONField()


class OutboxRow(models.Model):
    """A pending re-evaluation: of an employee, or of the employees who hold an identity.

    Written in the transaction of the change, deleted in the transaction of the evaluation.
    """

    id = models.BigAutoField(primary_key=True)
    # No foreign key: core knows no employees, and a check of it would lock a row for each entry.
    employee_id = models.BigIntegerField(null=True)
    kind = models.TextField(null=True)
    digest = models.BinaryField(null=True)
    queued_at = models.DateTimeField(db_default=Clock())

    class Meta:
        db_table = "core_outbox"
        indexes = [
            models.Index(fields=["employee_id"], name="core_outbox_employee"),
            models.Index(fields=["kind", "digest"], name="core_outbox_identity"),
        ]
        constraints = [
            models.CheckConstraint(
                name="core_outbox_employee_or_identity",
                condition=Q(employee_id__isnull=False, kind__isnull=True, digest__isnull=True)
                | Q(employee_id__isnull=True, kind__isnull=False, digest__isnull=False),
            )
        ]


class Event(models.Model):
    """Something that happened, stored until apps.notifications has planned whom to notify.

    `data` holds numbers, days and codes; never a name, an identity or a free text.
    """

    id = models.BigAutoField(primary_key=True)
    kind = models.TextField()
    subject = models.TextField(help_text="a recipient is notified once of a kind and subject")
    # No foreign keys, as in the outbox.
    campaign_id = models.BigIntegerField(null=True)
    employee_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    actor_id = models.BigIntegerField(null=True, help_text="account that caused it")
    data = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=Clock())


class Job(models.Model):
    """A periodic effect that happened: at most one row for each job and period, committed with the effect."""

    job = models.TextField()
    period = models.TextField()
    done_at = models.DateTimeField(db_default=Clock())
    detail = models.JSONField(default=dict)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "period"], name="core_job_once_a_period")]


class Progress(models.Model):
    """The progress of a long task, for the user who waits for it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.TextField()
    owner_id = models.BigIntegerField(null=True, help_text="account that asked for it")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    started_at = models.DateTimeField(db_default=Clock())
    updated_at = models.DateTimeField(db_default=Clock())
    finished_at = models.DateTimeField(null=True)
    failed = models.BooleanField(default=False)
    result = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["owner_id", "started_at"], name="core_progress_owner")]
        constraints = [
            models.CheckConstraint(name="core_progress_done_not_negative", condition=Q(done__gte=0)),
            models.CheckConstraint(
                name="core_progress_failed_is_finished", condition=Q(failed=False) | Q(finished_at__isnull=False)
            ),
        ]


class StoredFile(models.Model):
    """Bytes in the database until they expire: uploads, rejected lines, finished exports."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.TextField()
    content_type = models.TextField()
    size = models.BigIntegerField()
    unpacked_size = models.BigIntegerField(default=0, db_default=0, help_text="of a small archive, as a workbook is")
    sha256 = models.BinaryField()
    owner_id = models.BigIntegerField(null=True, help_text="account that may fetch it")
    stored_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField(db_index=True)


class StoredChunk(models.Model):
    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(StoredFile, on_delete=models.CASCADE)
    position = models.IntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "position"], name="core_chunk_once")]


class FilePreview(models.Model):
    """A worker's report on an uploaded file, for the account that sent it. It is deleted with the file.

    `asked` says how to read the file, `version` counts the changes of `asked`, and `report` is empty until a worker has
    read the file.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        MADE = "made"

    file = models.OneToOneField(StoredFile, on_delete=models.CASCADE, primary_key=True, related_name="preview")
    state = models.TextField(choices=State.choices, default=State.WAITING)
    asked = models.JSONField(default=dict)
    version = models.IntegerField(default=1)
    report = models.JSONField(default=dict)
    attachment = models.BinaryField(default=b"", help_text="rejected lines to correct, as CSV")
    asked_at = models.DateTimeField()
    advanced_at = models.DateTimeField(help_text="when a worker began, or it was asked for")
    attempts = models.IntegerField(default=0, help_text="starts since it was asked for")

    class Meta:
        indexes = [
            models.Index(fields=["advanced_at"], condition=Q(state="waiting"), name="core_preview_waiting"),
        ]
        constraints = [
            models.CheckConstraint(name="core_preview_state", condition=Q(state__in=["waiting", "made"])),
        ]


class LargeFileTurn(models.Model):
    """When a worker last began a large file of an account; the account that has waited longest comes next.

    Not part of a file: its owner can delete a file or request its preview again, and must not get another turn by that.
    """

    owner_id = models.BigIntegerField(primary_key=True)
    begun_at = models.DateTimeField()


class AuditEntry(models.Model):
    """Who did what to whom, and when. Append-only: triggers and grants enforce it.

    Actors and subjects are ids and labels without a foreign key, so that no deletion removes an entry. `transaction` is
    the one of the action: the RowChanges of the same transaction belong to it.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Clock())
    actor_id = models.BigIntegerField(null=True)
    actor_label = models.TextField()
    action = models.TextField()
    subject_kind = models.TextField(blank=True)
    subject_id = models.TextField(blank=True)
    subject_label = models.TextField(blank=True)
    detail = models.JSONField(default=dict)
    origin = models.TextField(db_default=SessionUser(), help_text="from where: page, API or command, and the address")
    transaction = models.TextField(db_default=ThisTransaction())

    objects = AuditQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["at"], name="core_audit_at"),
            models.Index(fields=["subject_kind", "subject_id"], name="core_audit_subject"),
            models.Index(fields=["transaction"], name="core_audit_transaction"),
        ]
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor_label} {self.action} {self.subject_label}"


class AuditOutboxRow(models.Model):
    """An audit entry that waits for AUDIT_STREAM, added by a trigger; deleted when the receiver has it.

    With a sequence it may have been sent already; it is sent again with the same one.
    """

    # No foreign key: a check of it would lock a row of the trail for each entry.
    entry_id = models.BigIntegerField(primary_key=True)
    sequence = models.BigIntegerField(null=True, unique=True)

    class Meta:
        db_table = "core_auditoutbox"


class RowChange(models.Model):
    """One statement that changed rows of an audited table, written by the table's trigger for every session.
    Append-only.

    It holds a few keys and, for some tables, the values before and after; never a name or an identity. When the
    transaction wrote no audit entry, the commit adds one that says so.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Clock())
    transaction = models.TextField(db_default=ThisTransaction())
    origin = models.TextField(db_default=SessionUser(), help_text="the database's user, and from where")
    table_name = models.TextField()
    operation = models.TextField(help_text="insert, update, delete or truncate")
    # TRUNCATE shows its trigger no rows, so their number is unknown.
    rows = models.BigIntegerField(null=True, help_text="empty: all there were")
    keys = models.JSONField(default=list, help_text="of the first few rows")
    before = models.JSONField(default=list)
    after = models.JSONField(default=list)

    objects = RowChangeQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["transaction"], name="core_rowchange_transaction")]
