"""The one read model: tables, charts, CSV and API all ask here, and judge nothing themselves."""

from apps.quotas.reports.groups import Bands, Bin, Day, Group
from apps.quotas.reports.people import Everyone, Only, People, TeamOf, These, told_of_reviews
from apps.quotas.reports.persons import contacts_with_reason, flips, reason_counts
from apps.quotas.reports.standings import Filters, Page, Row, Standings, Totals

__all__ = [
    "Bands",
    "Bin",
    "Day",
    "Everyone",
    "Filters",
    "Group",
    "Only",
    "Page",
    "People",
    "Row",
    "Standings",
    "TeamOf",
    "These",
    "Totals",
    "contacts_with_reason",
    "flips",
    "reason_counts",
    "told_of_reviews",
]
