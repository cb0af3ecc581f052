"""Labels for notifications: what each kind is about, and why one was not sent."""

from django.utils.translation import gettext_lazy as _

from apps.dashboard.labels import base

KINDS: dict[str, base.Text] = {
    "campaign_opened": _("A campaign begins"),
    "rule_changed": _("The rule of a campaign changes"),
    "milestone_50": _("Half of the target is reached"),
    "milestone_90": _("Nine tenths of the target are reached"),
    "milestone_100": _("The target is reached"),
    "turned_red": _("A reached target is no longer reached"),
    "weekly": _("Monday's summary while behind the steady pace"),
    "deadline_7": _("Seven days before the deadline, while below the target"),
    "deadline_3": _("Three days before the deadline, while below the target"),
    "deadline_1": _("On the last day, while below the target"),
    "adjustment_granted": _("The own target is adjusted"),
    "adjustment_ended": _("An adjustment of the own target ends"),
    "review_answered": _("HR answers a review request"),
    "result_final": _("The result of a campaign is final"),
    "approval_waiting": _("A request waits for a second person"),
}
