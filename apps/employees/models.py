"""People: accounts that sign in, employees, when they are employed, where they stand in the reporting tree."""

import uuid
from functools import cached_property
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Collate, Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from apps.employees.api_tokens import ApiToken as ApiToken
from apps.employees.api_tokens import Scope as Scope
from apps.employees.approvals import ApprovalRequest as ApprovalRequest
from apps.employees.approvals import EmailChange as EmailChange
from apps.employees.browser_sessions import BrowserSession as BrowserSession
from apps.employees.deputies import Deputyship as Deputyship
from apps.employees.enrolment_codes import EnrolmentCode as EnrolmentCode
from apps.employees.querysets import EmployeeQuerySet
from apps.employees.security_events import SecurityEvent as SecurityEvent
from apps.ledger.models import StoredFile
from apps.ledger.querysets import Clock
from apps.ledger.services import Actor, audit


class Employee(models.Model):
    """A person on the roster. Never deleted; where and when they work stands in Placement and Employment."""

    staff_no = models.TextField(unique=True)
    name = models.TextField()
    email = models.TextField()
    phone = models.TextField(blank=True, help_text="E.164, or empty")
    time_zone = models.TextField(blank=True, help_text="IANA name, or empty for the company's")
    created_at = models.DateTimeField(db_default=Clock())

    objects = EmployeeQuerySet.as_manager()

    class Meta:
        ordering = ["staff_no"]
        # The orders in which lists have people: a page of a long list is found by them.
        indexes = [
            models.Index(Collate("staff_no", "C"), name="employees_by_staff_no"),
            models.Index("name", Collate("staff_no", "C"), name="employees_by_name"),
        ]
        constraints = [
            models.CheckConstraint(name="employees_staff_no_not_empty", condition=~Q(staff_no="")),
            models.CheckConstraint(name="employees_name_not_empty", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.staff_no})"

    @property
    def is_manager(self) -> bool:
        """Whether anybody stands below this employee today."""
        node = getattr(self, "node", None)
        return node is not None and node.last > node.first

    @property
    def current_department(self) -> str:
        """Today's department, or an empty string."""
        node = getattr(self, "node", None)
        return node.department if node else ""

    def manager_chain_below(self, root: "Employee") -> list["Employee"]:
        """The employees from just under `root` down to this one, in today's tree; empty for `root` itself."""
        mine, top = getattr(self, "node", None), getattr(root, "node", None)
        if mine is None or top is None or not top.first < mine.first <= top.last:
            return []
        return list(
            Employee.objects.filter(node__first__gt=top.first, node__first__lte=mine.first, node__last__gte=mine.last)
            .select_related("node")
            .order_by("node__depth")
        )


class EmployeeIdentity(models.Model):
    """A phone or e-mail of an employee, in the form contacts have theirs: whoever matches one is not external."""

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
    """Periods by time."""

    def running(self) -> "EmploymentQuerySet":
        """The periods that have begun and not ended, by the database's clock."""
        return self.filter(starts_at__lte=Clock(), ends_at__gt=Clock())


class Employment(models.Model):
    """A half-open period of instants [starts_at, ends_at) in which somebody is employed; infinity = open.

    "Employed at T" means the state just before T: starts_at < T <= ends_at.
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
            models.Index(fields=["ends_at"], name="employees_employment_end"),
        ]
        constraints = [
            models.CheckConstraint(name="employees_employment_forward", condition=Q(starts_at__lt=F("ends_at")))
        ]


class Placement(models.Model):
    """Where somebody stands, and under whom, in a half-open period. A person's first begins at -infinity."""

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
    """Today's place in the tree, a cache of the periods: everyone below has `first` in (first, last] of this node."""

    employee = models.OneToOneField(Employee, on_delete=models.PROTECT, primary_key=True, related_name="node")
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


class RosterLoad(models.Model):
    """A file of HR's: looked at, shown as a difference, and applied as one transaction.

    `difference` holds the whole of it as CSV and `digest` its SHA-256: what is applied is what was shown. `based_on`
    is the version of the roster it was shown against, `version` the one it made. `report` has its counts, the first
    of each list, and the problem that stands in its way. `effect` is how many people it ends, moves, and whose count
    it changes, counted when it was applied or when its application was requested: a second person reads it, and the
    requester does not.
    """

    class State(models.TextChoices):
        LOOKING = "looking"
        LOOKED = "looked"
        RECEIVED = "received"
        REQUESTED = "requested"
        DONE = "done"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    state = models.TextField(choices=State.choices)
    asked_at = models.DateTimeField(db_default=Clock())
    done_at = models.DateTimeField(null=True)
    actor_id = models.BigIntegerField(null=True)
    actor_label = models.TextField()
    file = models.ForeignKey(StoredFile, on_delete=models.SET_NULL, null=True, related_name="+")
    file_name = models.TextField(blank=True)
    layout = models.JSONField(default=dict, help_text="how the file is read: format, encoding, header, roles")
    complete = models.BooleanField(default=False, help_text="who is missing from the file has left")
    based_on = models.BigIntegerField(null=True)
    version = models.BigIntegerField(null=True)
    digest = models.TextField(blank=True)
    difference = models.ForeignKey(StoredFile, on_delete=models.SET_NULL, null=True, related_name="+")
    report = models.JSONField(default=dict)
    effect = models.JSONField(default=dict)
    done = models.BigIntegerField(default=0, help_text="rows that have been read")
    total = models.BigIntegerField(null=True, help_text="rows in the file, once they were counted")
    advanced_at = models.DateTimeField(db_default=Clock(), help_text="when somebody worked at it last")
    attempts = models.IntegerField(default=0)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["advanced_at"], condition=Q(state__in=["looking", "received"]), name="employees_load_waiting"
            ),
            models.Index(fields=["asked_at"], name="employees_load_asked"),
        ]
        constraints = [
            models.CheckConstraint(
                name="employees_load_done_has_time",
                condition=Q(state__in=["done", "refused"], done_at__isnull=False)
                | (~Q(state__in=["done", "refused"]) & Q(done_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="employees_load_undone_was_done", condition=Q(undone_at__isnull=True) | Q(state="done")
            ),
            models.UniqueConstraint(
                fields=["version"], condition=Q(version__isnull=False), name="employees_load_one_a_version"
            ),
        ]


class RosterBefore(models.Model):
    """A row as it was before the last load that changed the roster; None: the load made it. Kept for its undoing."""

    id = models.BigAutoField(primary_key=True)
    load = models.ForeignKey(RosterLoad, on_delete=models.CASCADE)
    place = models.TextField(help_text="the table")
    row_id = models.BigIntegerField()
    employee_id = models.BigIntegerField(null=True)
    before = models.JSONField(null=True)


def meant_by(name: str) -> Q:
    """The accounts that a name at the sign-in, in lower case, can mean."""
    return Q(login=name) | Q(employee__email=name) | Q(employee=None, email__iexact=name)


class AccountManager(BaseUserManager["Account"]):
    """Accounts by login; `createsuperuser` works, but a superuser is not HR."""

    def create_user(self, login: str, password: str | None = None, **fields: Any) -> "Account":
        account = self.model(login=login.lower(), **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account

    def create_superuser(self, login: str, password: str | None = None, **fields: Any) -> "Account":
        return self.create_user(login, password, is_staff=True, is_superuser=True, **fields)

    def named(self, name: str) -> list["Account"]:
        """Whoever may be meant by a name at the sign-in, who left included: two of them at most."""
        return list(self.filter(meant_by(name.strip().lower())).order_by("pk")[:2])

    def get_by_natural_key(self, username: str | None) -> "Account":
        return self.get(login=(username or "").lower())


class Account(AbstractBaseUser, PermissionsMixin):
    """Somebody who can sign in: usually an employee, sometimes an operator who is none."""

    login = models.CharField(_("staff number"), max_length=150, unique=True)
    email = models.EmailField(_("e-mail"), blank=True)
    display_name = models.CharField(_("name"), max_length=200, blank=True)
    employee = models.OneToOneField(Employee, on_delete=models.PROTECT, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Clock())
    security_changed_at = models.DateTimeField(
        null=True, help_text="when its address, second factors, roles or employment changed last; triggers write it"
    )

    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]
    objects = AccountManager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="employees_login_lower_case", condition=Q(login=Lower("login"))),
            models.CheckConstraint(name="employees_login_not_empty", condition=~Q(login="")),
        ]

    def __str__(self) -> str:
        return self.display_name or self.login

    def check_password(self, raw_password: str | None) -> bool:
        """Whether this is the password; an old hash of it is then replaced, which stands in the audit trail."""
        before = self.password
        with transaction.atomic():
            right = super().check_password(raw_password)
            if self.password != before:
                audit("account.password_hashed_anew", by=self.actor, kind="account", id=self.pk, label=str(self))
        return right

    @cached_property
    def roles(self) -> frozenset[str]:
        """The roles granted to this account, read once a request."""
        return frozenset(self.role_set.values_list("role", flat=True))

    @cached_property
    def stands_in(self) -> bool:
        """Whether this account's employee sees somebody else's team as a deputy now; read once a request."""
        return Deputyship.objects.in_force().with_a_team().filter(deputy=self.employee_id).exists()

    @cached_property
    def employment_id(self) -> int | None:
        """The period of employment that is running, read once a request; None for a leaver and for no employee."""
        return Employment.objects.running().filter(employee=self.employee_id).values_list("pk", flat=True).first()

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        """What a session is good for: this password, in this period of employment."""
        value = self.password if self.employee_id is None else f"{self.password}|{self.employment_id}"
        return salted_hmac(
            "apps.employees.models.Account.session", value, secret=secret, algorithm="sha256"
        ).hexdigest()

    def has_role(self, role: str) -> bool:
        """Whether the account holds `role`: hr, operator or auditor. A superuser holds none by being one."""
        return role in self.roles

    @property
    def actor(self) -> Actor:
        """This account as the one who asks for a change."""
        return Actor(self.pk, str(self))


class Role(models.Model):
    """A role of an account: hr, operator or auditor."""

    class Kind(models.TextChoices):
        HR = "hr", _("HR")
        OPERATOR = "operator", _("operator")
        AUDITOR = "auditor", _("auditor")

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    role = models.TextField(choices=Kind.choices)
    granted_at = models.DateTimeField(db_default=Clock())
    granted_by_id = models.BigIntegerField(null=True)
    granted_by_label = models.TextField()
    issuer = models.TextField(
        blank=True, db_default="", default="", help_text="the provider whose groups gave it; empty: given here"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "role"], name="employees_role_once"),
            models.CheckConstraint(name="employees_role_known", condition=Q(role__in=["hr", "operator", "auditor"])),
        ]


class ProviderSubject(models.Model):
    """Who an account is at the company's OpenID provider: from its first sign-in there on, nobody else is.

    A subject means something at its issuer alone. An e-mail is no part of it: addresses change hands.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    issuer = models.TextField()
    subject = models.TextField()
    bound_at = models.DateTimeField(db_default=Clock())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="employees_subject_of_one_account"),
            models.UniqueConstraint(fields=["account", "issuer"], name="employees_one_subject_of_an_account"),
            models.CheckConstraint(name="employees_subject_not_empty", condition=~Q(issuer="") & ~Q(subject="")),
        ]

    def __str__(self) -> str:
        return f"{self.account} at {self.issuer}"
