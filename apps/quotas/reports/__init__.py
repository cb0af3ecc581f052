"""The one read model: tables, charts, CSV and API all ask here, and judge nothing themselves."""

from apps.quotas.reports.adjustments import SHOWN, endings_of, one_request, requests_of, terms_of, waiting_for
from apps.quotas.reports.campaigns import TOLD_DAYS, all_campaigns, cancellation_of, fresh_changes, people_by_campaign
from apps.quotas.reports.folding import MIN_GROUP_SIZE, suppressed_groups
from apps.quotas.reports.groups import OTHERS, Bands, Bin, Day, Group
from apps.quotas.reports.meter import QualityIndicators, quality_indicators
from apps.quotas.reports.own import OwnContacts, OwnStanding, own_contacts, own_standing
from apps.quotas.reports.people import EmployeeIds, OneEmployee, People, Team, WholeCompany, may_see_reviews
from apps.quotas.reports.persons import (
    ReasonChange,
    contacts_with_reason,
    corrections_of,
    flips,
    reason_counts,
)
from apps.quotas.reports.standings import Filters, Page, Row, Standings, Totals, order_of
from apps.quotas.reports.targets import TargetStep, target_history

__all__ = [
    "MIN_GROUP_SIZE",
    "OTHERS",
    "SHOWN",
    "TOLD_DAYS",
    "Bands",
    "Bin",
    "Day",
    "EmployeeIds",
    "Filters",
    "Group",
    "OneEmployee",
    "OwnContacts",
    "OwnStanding",
    "Page",
    "People",
    "QualityIndicators",
    "ReasonChange",
    "Row",
    "Standings",
    "TargetStep",
    "Team",
    "Totals",
    "WholeCompany",
    "all_campaigns",
    "cancellation_of",
    "contacts_with_reason",
    "corrections_of",
    "endings_of",
    "flips",
    "fresh_changes",
    "may_see_reviews",
    "one_request",
    "order_of",
    "own_contacts",
    "own_standing",
    "people_by_campaign",
    "quality_indicators",
    "reason_counts",
    "requests_of",
    "suppressed_groups",
    "target_history",
    "terms_of",
    "waiting_for",
]
