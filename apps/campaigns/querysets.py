"""Campaigns by state, and the expression of red."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models

from apps.core.identity import storable

if TYPE_CHECKING:
    pass


class IsRed(models.Func):
    """`is_red(counted, target, exempt)`, the SQL function in `sql/is_red.sql`."""

    function = "is_red"
    arity = 3
    output_field = models.BooleanField()


class CampaignQuerySet(models.QuerySet):
    """Campaigns by what may still happen to them."""

    def running(self) -> CampaignQuerySet:
        """Open ones: contacts are recorded, marks judge."""
        return self.filter(state="open")

    def to_mark(self, at: datetime) -> CampaignQuerySet:
        """Those whose standings a mark may still write: open or closing, no K yet, opening passed."""
        newest = models.OuterRef("pk")
        rules = apps.get_model("campaigns", "CampaignRule").objects
        opened = rules.filter(campaign=newest).order_by("-version").values("opens_at")[:1]
        return (
            self.filter(state__in=["open", "closing"], snapshot_at=None)
            .alias(opened=models.Subquery(opened))
            .filter(opened__lt=at)
        )

    def by_name(self, name: str) -> Any:
        """The campaign with this slug or this name. Raises DoesNotExist."""
        if not storable(name):
            return self.none().get()
        return self.filter(slug=name).first() or self.get(name=name)
