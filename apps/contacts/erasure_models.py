"""Erasures on request, and the objections they leave: keyed digests only, without the person's data."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from apps.core.querysets import Clock


class Erasure(models.Model):
    """An erasure that a person outside the company requested: when, why, and which users did it.

    The audit trail records the request and its completion. Append-only.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    erased_at = models.DateTimeField(db_default=Clock())
    actor_id = models.BigIntegerField(null=True)
    actor_label = models.TextField()
    approved_by_label = models.TextField(blank=True, default="", db_default="", help_text="the second person")
    reason = models.TextField(help_text="how the request came and was checked; never who it is about")

    class Meta:
        ordering = ["-erased_at", "-pk"]
        constraints = [models.CheckConstraint(name="contacts_erasure_has_reason", condition=~Q(reason=""))]


class SuppressedIdentity(models.Model):
    """An identity that no employee may record again, because the person asked to be forgotten.

    Only the digest can enforce this, so it outlives retention. Append-only.
    """

    id = models.BigAutoField(primary_key=True)
    erasure = models.ForeignKey(Erasure, on_delete=models.PROTECT, related_name="objections")
    kind = models.TextField()
    digest = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "digest"], name="contacts_suppressed_once"),
            models.CheckConstraint(name="contacts_suppressed_kind", condition=Q(kind__in=["phone", "email", "handle"])),
        ]


class ErasureSubject(models.Model):
    """The sealed subject of an erasure: the person and the reason.

    An approval request must not hold them in readable form. A trigger deletes the row when the request is refused,
    withdrawn or expires; the erasure deletes it when it is done. Until then `erasure` shows that it was approved and
    has begun.
    """

    request_id = models.UUIDField(primary_key=True)
    sealed = models.TextField()
    erasure = models.ForeignKey(Erasure, on_delete=models.PROTECT, null=True, related_name="+")
