"""The company's total beside its target, as every employee of a campaign sees it: one sum, and no group."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from apps.campaigns.models import Campaign
from apps.core.sql import fetch_all, statement
from apps.reports.small_groups import MIN_GROUP_SIZE
from apps.reports.summaries import team_summary_for
from apps.standings.build_summaries import MIN_SUMMARY_PEOPLE
from apps.standings.report_people import WholeCompany

PROGRESS = statement("reports", "summaries", "progress")
PROGRESS_OF_STANDINGS = statement("reports", "summaries", "progress_of_standings")


@dataclass(frozen=True)
class CompanyProgress:
    """Contacts that count, and the sum of all targets without those of exempt employees, at `as_of`."""

    counted: int
    target: int
    as_of: datetime


def company_progress(campaign: Campaign, now: datetime) -> CompanyProgress | None:
    """The progress of an open campaign, from the stored sums or the stored standings of a small company.

    None in a large company without valid sums, because a page of every employee must not read all standings; and for
    fewer than MIN_GROUP_SIZE people.
    """
    if campaign.state != Campaign.State.OPEN:
        return None
    summary = team_summary_for(campaign, campaign.rule, WholeCompany(), now)
    rows = summary.figures("verdict", PROGRESS) if summary else None
    as_of = summary.as_of if summary and rows else now
    if not rows:
        rows = fetch_all(PROGRESS_OF_STANDINGS, {"campaign": campaign.pk, "large_company": MIN_SUMMARY_PEOPLE})
    counted, target, people = rows[0]
    return CompanyProgress(counted, target, as_of) if people >= MIN_GROUP_SIZE else None
