"""One-time codes with which a role holder adds the first second factor (ADR 65).

The table of `models`, in a file of its own.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from apps.core.querysets import Clock


class EnrolmentCode(models.Model):
    """The code of one account that is still good: it goes when it was used, and a new one replaces it.

    Only a keyed digest is stored: a copy of the database gives nobody a code.
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
