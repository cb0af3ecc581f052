"""Where the rows of a report come from: cached standings, the facts, or a frozen result; compared or not."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from apps.campaigns.models import Campaign, CampaignRule
from apps.core.clock import db_now
from apps.core.sql import sql_literal, statement
from apps.reports.standings_filters import Filters
from apps.results.models import FrozenResult
from apps.reviews.models import under_review_sql
from apps.standings.base_query import base_ctes, comparison_sql
from apps.standings.report_people import People, frozen_ids_sql

FROZEN_SOURCES = statement("reports", "frozen", "sources")


class ReportSources:
    """The CTEs of a report, from WITH on, that define `listed`, `days` and `chosen`."""

    # Provided by Standings.
    if TYPE_CHECKING:
        campaign: Campaign
        rule: CampaignRule
        people: People
        filters: Filters
        as_of: datetime | None
        since: datetime | None
        result: FrozenResult | None
        being_frozen: bool
        show_reviews: bool
        _reviews_at: datetime | None

        @property
        def now(self) -> datetime: ...

    @property
    def _under_review(self) -> str:
        return under_review_sql(self.campaign.pk, self.now) if self.show_reviews else ""

    @cached_property
    def reviews_at(self) -> datetime:
        """The instant for review marks beside a frozen result."""
        return self._reviews_at or db_now()

    @cached_property
    def _cached_ctes(self) -> str:
        """The CTEs of `sources`, without re-evaluating pending employees."""
        return base_ctes(
            self.campaign,
            self.rule,
            self.people,
            self.now,
            historical=False,
            under_review=self._under_review,
            assume_up_to_date=True,
            since=self._filtered_since,
        )

    @property
    def _filtered_since(self) -> datetime | None:
        # Otherwise a list compares only the people that it shows.
        return self.since if self.filters.change else None

    @cached_property
    def sources(self) -> str:
        return self._sources(self._filtered_since)

    @property
    def compared_sources(self) -> str:
        """`sources` with every person compared."""
        return self._sources(self.since)

    def _sources(self, since: datetime | None) -> str:
        if self.result is not None:
            return self._frozen_ctes(self.result, since)
        past = self.as_of is not None or self.being_frozen
        return base_ctes(
            self.campaign, self.rule, self.people, self.now, historical=past, under_review=self._under_review,
            since=since,
        )  # fmt: skip

    def _frozen_ctes(self, result: FrozenResult, since: datetime | None) -> str:
        """The CTEs of `sources` from one version of a frozen result: its rows, and the tree at the cut-off."""
        under_review = "NULL::boolean"
        if self.show_reviews:
            under_review = f"frozen.employee_id IN ({under_review_sql(result.campaign_id, self.reviews_at)})"
        earlier, join_earlier, changes = comparison_sql(self.campaign, since, "frozen")
        return FROZEN_SOURCES.format(
            earlier=earlier,
            join_earlier=join_earlier,
            changes=changes,
            chosen=frozen_ids_sql(self.people, result.campaign_id),
            campaign=result.campaign_id,
            version=result.version,
            frozen_at=sql_literal(result.frozen_at),
            under_review=under_review,
        )
