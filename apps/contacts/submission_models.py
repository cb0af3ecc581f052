"""Submissions, and how an employee's files are read."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from apps.core.models import StoredFile
from apps.employees.models import Employee


class Source(models.TextChoices):
    PAGE = "page", _("page")
    PASTE = "paste", _("paste")
    API = "api", _("API")
    CSV = "csv", _("CSV file")
    VCARD = "vcard", _("vCard file")
    FEED = "feed", _("feed")
    DEMO = "demo", _("demo")


# A form's report has one outcome per person; a file's report has counts. Both give the numbers submitted and refused.
HANDED_IN = """CASE WHEN report ? 'outcomes' THEN jsonb_array_length(report -> 'outcomes')
    ELSE coalesce((report ->> 'read')::integer, (report ->> 'handed_in')::integer, 0) END"""
DUPLICATES = """CASE WHEN report ? 'outcomes'
    THEN jsonb_array_length(jsonb_path_query_array(report, '$.outcomes[*] ? (@.code == "duplicate")'))
    ELSE coalesce((report ->> 'duplicate')::integer, 0) END"""


class Submission(models.Model):
    """A form, an API call or a file that was submitted.

    It is stored before its contacts, which count from `received_at`. A deadline therefore cannot fall between the
    receipt and the recording.
    """

    class State(models.TextChoices):
        RECEIVED = "received"
        DONE = "done"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, null=True, help_text="empty: a file for many")
    key = models.TextField(null=True, help_text="the sender's own key: the same key again is the same submission")
    source = models.TextField(choices=Source.choices)
    state = models.TextField(choices=State.choices, default=State.RECEIVED)
    received_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    # No foreign key: who submitted it stays known when the account is gone.
    actor_id = models.BigIntegerField(null=True)
    actor_label = models.TextField()
    payload = models.JSONField(null=True, help_text="the drafts until they are recorded; emptied then")
    report = models.JSONField(default=dict)
    handed_in = models.GeneratedField(
        expression=RawSQL(HANDED_IN, ()),  # noqa: S611 # nosec B611 # a text of our own
        output_field=models.IntegerField(help_text="people who were submitted, whatever became of them"),
        db_persist=True,
    )
    duplicates = models.GeneratedField(
        expression=RawSQL(DUPLICATES, ()),  # noqa: S611 # nosec B611 # a text of our own
        output_field=models.IntegerField(help_text="how many of them the employee had recorded already"),
        db_persist=True,
    )
    rejects = models.ForeignKey(StoredFile, on_delete=models.SET_NULL, null=True, related_name="+")
    file_name = models.TextField(blank=True)
    # A submitted file: its bytes, how to read them, and how far the import has come.
    file = models.ForeignKey(StoredFile, on_delete=models.SET_NULL, null=True, related_name="+")
    sha256 = models.BinaryField(null=True, help_text="of the file's bytes")
    layout = models.JSONField(default=dict, help_text="how the file is read: format, encoding, roles of the columns")
    total = models.BigIntegerField(null=True, help_text="records in the file, where they were counted before")
    done = models.BigIntegerField(default=0, help_text="records of the file that are dealt with: its checkpoint")
    advanced_at = models.DateTimeField(null=True, help_text="when the checkpoint moved last")
    attempts = models.IntegerField(default=0, help_text="starts since the checkpoint moved last")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["received_at"], condition=Q(state="received"), name="contacts_submission_waiting"),
            models.Index(fields=["sha256"], condition=Q(state="received"), name="contacts_submission_unfinished"),
            models.Index(fields=["employee", "received_at"], name="contacts_submission_employee"),
            # Those whose outcomes the day's clean-up deletes.
            models.Index(
                fields=["done_at"],
                condition=Q(report__has_key="outcomes") | Q(source="feed", report__has_key="rejects"),
                name="contacts_submission_outcomes",
            ),
            # Sums for the whole company use this index alone, without reading a report.
            models.Index(
                fields=["received_at"],
                include=["employee", "source", "handed_in", "duplicates"],
                name="contacts_submission_counters",
            ),
        ]
        constraints = [
            # Two requests with one key at the same time: the second one finds the first submission.
            models.UniqueConstraint(
                fields=["employee", "key"], condition=Q(key__isnull=False), name="contacts_submission_once"
            ),
            models.CheckConstraint(
                name="contacts_submission_done_has_time",
                condition=Q(state="received", done_at__isnull=True) | (~Q(state="received") & Q(done_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="contacts_submission_payload_emptied", condition=Q(state="received") | Q(payload__isnull=True)
            ),
            models.CheckConstraint(name="contacts_submission_source", condition=Q(source__in=Source.values)),
            models.CheckConstraint(name="contacts_submission_done_not_negative", condition=Q(done__gte=0)),
            models.CheckConstraint(
                name="contacts_submission_undone_is_over", condition=Q(undone_at__isnull=True) | ~Q(state="received")
            ),
        ]


class ColumnMapping(models.Model):
    """The roles an employee chose for a header: the next file with that header is read the same way."""

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT)
    header = models.BinaryField(help_text="SHA-256 of the header's cells")
    roles = models.JSONField(help_text="one role a column, in order")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["employee", "header"], name="contacts_columns_once_a_header")]
