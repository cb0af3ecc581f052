"""Totals of many standings: headcounts by standing and by pace."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from apps.campaigns import rules
from apps.campaigns.models import CampaignRule
from apps.reports.distribution import (
    StandingBucket,
    contacts_counted,
    contacts_remaining,
    contacts_wanted,
    headcount,
    quantile,
)
from apps.reports.standings_columns import Row


@dataclass(frozen=True)
class Totals:
    """Headcounts by standing; red, `at_target` and `exempt_below` add up to all people.

    `done` and `at_target` are the same people. `exempt_below`: exempt, and below the target. `to_go`: contacts missing
    in total. `targets`: the sum of the targets of those who are not exempt.

    `keeping_pace`: ahead or on pace. `still`: red with no new counted contact for a week. `within_10`: red with at most
    ten to go. `at_zero`: no counted contact.
    """

    people: int
    red: int
    at_target: int
    exempt: int
    exempt_below: int
    done: int
    ahead: int
    on_pace: int
    behind: int
    keeping_pace: int
    still: int
    within_5: int
    within_10: int
    at_zero: int
    counted: int
    targets: int
    to_go: int
    stale: int
    under_review: int
    quartile_1: int
    median: int
    quartile_3: int


class Distribution(NamedTuple):
    """The aggregated standings: buckets of equal standing, headcounts by pace, and three counts."""

    buckets: list[StandingBucket]
    paces: dict[str, int]
    still: int
    stale: int
    under_review: int

    def totals(self) -> Totals:
        buckets, paces = self.buckets, self.paces
        return Totals(
            people=headcount(buckets),
            red=headcount(bucket for bucket in buckets if bucket.red),
            at_target=headcount(bucket for bucket in buckets if bucket.at_target),
            exempt=headcount(bucket for bucket in buckets if bucket.exempt),
            exempt_below=headcount(bucket for bucket in buckets if bucket.exempt and not bucket.at_target),
            **paces,
            keeping_pace=paces["ahead"] + paces["on_pace"],
            still=self.still,
            within_5=headcount(bucket for bucket in buckets if bucket.red and bucket.remaining <= 5),
            within_10=headcount(bucket for bucket in buckets if bucket.red and bucket.remaining <= 10),
            at_zero=headcount(bucket for bucket in buckets if bucket.counted == 0),
            counted=contacts_counted(buckets),
            targets=contacts_wanted(buckets),
            to_go=contacts_remaining(buckets),
            stale=self.stale,
            under_review=self.under_review,
            quartile_1=quantile(buckets, 0.25),
            median=quantile(buckets, 0.5),
            quartile_3=quantile(buckets, 0.75),
        )


def distribution_of_rows(rows: list[Row]) -> Distribution:
    # Equal standings are one bucket, as the other sources give them.
    people_by_standing = Counter((row.counted, row.target, row.exempt) for row in rows)
    buckets = [StandingBucket(*standing, people) for standing, people in people_by_standing.items()]
    paces = dict.fromkeys(rules.PACES, 0) | Counter(row.pace for row in rows)
    still, stale = sum(row.stalled for row in rows), sum(row.stale for row in rows)
    return Distribution(buckets, paces, still, stale, sum(row.under_review is True for row in rows))


def distribution_of_sums(rows: list[tuple], rule: CampaignRule, as_of: datetime) -> Distribution:
    """The distribution from the rows of TeamSummary.totals. Every pending change is younger than these sums."""
    buckets, paces = [StandingBucket(*row[:4]) for row in rows], dict.fromkeys(rules.PACES, 0)
    for bucket in buckets:
        # Sums hold no pace, because it changes with the clock. It is equal for all people of a bucket.
        paces[rules.pace(bucket.counted, bucket.target, rule.opens_at, rule.cutoff_at, as_of)] += bucket.people
    stalled, under_review = rows[0][4:] if rows else (0, 0)
    return Distribution(buckets, paces, stalled, 0, under_review)


def distribution_of_buckets(rows: list[tuple]) -> Distribution:
    """The distribution from rows of (counted, target, exempt, people, pace, stalled, pending, under review)."""
    paces = dict.fromkeys(rules.PACES, 0)
    for row in rows:
        paces[row[4]] += row[3]
    stalled, pending, under_review = (sum(row[column] for row in rows) for column in (5, 6, 7))
    return Distribution([StandingBucket(*row[:4]) for row in rows], paces, stalled, pending, under_review)
