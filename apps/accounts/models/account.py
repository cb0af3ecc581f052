"""Accounts that sign in, their roles, enrolment codes (ADR 65) and bindings to the OpenID provider."""

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from apps.accounts.models.deputyship import Deputyship
from apps.core.audit import Actor, audit
from apps.core.querysets import Clock
from apps.employees.models import Employee, Employment


def matches_login(name: str) -> Q:
    """Filter for accounts that a lower-case sign-in name can match."""
    return Q(login=name) | Q(employee__email=name) | Q(employee=None, email__iexact=name)


def best_matches(accounts: Iterable["Account"], name: str) -> list["Account"]:
    """Those of these accounts that a lower-case sign-in name matches best.

    A login comes first, then the address of an account without an employee. An employee's address comes last: one HR
    user writes that of a new line, which must not make another person's sign-in ambiguous.
    """
    matches = list(accounts)
    by_login = [account for account in matches if account.login == name]
    return by_login or [account for account in matches if account.employee_id is None] or matches


class AccountManager(BaseUserManager["Account"]):
    """Accounts by login. `createsuperuser` works, but a superuser does not hold the HR role."""

    def create_user(self, login: str, password: str | None = None, **fields: Any) -> "Account":
        account = self.model(login=login.lower(), **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account

    # Django's createsuperuser calls it. Such an account holds no role, so it sees no person.
    def create_superuser(self, login: str, password: str | None = None, **fields: Any) -> "Account":
        return self.create_user(login, password, is_staff=True, is_superuser=True, **fields)

    def named(self, name: str) -> list["Account"]:
        """The accounts, leavers included, that a sign-in name matches best."""
        name = name.strip().lower()
        return best_matches(self.filter(matches_login(name)).order_by("pk"), name)

    def get_by_natural_key(self, username: str | None) -> "Account":
        return self.get(login=(username or "").lower())


class Account(AbstractBaseUser, PermissionsMixin):
    """A person who can sign in: usually an employee, sometimes an operator without an employee record."""

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
    used_at = models.DateTimeField(
        null=True,
        help_text="when it first had a password, a provider's subject or a sign-in; a trigger writes it",
    )

    proven_email = models.TextField(
        blank=True, default="", db_default="", help_text="the address whose mailed link set a password last"
    )

    class FirstPage(models.TextChoices):
        STANDING = "me", _("My standing")
        TEAM = "team-home", _("Team")
        COMPANY = "company", _("Company")

    first_page = models.TextField(
        choices=FirstPage, blank=True, default="", db_default="", help_text="where a sign-in leads; empty: by role"
    )

    # Mails and messages use it; a page uses the language of its browser.
    language = models.TextField(
        blank=True, default="", db_default="", help_text="language of notifications; empty: unknown, so both languages"
    )

    # Read by the query of each request (apps.accounts.backends).
    unread_notifications = 0

    # The staff number in lower case; a person types this, the e-mail address, or either in capitals.
    USERNAME_FIELD = "login"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["email"]
    objects = AccountManager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="accounts_login_lower_case", condition=Q(login=Lower("login"))),
            models.CheckConstraint(name="accounts_login_not_empty", condition=~Q(login="")),
        ]

    def __str__(self) -> str:
        return self.display_name or self.login

    def check_password(self, raw_password: str | None) -> bool:
        """Whether the password is right.

        Django then replaces an outdated hash, and this method audits the replacement.
        """
        # Django saves the new hash itself, without a hook for the audit trail.
        before = self.password
        with transaction.atomic():
            is_right = super().check_password(raw_password)
            if self.password != before:
                audit("account.password_hashed_anew", by=self.actor, kind="account", id=self.pk, label=str(self))
        return is_right

    @cached_property
    def roles(self) -> frozenset[str]:
        """The roles granted to this account, read once a request."""
        return frozenset(self.role_set.values_list("role", flat=True))

    @cached_property
    def is_deputy(self) -> bool:
        """Whether the account's employee sees another manager's team as a deputy now; read once a request."""
        return Deputyship.objects.in_force().with_team().filter(deputy=self.employee_id).exists()

    @cached_property
    def employment_id(self) -> int | None:
        """The current period of employment, read once a request; None for a leaver or without an employee."""
        return Employment.objects.running().filter(employee=self.employee_id).values_list("pk", flat=True).first()

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        """Bind a session to the password and the current period of employment."""
        # A leaver who returns has a new employment: the sessions from before stay closed.
        value = self.password if self.employee_id is None else f"{self.password}|{self.employment_id}"
        return salted_hmac("apps.accounts.models.Account.session", value, secret=secret, algorithm="sha256").hexdigest()

    def has_role(self, role: str) -> bool:
        """Whether the account holds `role`: hr, operator or auditor. A superuser holds none by default."""
        return role in self.roles

    @property
    def roster_address(self) -> str:
        """The roster's current address of this person, or the account's own without an employee."""
        return self.employee.email if self.employee else self.email

    @property
    def actor(self) -> Actor:
        return Actor(self.pk, str(self))


class Role(models.Model):
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
            models.UniqueConstraint(fields=["account", "role"], name="accounts_role_once"),
            models.CheckConstraint(name="accounts_role_known", condition=Q(role__in=["hr", "operator", "auditor"])),
        ]


class ProviderSubject(models.Model):
    """The binding of an account to a subject at the OpenID provider, made at the first sign-in.

    A subject is unique only within its issuer. The e-mail is not part of it, because addresses change owners.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    issuer = models.TextField()
    subject = models.TextField()
    bound_at = models.DateTimeField(db_default=Clock())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="accounts_subject_of_one_account"),
            models.UniqueConstraint(fields=["account", "issuer"], name="accounts_one_subject_of_an_account"),
            models.CheckConstraint(name="accounts_subject_not_empty", condition=~Q(issuer="") & ~Q(subject="")),
        ]

    def __str__(self) -> str:
        return f"{self.account} at {self.issuer}"


class EnrolmentCode(models.Model):
    """The valid code of one account; using it deletes it, and a new code replaces it.

    Only a keyed digest is stored, so a copy of the database reveals no code.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, primary_key=True)
    digest = models.BinaryField()
    made_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="accounts_enrolment_code_expires", condition=Q(expires_at__gt=F("made_at")))
        ]

    def __str__(self) -> str:
        return f"code of {self.account_id}"
