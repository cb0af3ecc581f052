"""The facts: which employee recorded which contact, and when it started and ended.

Rows are never deleted, so that any number can be recounted later.
"""

import uuid
from collections.abc import Iterable

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Collate
from django.utils.translation import gettext_lazy as _

from apps.contacts.objections import Erasure, ErasureSubject, SuppressedIdentity
from apps.contacts.querysets import ContactQuerySet
from apps.core.models import StoredFile
from apps.core.querysets import Clock
from apps.employees.models import Employee

__all__ = [
    "ColumnMapping",
    "Contact",
    "ContactIdentity",
    "EndReason",
    "Erasure",
    "ErasureSubject",
    "IntakeCount",
    "Sighting",
    "Source",
    "Submission",
    "SuppressedIdentity",
]


class Source(models.TextChoices):
    """The source of a contact."""

    PAGE = "page", _("page")
    PASTE = "paste", _("paste")
    API = "api", _("API")
    CSV = "csv", _("CSV file")
    VCARD = "vcard", _("vCard file")
    FEED = "feed", _("feed")
    DEMO = "demo", _("demo")


class EndReason(models.TextChoices):
    """Why a contact ended."""

    REMOVED = "removed", _("removed")
    CORRECTED = "corrected", _("corrected")
    WITHDRAWN = "withdrawn", _("withdrawn by the contact")
    REJECTED = "rejected", _("rejected by a reviewer")
    UNDONE = "undone", _("undone with its file")
    MERGED = "merged", _("the same person as another contact")


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
    actor_id = models.BigIntegerField(null=True)
    actor_label = models.TextField()
    payload = models.JSONField(null=True, help_text="the drafts until they are recorded; emptied then")
    report = models.JSONField(default=dict)
    handed_in = models.GeneratedField(
        expression=RawSQL(HANDED_IN, ()),  # noqa: S611 # nosec B611 # a text of our own
        output_field=models.IntegerField(help_text="people that were handed in, whatever became of them"),
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
            # Sums for the whole company use this index alone, without reading a report.
            models.Index(
                fields=["received_at"],
                include=["employee", "source", "handed_in", "duplicates"],
                name="contacts_submission_counters",
            ),
        ]
        constraints = [
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


class Contact(models.Model):
    """One person outside the company, recorded by one employee: a fact with a start and an optional end.

    The contact counts from `recorded_at`; `stored_at` is when the database learned it. An erasure blanks the name, the
    identities' values and the e-mail's domain. `was_external` then keeps the fact that the domain was not a company
    domain.
    """

    id = models.BigAutoField(primary_key=True)
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, db_index=False)
    name = models.TextField(null=True)
    recorded_at = models.DateTimeField()
    stored_at = models.DateTimeField(db_default=Clock())
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(null=True, choices=EndReason.choices)
    live = models.GeneratedField(
        expression=models.Case(models.When(ended_at=None, then=True), default=False),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    source = models.TextField(choices=Source.choices)
    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, null=True, db_index=False)
    replaces = models.ForeignKey("self", on_delete=models.PROTECT, null=True, db_index=False)
    was_external = models.BooleanField(null=True)

    objects = ContactQuerySet.as_manager()

    @property
    def known_by(self) -> "Iterable[ContactIdentity]":
        """Return the contact's identities: those a report has prefetched, else the stored ones."""
        brought: list[ContactIdentity] | None = self.__dict__.get("brought")
        return self.identities.all() if brought is None else brought

    @property
    def erased(self) -> bool:
        """Return whether the contact was erased. A contact recorded without a name has an empty string, not None."""
        return self.name is None

    class Meta:
        indexes = [
            # Everything a status needs of a contact, so that counting an employee's contacts is an index-only scan.
            models.Index(
                fields=["employee", "recorded_at", "id"],
                include=["ended_at", "stored_at", "confirmed_at", "was_external"],
                name="contacts_by_employee",
            ),
            models.Index(fields=["submission"], condition=Q(submission__isnull=False), name="contacts_by_submission"),
            models.Index(fields=["replaces"], condition=Q(replaces__isnull=False), name="contacts_by_replaced"),
            # For the whole company: contacts recorded within a day, and contacts that have ended.
            models.Index(fields=["recorded_at"], name="contacts_by_time"),
            models.Index(
                fields=["ended_at"],
                include=["employee", "id", "recorded_at", "stored_at"],
                condition=Q(ended_at__isnull=False),
                name="contacts_by_end",
            ),
        ]
        constraints = [
            # The identities' foreign key points here, so that their `live` can never differ from the contact's.
            models.UniqueConstraint(fields=["employee", "id", "live"], name="contacts_contact_live"),
            models.CheckConstraint(
                name="contacts_recorded_before_stored", condition=Q(recorded_at__lte=F("stored_at"))
            ),
            models.CheckConstraint(
                name="contacts_end_has_reason",
                condition=Q(ended_at__isnull=True, end_reason__isnull=True)
                | Q(ended_at__isnull=False, end_reason__isnull=False),
            ),
            models.CheckConstraint(
                name="contacts_end_after_start",
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("recorded_at")),
            ),
            models.CheckConstraint(
                name="contacts_end_reason", condition=Q(end_reason__isnull=True) | Q(end_reason__in=EndReason.values)
            ),
            models.CheckConstraint(name="contacts_source", condition=Q(source__in=Source.values)),
        ]


class ContactIdentity(models.Model):
    """A phone, e-mail or handle of a contact, one row each, unique among the live ones of an employee.

    `digest` is compared. `value` is shown to the employee only, and an erasure deletes it. `domain` is the e-mail's
    domain, by which an index finds the company's own domains and their subdomains. `live` follows the contact by
    foreign key.
    """

    id = models.BigAutoField(primary_key=True)
    employee = models.ForeignKey(Employee, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    contact = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="identities"
    )
    kind = models.TextField()
    value = models.TextField(null=True)
    domain = models.TextField(null=True)
    digest = models.BinaryField()
    live = models.BooleanField(default=True)

    class Meta:
        indexes = [
            # Whether an employee's contacts are colleagues is also decided by an index-only scan.
            models.Index(
                fields=["employee", "contact"], include=["kind", "digest", "domain"], name="contacts_identity_contact"
            ),
            models.Index(fields=["kind", "digest"], name="contacts_identity_key"),
            # The form that apps.core.sql.in_domains_sql queries: reversed, a domain and its subdomains are adjacent.
            models.Index(
                Collate(
                    Func("domain", template="reverse('.' || %(expressions)s)", output_field=models.TextField()), "C"
                ),
                condition=Q(domain__isnull=False),
                name="contacts_identity_domain",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["employee", "kind", "digest"], condition=Q(live=True), name="contacts_identity_once"
            ),
            models.CheckConstraint(name="contacts_identity_kind", condition=Q(kind__in=["phone", "email", "handle"])),
            models.CheckConstraint(
                name="contacts_identity_domain_of_email", condition=Q(domain__isnull=True) | Q(kind="email")
            ),
        ]


class Sighting(models.Model):
    """One row of a trusted feed about a contact, kept when the feed says more than the contact itself shows (ADR 71).

    A contact that one row describes completely has no sightings. An erasure deletes a contact's sightings.
    """

    id = models.BigAutoField(primary_key=True)
    employee = models.ForeignKey(Employee, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.PROTECT, db_index=False, related_name="sightings")
    keys = ArrayField(models.TextField(), help_text="kind:digest of every identity that was named")
    seen_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["contact"], name="contacts_sighting_contact")]


class IntakeCount(models.Model):
    """How many contacts one source recorded in a quarter of an hour, whatever became of them since.

    The count is the sum of the rows. Triggers on Contact append them in the transaction of the contacts.
    """

    id = models.BigAutoField(primary_key=True)
    quarter = models.DateTimeField(help_text="its first instant")
    source = models.TextField()
    n = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["quarter"], name="contacts_tally_quarter")]
