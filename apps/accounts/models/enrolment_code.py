"""One-time codes with which a role holder adds the first second factor (ADR 65)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from apps.core.querysets import Clock


class EnrolmentCode(models.Model):
    """The valid code of one account; using it deletes it, and a new code replaces it.

    Only a keyed digest is stored, so a copy of the database reveals no code.
    """

    account = models.OneToOneField("accounts.Account", on_delete=models.CASCADE, primary_key=True)
    digest = models.BinaryField()
    made_at = models.DateTimeField(db_default=Clock())
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="accounts_enrolment_code_expires", condition=Q(expires_at__gt=F("made_at")))
        ]

    def __str__(self) -> str:
        return f"code of {self.account_id}"
