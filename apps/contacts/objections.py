"""Erasures on request, and the objections they leave: of who it was, nothing but keyed digests."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from apps.core.querysets import Clock


class Erasure(models.Model):
    """Somebody outside asked to be forgotten, and was: when, why, by whom. What was found stands in the audit trail.

    Appended, never changed.
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
    """An identity that must not be recorded again, by anybody: whoever it is has asked to be forgotten.

    The digest alone can keep that promise, so it outlives retention. Appended, never changed.
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
    """Who is to be erased, and why, sealed: what an approval request of an erasure must not hold in readable form.

    Deleted with the refusal, withdrawal or expiry of the request, by a trigger, and when the erasure is done. Until
    then `erasure` says that it was approved and has begun.
    """

    request_id = models.UUIDField(primary_key=True)
    sealed = models.TextField()
    erasure = models.ForeignKey(Erasure, on_delete=models.PROTECT, null=True, related_name="+")
