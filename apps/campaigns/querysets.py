"""Named queries for campaigns by state, and the SQL expression for red."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models

from apps.core.identity import storable

if TYPE_CHECKING:
    pass


class IsRed(models.Func):
    """Call the SQL function `is_red(counted, target, exempt)`, defined in `sql/is_red.sql`."""

    function = "is_red"
    arity = 3
    output_field = models.BooleanField()


class CampaignQuerySet(models.QuerySet):
    """Campaigns, filtered by state."""

    def running(self) -> CampaignQuerySet:
        """Filter open campaigns: contacts are recorded and marks evaluate them."""
        return self.filter(state="open")

    def to_mark(self, at: datetime) -> CampaignQuerySet:
        """Filter campaigns whose standings a mark may write: open or closing, without a snapshot, opening passed."""
        newest = models.OuterRef("pk")
        rules = apps.get_model("campaigns", "CampaignRule").objects
        opened = rules.filter(campaign=newest).order_by("-version").values("opens_at")[:1]
        return (
            self.filter(state__in=["open", "closing"], snapshot_at=None)
            .alias(opened=models.Subquery(opened))
            .filter(opened__lt=at)
        )

    def by_name(self, name: str) -> Any:
        """Return the campaign with this slug or this name. Raises DoesNotExist."""
        if not storable(name):
            return self.none().get()
        return self.filter(slug=name).first() or self.get(name=name)
