"""The name and description of each kind of export."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.exports.models import Export

Kind = Export.Kind
SAYS: dict[str, Any] = {
    Kind.STANDINGS: _("A line for each person: counted, target, red, pace, as the pages show them."),
    Kind.DAYS: _("A line for each person and day on which a contact was recorded that counts."),
    Kind.TEAMS: _("A line for each manager, with everybody below: people, red, at target, quartiles."),
    Kind.FLIPS: _("Every turn from red to not red and back, with its time and cause."),
    Kind.ADJUSTMENTS: _("Everything asked for, granted, refused and ended, with its reason."),
    Kind.REVIEWS: _("Who asked for a review, by when it is to be answered, and how it was."),
    Kind.LEAVERS: _("Who left since the opening: in no total, with the contacts that count all the same."),
    Kind.ROSTER_CHANGES: _("Who joined, left or moved between two moments."),
    Kind.HANDOVER: _("The final result for the reward system: eligible, not eligible or under review."),
}
ICONS: dict[str, str] = {
    Kind.STANDINGS: "gauge",
    Kind.DAYS: "calendar",
    Kind.TEAMS: "users",
    Kind.FLIPS: "repeat",
    Kind.ADJUSTMENTS: "scale",
    Kind.REVIEWS: "message-circle-question-mark",
    Kind.LEAVERS: "log-out",
    Kind.ROSTER_CHANGES: "git-branch",
    Kind.HANDOVER: "stamp",
}
# The kinds a manager may export of the own team; HR may export every kind.
OF_A_TEAM = (Kind.STANDINGS, Kind.DAYS, Kind.TEAMS, Kind.FLIPS)
# The audit actions that change the past.
CORRECTIONS: dict[str, Any] = {
    "contact.restored": _("a contact was restored"),
    "contact.corrected": _("a contact was corrected"),
    "submission.undone": _("a file was taken back"),
    "roster.loaded": _("the roster was loaded"),
    "roster.undone": _("a load of the roster was undone"),
    "adjustment.granted": _("an adjustment was granted"),
    "adjustment.end_granted": _("an adjustment was ended"),
    "correction.made": _("the result was corrected"),
    "campaign.rule_changed": _("the rule of the campaign was changed"),
}
