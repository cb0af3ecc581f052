"""The icon and description of each kind of export."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.exports.models import Export

Kind = Export.Kind
ICONS_AND_DESCRIPTIONS: dict[str, tuple[str, Any]] = {
    Kind.STANDINGS: ("gauge", _("One line per person: counted, target, red and pace, as the pages show them.")),
    Kind.DAYS: ("calendar", _("One line per person and day with new counted contacts.")),
    Kind.TEAMS: ("users", _("One line per manager, with all employees below: people, red, at target and quartiles.")),
    Kind.FLIPS: ("repeat", _("Every change between red and not red, with its time and cause.")),
    Kind.ADJUSTMENTS: ("scale", _("All requests: approved, refused and ended, with their reasons.")),
    Kind.REVIEWS: (
        "message-circle-question-mark", _("Review requests with their reply date and the answer.")
    ),
    Kind.LEAVERS: (
        "log-out", _(
            "Employees who left since the opening, with their counted contacts. They are not part of any total."
        )
    ),
    Kind.ROSTER_CHANGES: ("git-branch", _("Employees who joined, left or moved between two moments.")),
    Kind.HANDOVER: ("stamp", _("The final result for the reward system: eligible, not eligible or under review.")),
}  # fmt: skip
# The kinds a manager may export of the own team; HR may export every kind.
TEAM_KINDS = (Kind.STANDINGS, Kind.DAYS, Kind.TEAMS, Kind.FLIPS)
# The audit actions after which an export of a past instant can differ from an earlier one of the same instant.
PAST_CORRECTIONS: dict[str, Any] = {
    "contact.restored": _("a contact was restored"),
    "contact.corrected": _("a contact was corrected"),
    "submission.undone": _("undid an import"),
    "roster.loaded": _("the roster was loaded"),
    "roster.undone": _("a load of the roster was undone"),
    "adjustment.granted": _("an adjustment was approved"),
    "adjustment.end_granted": _("an adjustment was ended"),
    "correction.made": _("the result was corrected"),
    "campaign.rule_changed": _("the rule of the campaign was changed"),
}


def description(kind: str) -> Any:
    return ICONS_AND_DESCRIPTIONS[kind][1]
