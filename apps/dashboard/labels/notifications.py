"""Labels for notifications: what each kind is about, and why one was not sent."""

from django.utils.translation import gettext_lazy as _

from apps.dashboard.labels import base

KINDS: dict[str, base.Text] = {
    "campaign_opened": _("A campaign begins"),
    "announcement": _("An announcement is published"),
    "rule_changed": _("The rule of a campaign changes"),
    "milestone_50": _("You reach half of your target"),
    "milestone_90": _("You reach 90 % of your target"),
    "milestone_100": _("You reach your target"),
    "turned_red": _("You are below your target again"),
    "weekly": _("Monday summary, while you are behind the steady pace"),
    "deadline_7": _("Seven days before the deadline, while you are below your target"),
    "deadline_3": _("Three days before the deadline, while you are below your target"),
    "deadline_1": _("On the last day, while you are below your target"),
    "reminder": _("HR or a manager reminds you, while you are below your target"),
    "help_offered": _("A manager offers you help"),
    "adjustment_granted": _("Your target is adjusted"),
    "adjustment_ended": _("An adjustment of your target ends"),
    "review_answered": _("HR answers your review request"),
    "result_final": _("The result of a campaign is final"),
    "chat_changed": _("Your account for chat messages changes"),
    "result_corrected": _("HR corrects your result"),
    "team_digest": _("Team digest: on Mondays, and every day in the last week"),
    "deputy_named": _("A deputy is named for you, or you become a deputy"),
    "deputy_ended": _("A deputyship of yours ends"),
    "company_digest": _("Company digest: every day in the last week"),
    "review_opened": _("An employee asks for a review"),
    "review_due": _("The reply to a review is due within a day"),
    "correction_granted": _("A correction of a result is approved"),
    "drift_found": _("The nightly recount finds differences"),
    "freeze_failed": _("A campaign cannot be frozen"),
    "export_ready": _("A file that you requested is ready"),
    "scheduled_export_ready": _("A scheduled file of yours is ready"),
    "scheduled_export_ended": _("A scheduled file of yours ends, because your access has ended"),
    "import_finished": _("A large file of contacts that you uploaded is recorded"),
    "roster_applied": _("A roster that you confirmed is applied"),
    "approval_waiting": _("A request is waiting for a second person"),
    "approval_overdue": _("A request has been waiting for a second person for a day"),
}
REASONS: dict[str, base.Text] = {
    "left": _("the recipient has left the company"),
    "no_access": _("the account has no access"),
    "role_ended": _("the role has ended"),
    "switched_off": _("the recipient switched it off"),
    "no_address": _("there is no e-mail address"),
    "no_user_id": _("the roster has no DingTalk account"),
    "no_member_id": _("no Slack account was found"),
    "users_not_found": _("no Slack account was found"),
    "address_unproven": _("it is not yet proven whose mailbox this address is"),
    "deadline_passed": _("the deadline had passed"),
    "not_in_campaign": _("the recipient is no longer in the campaign"),
    "reached": _("the target was reached by then"),
    "not_reached": _("the milestone was no longer reached"),
    "superseded": _("another notification says the same"),
    "not_shown": _("the announcement was replaced or withdrawn by then"),
    "read": _("the announcement was read by then"),
    "decided": _("the request was decided by then"),
    "too_old": _("it had waited for a week"),
    "deputyship_over": _("the deputyship was over by then"),
    "frozen": _("the campaign was frozen by then"),
    "no_team": _("the recipient no longer has a team"),
    "on_pace": _("the recipient was on pace by then"),
    "worker_lost": _("the worker stopped while it was being sent"),
}


def reason_label(code: str) -> base.Text:
    """Why a notification was not sent; what the mail server answered stays as it is."""
    return REASONS.get(code, code)
