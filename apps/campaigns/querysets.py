"""Named queries for campaigns by state, and the SQL expression for red."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from apps.core.text import is_storable


class IsRed(models.Func):
    """Call the SQL function `is_red(counted, target, exempt)`, defined in `sql/is_red.sql`."""

    function = "is_red"
    arity = 3
    # A generated column needs the type at once, and a Func cannot derive it from three columns.
    output_field = models.BooleanField()


class CampaignQuerySet(models.QuerySet):
    def running(self) -> CampaignQuerySet:
        """Filter open campaigns: contacts are recorded and marks evaluate them."""
        return self.filter(state="open")

    def to_mark(self, at: datetime) -> CampaignQuerySet:
        """Filter campaigns whose standings a mark may write: open or closing, without a snapshot, opening passed."""
        newest = models.OuterRef("pk")
        rules = apps.get_model("campaigns", "CampaignRule").objects
        # The newest version decides, because a change before the opening may move the opening.
        opened = rules.filter(campaign=newest).order_by("-version").values("opens_at")[:1]
        return (
            self.filter(state__in=["open", "closing"], snapshot_at=None)
            .alias(opened=models.Subquery(opened))
            .filter(opened__lt=at)
        )

    def freezing_by_itself(self) -> CampaignQuerySet:
        """Filter unfinished campaigns that the scheduler freezes; a backdated one waits for a person to close it."""
        # A campaign that was opened after its cut-off holds old data: only a person decides that it is complete.
        return self.filter(models.Q(state="open", backdated=False) | models.Q(state="closing"))

    def by_name(self, name: str) -> Any:
        """Return the campaign with this slug or this name. Raises DoesNotExist."""
        # PostgreSQL refuses a NUL character in a text with an error, where "not found" is meant.
        if not is_storable(name):
            return self.none().get()
        return self.filter(slug=name).first() or self.get(name=name)

    def lock(self, *ids: int) -> CampaignQuerySet:
        """Lock these campaigns' rows against every other lock until the transaction ends, when the result is read.

        In the order of ADR 4: after facts, before the org tree and employees. Rows that refer to them stay writable.
        """
        return self.filter(pk__in=ids).select_for_update(no_key=True).order_by("pk")

    def lock_shared(self, *ids: int) -> CampaignQuerySet:
        """Lock these campaigns' rows against `lock` and changes of state, but not against another shared lock.

        In the order of ADR 4, as `lock`. The result is read under the lock: another transaction may have come first,
        and then a campaign may no longer match this queryset.
        """
        # Django checks this for select_for_update, not for raw SQL.
        if not connection.in_atomic_block:
            raise transaction.TransactionManagementError("a lock outside a transaction protects nothing")
        with connection.cursor() as cursor:
            # Raw SQL, because Django has no FOR SHARE. ORDER BY keeps two callers from a deadlock.
            cursor.execute("SELECT FROM campaigns_campaign WHERE id = ANY(%s) ORDER BY id FOR SHARE", [list(ids)])
        return self.filter(pk__in=ids).order_by("pk")
