"""What the company's directory says of people and groups, as it sent it by SCIM (ADR 87).

The roster follows in a worker: `directory_sync` applies these rows as roster loads.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from apps.core.querysets import Clock

NOT_DELETED = Q(deleted_at=None)


class DirectoryRecord(models.Model):
    """A SCIM resource: its attributes, and a version that each change increments."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    document = models.JSONField(help_text="the attributes as SCIM names them, without id and meta")
    external_id = models.TextField(blank=True)
    version = models.BigIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Clock())
    changed_at = models.DateTimeField(db_default=Clock())

    class Meta:
        abstract = True


class DirectoryUser(DirectoryRecord):
    """A user of the directory. The staff number says which employee it is; an address or a name never does.

    `state`: whether the roster has what `document` says. `problem`: the code of what prevents it, or of what is
    missing; `load` is the roster load that waits for a second person. A deleted user is kept until the employment has
    ended.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        APPLIED = "applied"
        HELD = "held"
        REFUSED = "refused"

    user_name = models.TextField()
    staff_no = models.TextField(blank=True)
    email = models.TextField(blank=True, help_text="the work address in lower case")
    manager = models.TextField(blank=True, help_text="as sent: a SCIM id, a staff number or a user name")
    active = models.BooleanField()
    inactive_on = models.DateField(null=True, help_text="the last day, in the company's time zone")
    sent = ArrayField(models.TextField(), default=list, help_text="optional attributes that the directory has sent")
    deleted_at = models.DateTimeField(null=True)
    actor_id = models.BigIntegerField(help_text="account whose token changed it last, or a group of it")
    actor_label = models.TextField()
    other_actors = ArrayField(
        models.BigIntegerField(), default=list, help_text="accounts of earlier changes that the roster does not have"
    )
    state = models.TextField(choices=State.choices, default=State.WAITING)
    problem = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    load = models.ForeignKey("roster.RosterImport", on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        indexes = [
            models.Index(fields=["created_at", "id"], name="roster_directory_user_order"),
            models.Index(fields=["external_id"], name="roster_directory_user_external"),
            models.Index(Lower("staff_no"), condition=~NOT_DELETED, name="roster_directory_deleted_no"),
            models.Index(
                fields=["changed_at"],
                condition=~Q(state="applied") | ~Q(problem=""),
                name="roster_directory_user_open",
            ),
        ]
        constraints = [
            models.UniqueConstraint(Lower("user_name"), condition=NOT_DELETED, name="roster_directory_user_name"),
            models.UniqueConstraint(
                Lower("staff_no"), condition=NOT_DELETED & ~Q(staff_no=""), name="roster_directory_staff_no"
            ),
            models.UniqueConstraint(
                fields=["email"], condition=NOT_DELETED & Q(active=True) & ~Q(email=""), name="roster_directory_email"
            ),
            models.CheckConstraint(
                name="roster_directory_deleted_is_inactive", condition=NOT_DELETED | Q(active=False)
            ),
            models.CheckConstraint(
                name="roster_directory_inactive_has_day",
                condition=Q(active=True, inactive_on=None) | Q(active=False, inactive_on__isnull=False),
            ),
        ]


class DirectoryGroup(DirectoryRecord):
    """A group of the directory: the department of members whose users have none."""

    display_name = models.TextField()
    members = models.ManyToManyField(DirectoryUser, through="DirectoryMember", related_name="directory_groups")

    class Meta:
        indexes = [models.Index(fields=["created_at", "id"], name="roster_directory_group_order")]
        constraints = [models.UniqueConstraint(Lower("display_name"), name="roster_directory_group_name")]


class DirectoryMember(models.Model):
    group = models.ForeignKey(DirectoryGroup, on_delete=models.CASCADE)
    user = models.ForeignKey(DirectoryUser, on_delete=models.CASCADE)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="roster_directory_member_once")]
