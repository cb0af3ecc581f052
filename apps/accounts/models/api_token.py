"""API tokens: a token acts for one account, with fewer permissions than the account, until it expires."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core.querysets import Clock


class Scope(models.TextChoices):
    """What a token may be used for. A scope never exceeds what the account may see."""

    OWN = "own", _("your own standing and contacts")
    REPORTS = "reports:read", _("campaigns, and the standings its owner may see")
    ROSTER = "roster:write", _("the roster, loaded by a program; for HR users")
    SCIM = "scim", _("the roster, by the company's directory; for HR users")
    FEED = "feed:write", _("the feed of the messaging product; for operators")


class ApiTokenQuerySet(models.QuerySet):
    def of(self, account: Any) -> ApiTokenQuerySet:
        return self.filter(account=account)

    def usable(self) -> ApiTokenQuerySet:
        """Tokens not revoked, not expired, and made in the owner's present employment, by the database's clock."""
        # A leaver's tokens end with the employment, and do not come back with a new one.
        employed = Q(account__employee=None) | Q(
            account__employee__employment__starts_at__lte=F("created_at"),
            account__employee__employment__ends_at__gt=Clock(),
        )
        return self.filter(employed, revoked_at=None, expires_at__gt=Clock())


class ApiToken(models.Model):
    """A secret that signs a program in as an account. Only the secret's SHA-256 is stored.

    The secret has 256 random bits. A plain digest is therefore as safe as a slow hash, and an index can find it.
    """

    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT)
    name = models.TextField()
    digest = models.BinaryField()
    scopes = ArrayField(models.TextField(choices=Scope.choices))
    created_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField()
    second_factor = models.BooleanField(
        default=False,
        db_default=False,
        help_text="made with a second factor shown: roles that need one reach through it",
    )
    last_used_at = models.DateTimeField(null=True, help_text="exact to the hour, so that reading writes nothing")
    revoked_at = models.DateTimeField(null=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="accounts_token_digest"),
            models.CheckConstraint(name="accounts_token_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="accounts_token_scopes", condition=Q(scopes__contained_by=Scope.values) & ~Q(scopes=[])
            ),
            models.CheckConstraint(name="accounts_token_expires", condition=Q(expires_at__gt=F("created_at"))),
        ]

    def __str__(self) -> str:
        return self.name
