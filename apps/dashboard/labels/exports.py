"""The icon and description of each kind of export."""

from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from apps.exports import schedule_rights
from apps.exports.models import Export, ExportSchedule

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


# Why a schedule has ended, by its code, and why its last file was not made.
END_REASONS: dict[str, Any] = {
    schedule_rights.CAMPAIGN_OVER: _("ended with the campaign"),
    schedule_rights.LAST_DAY: _("ended after its last day"),
    schedule_rights.ROLE_ENDED: _("ended, because you no longer have the role HR"),
    schedule_rights.NO_TEAM: _("ended, because you no longer have access to this team"),
    schedule_rights.ACCOUNT_CLOSED: _("ended, because the account was closed"),
}
PROBLEMS: dict[str, Any] = {
    "too_many": _("not created: your stored files have reached the limit"),
    "invalid": _("not created: its settings are no longer valid"),
}


def repetition(schedule: ExportSchedule) -> str:
    """Every day at 08:00 · every Monday at 08:00"""
    at = {"time": f"{schedule.hour:02}:00"}
    if schedule.weekday is None:
        return str(_("every day at %(time)s") % at)
    return str(_("every %(weekday)s at %(time)s") % {**at, "weekday": WEEKDAYS[schedule.weekday]})


def schedule_name(stored: str) -> str:
    """The name of a scheduled file by the one that the audit trail stores: the kind, then the campaign's short name."""
    for kind in Kind:
        if stored.startswith(prefix := kind.value.replace("_", "-") + "-"):
            return f"{kind.label} · {stored.removeprefix(prefix)}"
    return stored


def description(kind: str) -> Any:
    return ICONS_AND_DESCRIPTIONS[kind][1]
