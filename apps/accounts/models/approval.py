"""Approval requests: one person requests a change of large effect; a second person approves or refuses it.

A trigger (sql/account_approvals.sql) enforces what no constraint can. Both people hold the HR role; a change of an
account is requested by an operator and decided by another operator or an HR user. Each request is decided once and
never rewritten.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core.querysets import Clock

if TYPE_CHECKING:
    from apps.accounts.models import Account


class ApprovalRequestQuerySet(models.QuerySet["ApprovalRequest"]):
    def open(self, now: datetime) -> ApprovalRequestQuerySet:
        """Requests that can still be decided at `now`."""
        return self.filter(decision=None, expires_at__gt=now)

    def about_accounts(self) -> ApprovalRequestQuerySet:
        """Changes of an account, which operators request and decide too."""
        return self.filter(kind__in=ApprovalRequest.ACCOUNT_KINDS)

    def visible_to(self, account: Account) -> ApprovalRequestQuerySet:
        """All requests for HR; for operators those about accounts."""
        if account.has_role("hr"):
            return self
        return self.about_accounts() if account.has_role("operator") else self.none()


class ApprovalRequest(models.Model):
    """A change that waits for a second person.

    `subject` identifies what changes (a campaign's slug, a roster load's id). `payload` holds the data to apply the
    change. `effect` holds the number of people affected at the request, by kind of effect. `decided_effect` is the
    effect that the second person saw.

    `requested_by_id` is empty when a command made the request, and `superseded_by_id` when a command superseded it.
    `by_operator`: the operator decided by a command, because no second HR user exists.
    """

    class Kind(models.TextChoices):
        EMAIL_CHANGE = "email_change", _("new e-mail addresses")
        ROSTER_LOAD = "roster_load", _("a roster load")
        ROSTER_UNDO = "roster_undo", _("undoing a roster load")
        RULE_CHANGE = "rule_change", _("a change of a campaign's rule")
        CAMPAIGN_OPENING = "campaign_opening", _("opening a campaign")
        CAMPAIGN_CANCELLATION = "campaign_cancellation", _("cancelling a campaign")
        CAMPAIGN_CLOSING = "campaign_closing", _("closing a campaign")
        ERASURE = "erasure", _("an erasure")
        ROLE_GRANT = "role_grant", _("granting a role")
        FACTOR_RESET = "factor_reset", _("removing second factors")
        SIGN_ON_UNBINDING = "sign_on_unbinding", _("unlinking an account from the provider")

    class Decision(models.TextChoices):
        APPROVED = "approved", _("approved")
        REFUSED = "refused", _("refused")
        WITHDRAWN = "withdrawn", _("withdrawn")
        SUPERSEDED = "superseded", _("superseded by a later request")

    # Changes of one account: its id is `account` in the payload.
    ACCOUNT_KINDS = (Kind.ROLE_GRANT, Kind.FACTOR_RESET, Kind.SIGN_ON_UNBINDING)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.TextField(choices=Kind.choices)
    subject = models.TextField()
    label = models.TextField(help_text="what it changes, as people call it")
    payload = models.JSONField(default=dict)
    effect = models.JSONField(default=dict)
    reason = models.TextField(blank=True)
    requested_at = models.DateTimeField(db_default=Clock())
    requested_by_id = models.BigIntegerField(null=True)
    requested_by_label = models.TextField()
    expires_at = models.DateTimeField()
    decision = models.TextField(choices=Decision.choices, null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by_id = models.BigIntegerField(null=True)
    decided_by_label = models.TextField(blank=True)
    by_operator = models.BooleanField(default=False)
    decided_effect = models.JSONField(null=True)
    superseded_by_id = models.BigIntegerField(null=True, help_text="account whose change superseded it")
    note = models.TextField(blank=True, help_text="why it was refused")

    objects = ApprovalRequestQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["-requested_at"], name="accounts_approval_recent")]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=Q(decision__isnull=True), name="accounts_approval_one_open"
            ),
            models.CheckConstraint(
                name="accounts_approval_decided_by_another",
                condition=Q(decision__isnull=True, decided_at__isnull=True, decided_by_id__isnull=True)
                | (
                    Q(decision__isnull=False, decided_at__isnull=False)
                    & (
                        Q(decision__in=["approved", "refused"], by_operator=True, decided_by_id__isnull=True)
                        | (
                            Q(decision__in=["approved", "refused"], by_operator=False, decided_by_id__isnull=False)
                            & (Q(requested_by_id__isnull=True) | ~Q(decided_by_id=F("requested_by_id")))
                        )
                        | Q(decision="withdrawn", decided_by_id=F("requested_by_id"), decided_by_id__isnull=False)
                        | Q(decision="superseded", decided_by_id__isnull=True)
                    )
                ),
            ),
            models.CheckConstraint(
                name="accounts_approval_refused_with_note", condition=~Q(decision="refused") | ~Q(note="")
            ),
            models.CheckConstraint(
                name="accounts_approval_superseded_by",
                condition=Q(superseded_by_id__isnull=True) | Q(decision="superseded"),
            ),
            models.CheckConstraint(
                name="accounts_approval_expires_later", condition=Q(expires_at__gt=F("requested_at"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"


class EmailChangeQuerySet(models.QuerySet["EmailChange"]):
    def pending(self, now: datetime) -> EmailChangeQuerySet:
        """Changes that a second person can still approve at `now`."""
        return self.filter(waiting=True, request__decision=None, request__expires_at__gt=now)


class EmailChange(models.Model):
    """One employee's new e-mail address, in one request for all new addresses of a roster load.

    `waiting` ends when the change is applied, when the request is decided otherwise (a trigger), or when a later load
    names another address. `requested_mail_at` and `applied_mail_at`: when the old address was notified;
    `mail_tried_at`: when a worker last tried.
    """

    id = models.BigAutoField(primary_key=True)
    request = models.ForeignKey(ApprovalRequest, on_delete=models.PROTECT)
    employee = models.ForeignKey("employees.Employee", on_delete=models.PROTECT, db_index=False)
    old_email = models.TextField()
    new_email = models.TextField()
    waiting = models.BooleanField(default=True)
    applied_at = models.DateTimeField(null=True)
    requested_mail_at = models.DateTimeField(null=True)
    applied_mail_at = models.DateTimeField(null=True)
    mail_tried_at = models.DateTimeField(null=True)

    objects = EmailChangeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(requested_mail_at__isnull=True) | Q(applied_at__isnull=False, applied_mail_at__isnull=True),
                name="accounts_emailchange_unmailed",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["employee"], condition=Q(waiting=True), name="accounts_emailchange_one"),
            models.CheckConstraint(
                name="accounts_emailchange_changes", condition=~Q(old_email=F("new_email")) & ~Q(new_email="")
            ),
        ]
