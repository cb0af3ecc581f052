"""Reports of large teams and of the company from stored sums, as of the last time that these were brought up to date.

The sums are a few seconds old while a worker runs, and the page shows their instant. A report about one person, a list
or a small team never uses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from apps.campaigns import rules
from apps.campaigns.models import Campaign, CampaignRule
from apps.campaigns.population import effective_as_of
from apps.core.read_replica import read_rows
from apps.core.sql import sql_literal, statement
from apps.employees.models import Employee
from apps.employees.org_tree import TREE_VERSION_SQL
from apps.reports.fast_path import query_if
from apps.reviews.models import under_review_sql
from apps.standings import build_summaries
from apps.standings.report_people import Team, WholeCompany

# Older sums are not shown: without a worker, reports read every employee.
MAX_AGE = timedelta(hours=1)
COMPANY = 0
STATE = statement("reports", "summaries", "state")
VALID = statement("reports", "summaries", "valid")
FIGURES = statement("reports", "summaries", "figures")
HEADS = statement("reports", "summaries", "heads")
BUCKETS = statement("reports", "summaries", "buckets")
COMPANY_MEMBERS = statement("reports", "summaries", "company_members")
TEAM_MEMBERS = statement("reports", "summaries", "team_members")
MEMBER = statement("reports", "summaries", "member")
TOTALS = statement("reports", "summaries", "totals")
STALLED = statement("reports", "summaries", "stalled")
UNDER_REVIEW = statement("reports", "summaries", "under_review")


@dataclass(frozen=True)
class TeamSummary:
    """The sums of a manager's team, or of the company, in one campaign, over version `tree` of the org tree.

    `as_of`: the instant of the sums. `share`: the team's share of all places.
    """

    campaign: Campaign
    rule: CampaignRule
    manager: int
    tree: int
    as_of: datetime
    share: float

    def figures(self, kind: str, select: str) -> list[tuple] | None:
        """The rows of a SELECT over `figure` (key, day, low, high, exempt, n). None when the sums are outdated.

        `key`: the department, in the company.
        """
        figures = FIGURES.format(campaign=self.campaign.pk, kind=sql_literal(kind), manager=self.manager)
        return self._query(figures, select)

    def by_department(self) -> list[tuple] | None:
        """Rows of (department, department, "", counted, target, exempt, people)."""
        return self.figures("verdict", BUCKETS)

    def by_head(self, heads: list[Employee]) -> list[tuple] | None:
        """The same for the teams of direct reports; first the lead's id."""
        ids = sql_literal([head.pk for head in heads])
        return self._query(HEADS.format(campaign=self.campaign.pk, heads=ids), BUCKETS)

    def totals(self, *, show_reviews: bool) -> list[tuple] | None:
        """Rows of (counted, target, exempt, people), each with how many are stalled and under review."""
        under_review = "0"
        if show_reviews:
            under_review = UNDER_REVIEW.format(
                campaign=self.campaign.pk,
                reviewed=under_review_sql(self.campaign.pk, self.as_of),
                member=self.member_sql("standing.employee_id"),
            )
        return self.figures("verdict", TOTALS.format(stalled=self._stalled(), under_review=under_review))

    def member_sql(self, employee: str) -> str:
        """The condition that an employee is one of these, by the tree that the same statement sees."""
        return "true" if self.manager == COMPANY else MEMBER.format(employee=employee, manager=self.manager)

    @property
    def members_sql(self) -> str:
        """SELECT of (employee_id): these employees, with a stored standing."""
        members = COMPANY_MEMBERS if self.manager == COMPANY else TEAM_MEMBERS
        return members.format(campaign=self.campaign.pk, manager=self.manager)

    def _query(self, ctes: str, select: str) -> list[tuple] | None:
        # The tree may change between two statements of a page, so each one checks it again.
        valid = VALID.format(campaign=self.campaign.pk, tree=self.tree, tree_version=TREE_VERSION_SQL)
        return query_if(valid, ctes, select)

    def _stalled(self) -> str:
        zone = self.rule.time_zone
        week_ago = rules.day_of(self.as_of, zone) - timedelta(days=rules.STALLED_AFTER_DAYS)
        # From the cut-off on no contact can count, and in the first week no employee can have stalled.
        if self.as_of >= self.rule.cutoff_at or self.rule.opens_on - timedelta(days=1) > week_ago:
            return "0"
        return STALLED.format(
            campaign=self.campaign.pk,
            manager=self.manager,
            week_ago=f"{sql_literal(week_ago.isoformat())}::date",
            begin_week_ago=sql_literal(rules.start_of_day(week_ago, zone)),
            zone=sql_literal(zone),
            at=effective_as_of(self.rule, self.as_of),
            member=self.member_sql("standing.employee_id"),
        )


def team_summary_for(
    campaign: Campaign, rule: CampaignRule, people: WholeCompany | Team, now: datetime
) -> TeamSummary | None:
    """The sums of these people, where they are valid. One cheap query, and none for a small team."""
    manager = COMPANY
    if isinstance(people, Team):
        node = getattr(people.employee, "node", None)
        # Smaller teams have no sums: their rows are read fast enough.
        if node is None or node.last - node.first < build_summaries.MIN_SUMMARY_PEOPLE:
            return None
        manager = people.employee.pk
    state = STATE.format(
        campaign=campaign.pk, manager=manager, tree_version=TREE_VERSION_SQL, oldest=sql_literal(now - MAX_AGE)
    )
    for tree, as_of, share in read_rows(state):
        return TeamSummary(campaign, rule, manager, tree, as_of, share)
    return None
