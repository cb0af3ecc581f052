"""The facts: which employee recorded which contact, and when it started and ended.

Rows are never deleted, so that any number can be recounted later.
"""

from collections.abc import Iterable

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Collate
from django.utils.translation import gettext_lazy as _

from apps.contacts.erasure_models import Erasure, ErasureSubject, SuppressedIdentity
from apps.contacts.querysets import ContactQuerySet
from apps.contacts.submission_models import ColumnMapping, Source, Submission
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


class EndReason(models.TextChoices):
    REMOVED = "removed", _("removed")
    CORRECTED = "corrected", _("corrected")
    WITHDRAWN = "withdrawn", _("withdrawn by the contact")
    REJECTED = "rejected", _("rejected by a reviewer")
    UNDONE = "undone", _("undone with its file")
    MERGED = "merged", _("the same person as another contact")
    EXPIRED = "expired", _("no longer kept")


class Contact(models.Model):
    """One person outside the company, recorded by one employee: a fact with a start and an optional end.

    The contact counts from `recorded_at`; `stored_at` is when the database learned it. An erasure blanks the name, the
    identities' values and the e-mail's domain. `was_external` then keeps the fact that the domain was not a company
    domain.
    """

    id = models.BigAutoField(primary_key=True)
    # No index of its own for any foreign key: those in Meta begin with the column, or leave out the many NULLs.
    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, db_index=False)
    name = models.TextField(null=True)
    recorded_at = models.DateTimeField()
    stored_at = models.DateTimeField(db_default=Clock())
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    end_reason = models.TextField(null=True, choices=EndReason.choices)
    # When the employee corrected it. It stays when a feed merges the contact into another one, and so ends it at its
    # start: the feed's rows from its time are still rows of a corrected contact (ADR 71).
    corrected_at = models.DateTimeField(null=True)
    # A column, because the identities' foreign key copies it (sql/tables.sql).
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
    def loaded_identities(self) -> "Iterable[ContactIdentity]":
        """Return the contact's identities: those a report has read with its page, else the stored ones."""
        # In __dict__, because an attribute of the class would hide that nothing was read.
        page: list[ContactIdentity] | None = self.__dict__.get("page_identities")
        return self.identities.all() if page is None else page

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
    foreign key. In exclusive campaigns the person belongs to the employee who named an identity first: `claimed_from`,
    or the contact's start where that is empty. It is later than the start when the contact was backdated by a file or a
    feed that did not name this identity, and earlier when the contact replaces one that had it.
    """

    id = models.BigAutoField(primary_key=True)
    # One constraint over three columns stands in place of these two (sql/tables.sql).
    employee = models.ForeignKey(Employee, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    contact = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="identities"
    )
    kind = models.TextField()
    value = models.TextField(null=True)
    domain = models.TextField(null=True)
    digest = models.BinaryField()
    live = models.BooleanField(default=True)
    claimed_from = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            # Whether an employee's contacts are colleagues or claimed is also decided by an index-only scan.
            models.Index(
                fields=["employee", "contact"],
                include=["kind", "digest", "domain", "claimed_from"],
                name="contacts_identity_contact",
            ),
            models.Index(
                fields=["employee"], condition=Q(claimed_from__isnull=False), name="contacts_identity_claimed_from"
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
