"""Employees: their identities, periods of employment, and positions in the org tree."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Collate, Upper

from apps.core.periods import in_force_from
from apps.core.querysets import Clock
from apps.employees.querysets import EmployeeQuerySet


class Employee(models.Model):
    """A person on the roster, never deleted; Placement and Employment hold position and time of work."""

    staff_no = models.TextField(unique=True)
    name = models.TextField()
    # Not unique here: a leaver keeps the address in the record; EmployeeIdentity ends and frees it.
    email = models.TextField()
    phone = models.TextField(blank=True, help_text="E.164, or empty")
    time_zone = models.TextField(blank=True, help_text="IANA name, or empty for the company's")
    chat_id = models.TextField(
        blank=True, default="", db_default="", help_text="the account in the company's chat product, or empty"
    )
    created_at = models.DateTimeField(db_default=Clock())
    email_unproven = models.BooleanField(
        default=False,
        db_default=False,
        help_text="one HR user gave this address to a new line alone: nothing has proven whose mailbox it is",
    )

    objects = EmployeeQuerySet.as_manager()

    class Meta:
        ordering = ["staff_no"]
        # The sort orders of lists: these indexes serve the pages of a long list.
        indexes = [
            models.Index(Collate("staff_no", "C"), name="employees_by_staff_no"),
            models.Index("name", Collate("staff_no", "C"), name="employees_by_name"),
            # A number is found in any case.
            models.Index(Upper("staff_no"), name="employees_by_number"),
        ]
        constraints = [
            models.CheckConstraint(name="employees_staff_no_not_empty", condition=~Q(staff_no="")),
            models.CheckConstraint(name="employees_name_not_empty", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.staff_no})"

    @property
    def is_manager(self) -> bool:
        """Whether any employee is below this one today."""
        node = getattr(self, "node", None)
        return node is not None and node.last > node.first

    @property
    def current_department(self) -> str:
        """Today's department, or an empty string."""
        node = getattr(self, "node", None)
        return node.department if node else ""

    def manager_chain_below(self, root: "Employee") -> list["Employee"]:
        """The employees from just under `root` down to this one, in today's tree; empty for `root` itself."""
        node, top = getattr(self, "node", None), getattr(root, "node", None)
        if node is None or top is None or not top.first < node.first <= top.last:
            return []
        return list(
            Employee.objects.filter(node__first__gt=top.first, node__first__lte=node.first, node__last__gte=node.last)
            .select_related("node")
            .order_by("node__depth")
        )


class EmployeeIdentity(models.Model):
    """A phone or e-mail of an employee, normalised as for contacts; a contact with the same value is not external."""

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT)
    kind = models.TextField()
    value = models.TextField()
    digest = models.BinaryField()
    live = models.BooleanField(default=True)
    started_at = models.DateTimeField(db_default=Clock())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["kind", "digest"], name="employees_identity_key")]
        constraints = [
            models.UniqueConstraint(
                fields=["employee", "kind", "digest"], condition=Q(live=True), name="employees_identity_once"
            ),
            models.UniqueConstraint(
                fields=["kind", "digest"], condition=Q(live=True, kind="email"), name="employees_email_of_one_person"
            ),
            models.CheckConstraint(
                name="employees_identity_ended_is_not_live",
                condition=Q(live=True, ended_at__isnull=True) | Q(live=False, ended_at__isnull=False),
            ),
            models.CheckConstraint(name="employees_identity_kind", condition=Q(kind__in=["phone", "email"])),
        ]


class EmploymentQuerySet(models.QuerySet["Employment"]):
    def running(self) -> "EmploymentQuerySet":
        """The periods that have begun and not ended, by the database's clock."""
        return self.filter(in_force_from(Clock()))


class Employment(models.Model):
    """A half-open period of instants [starts_at, ends_at) of a person's employment; infinity means open.

    "Employed at T" means in force just before T (apps/core/sql/periods.sql).
    """

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, db_index=False)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_recorded_at = models.DateTimeField(
        null=True, help_text="when the roster said the end that stands; a trigger writes it"
    )

    objects = EmploymentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["employee", "starts_at"], name="employees_employment_period"),
            models.Index(fields=["starts_at"], name="employees_employment_start"),
            # Day changes look for the periods that begin or end within a day.
            models.Index(fields=["ends_at"], name="employees_employment_end"),
        ]
        constraints = [
            models.CheckConstraint(name="employees_employment_forward", condition=Q(starts_at__lt=F("ends_at")))
        ]


class Placement(models.Model):
    """An employee's position and manager in a half-open period. A person's first period begins at -infinity."""

    employee = models.ForeignKey(Employee, on_delete=models.PROTECT, db_index=False)
    department = models.TextField(blank=True)
    manager = models.ForeignKey(Employee, on_delete=models.PROTECT, null=True, related_name="reports")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["employee", "starts_at"], name="employees_placement_period"),
            models.Index(fields=["starts_at"], name="employees_placement_start"),
            models.Index(fields=["ends_at"], name="employees_placement_end"),
        ]
        constraints = [
            models.CheckConstraint(name="employees_placement_forward", condition=Q(starts_at__lt=F("ends_at"))),
            models.CheckConstraint(
                name="employees_not_own_manager", condition=Q(manager__isnull=True) | ~Q(manager=F("employee"))
            ),
        ]


class TreeNode(models.Model):
    """Today's position in the tree, a cache of the periods.

    All employees below a node have `first` in (first, last] of that node.
    """

    employee = models.OneToOneField(Employee, on_delete=models.PROTECT, primary_key=True, related_name="node")
    # No foreign key: the whole table is rebuilt at once, and a check of each row would slow it down.
    manager_id = models.BigIntegerField(null=True)
    department = models.TextField(blank=True)
    depth = models.IntegerField()
    first = models.IntegerField()
    last = models.IntegerField()
    employed = models.BooleanField()

    class Meta:
        indexes = [
            models.Index(fields=["first"], name="employees_node_first"),
            models.Index(fields=["manager_id"], name="employees_node_manager"),
        ]
        constraints = [models.CheckConstraint(name="employees_node_interval", condition=Q(first__lte=F("last")))]
