"""Roster loads, and what each one changed."""

import uuid
from datetime import timedelta

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.core.models import StoredFile
from apps.core.querysets import Clock

# Django finds the models of an app in this module.
from apps.roster.directory_models import DirectoryGroup, DirectoryMember, DirectoryUser  # noqa: F401

# The difference of an applied load stays readable for this long.
DIFFERENCE_LIFETIME = timedelta(days=90)


class RosterSource(models.TextChoices):
    """The ways in which a roster can be maintained; the setting ROSTER_SOURCE names the one that is used."""

    FILE = "file"
    API = "api"
    SCIM = "scim"


class RosterImport(models.Model):
    """A load, as the code calls it: a roster file from HR, previewed as a difference and applied in one transaction.

    `difference` holds the whole difference as CSV. `digest` is its SHA-256: the load applies what was shown. `based_on`
    is the roster version of the preview, `version` the one that the load created.

    `report` has the counts, the first rows of each list, and a problem that blocks the load. `effect` counts people who
    leave, people who move, and people whose contact count changes. It is counted when the load is applied or its
    approval is requested. A second person reads the effect; the requester does not.
    """

    class State(models.TextChoices):
        PREVIEWING = "previewing"
        PREVIEWED = "previewed"
        CONFIRMED = "confirmed"
        REQUESTED = "requested"
        DONE = "done"
        REFUSED = "refused"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    state = models.TextField(choices=State.choices)
    asked_at = models.DateTimeField(db_default=Clock())
    done_at = models.DateTimeField(null=True)
    actor_id = models.BigIntegerField(null=True)
    actor_label = models.TextField()
    other_actors = ArrayField(
        models.BigIntegerField(), default=list, help_text="further accounts that caused its changes; none approves it"
    )
    file = models.ForeignKey(StoredFile, on_delete=models.SET_NULL, null=True, related_name="+")
    file_name = models.TextField(blank=True)
    source = models.TextField(choices=RosterSource.choices, default=RosterSource.FILE)
    apply_at_once = models.BooleanField(default=False, help_text="a program has asked to apply it after its preview")
    request_key = models.TextField(blank=True, help_text="of the sender's Idempotency-Key; empty without one")
    request_digest = models.TextField(blank=True, help_text="of the content and the options sent with the key")
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
    advanced_at = models.DateTimeField(db_default=Clock(), help_text="when a process worked on it last")
    attempts = models.IntegerField(default=0)
    undone_at = models.DateTimeField(null=True)
    undone_by = models.TextField(blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["advanced_at"], condition=Q(state__in=["previewing", "confirmed"]), name="roster_load_waiting"
            ),
            models.Index(fields=["asked_at"], name="roster_load_asked"),
        ]
        constraints = [
            models.CheckConstraint(
                name="roster_load_done_has_time",
                condition=Q(state__in=["done", "refused"], done_at__isnull=False)
                | (~Q(state__in=["done", "refused"]) & Q(done_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="roster_load_undone_was_done", condition=Q(undone_at__isnull=True) | Q(state="done")
            ),
            models.UniqueConstraint(
                fields=["actor_id", "request_key"], condition=~Q(request_key=""), name="roster_load_one_a_request"
            ),
            models.UniqueConstraint(
                fields=["version"], condition=Q(version__isnull=False), name="roster_load_one_a_version"
            ),
        ]


class RosterImportBefore(models.Model):
    """A row as it was before the last roster change, kept for its undo; `before` is None for a new row."""

    id = models.BigAutoField(primary_key=True)
    load = models.ForeignKey(RosterImport, on_delete=models.CASCADE)
    place = models.TextField(help_text="the table")
    row_id = models.BigIntegerField()
    employee_id = models.BigIntegerField(null=True)
    before = models.JSONField(null=True)
