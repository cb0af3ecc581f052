"""The hand-over of a result in pages, for a reward system: the same rows as its file, or what a correction changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.sql import SQL

from apps.core.sql import compose, fetch_all, fetch_named, statement
from apps.exports.standings_export import HANDOVER_VERDICT
from apps.results.models import FrozenResult
from apps.reviews.models import under_review_sql

ROWS = statement("exports", "hand_over", "rows")
CHANGED_ROWS = statement("exports", "hand_over", "changed_rows")
WITHHELD = statement("exports", "hand_over", "withheld")
SHORT_DIGEST_CHARS = 16


@dataclass(frozen=True)
class HandOver:
    """One version of a result, with the reviews that are open just before `reviews_as_of`.

    `since`: an earlier version, to list only the employees whose standing differs from it, with the values before.
    """

    result: FrozenResult
    reviews_as_of: datetime
    since: FrozenResult | None = None

    @property
    def etag(self) -> str:
        """The result's digest; after it digests of the earlier version and of the open reviews, if there are any.

        The result's digest alone would miss the end of a review, which changes a verdict and no result.
        """
        parts = [self.result.digest]
        if self.since is not None:
            parts.append(f"since-{self.since.digest[:SHORT_DIGEST_CHARS]}")
        withheld = fetch_all(self._statement(WITHHELD))
        if withheld:
            employees = ",".join(str(employee) for (employee,) in withheld)
            parts.append(f"reviews-{hashlib.sha256(employees.encode()).hexdigest()[:SHORT_DIGEST_CHARS]}")
        return f'"{".".join(parts)}"'

    def rows(self, *, after: int, size: int) -> list[dict[str, Any]]:
        """Up to `size` rows behind the employee with the id `after`; 0 for the first ones."""
        query = ROWS if self.since is None else CHANGED_ROWS
        return fetch_named(self._statement(query, after=after, size=size))

    def _statement(self, query: str, **numbers: int) -> str:
        return compose(
            query, verdict=SQL(HANDOVER_VERDICT), campaign=self.result.campaign_id, version=self.result.version,
            since=self.since.version if self.since else 0,
            under_review=SQL(under_review_sql(self.result.campaign_id, self.reviews_as_of)), **numbers,
        )  # fmt: skip
