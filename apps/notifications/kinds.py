"""All kinds of notifications: from which event, to whom, by which channels, and how reliably (ADR 79).

`texts.by_kind` has the text of each kind, `queries/planning.sql` the audiences, `staleness` the rules of `stale`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from apps.notifications.models import Channel

# At most once: a repetition annoys more than a loss. At least once: a right depends on the notice.
AT_MOST_ONCE, AT_LEAST_ONCE = "at_most_once", "at_least_once"
APP_AND_EMAIL = (Channel.APP, Channel.EMAIL)
# Chat takes the place of e-mail for reminders and digests. A notice of a right stays with the proven address (ADR 84).
WITH_CHAT = (*APP_AND_EMAIL, Channel.CHAT)


class Audience(StrEnum):
    EMPLOYEE = "employee"  # the employee of the event
    MANAGER = "manager"  # the employee of the event, who has a team
    ACCOUNT = "account"  # the account of the event
    CAMPAIGN = "campaign"  # all employees in the scope of the event's campaign, or before a change of its rule
    RESULT = "result"  # all employees in the newest result of the event's campaign
    HR = "hr"  # all HR accounts but the one that caused the event, or of these the event's account


class Stale(StrEnum):
    """Why a notification is dropped before it is sent."""

    OVER = "deadline_passed"
    OUTSIDE = "not_in_campaign"
    REACHED = "reached"
    NOT_REACHED = "not_reached"
    SUPERSEDED = "superseded"
    DECIDED = "decided"
    ON_PACE = "on_pace"
    NO_TEAM = "no_team"
    DEPUTY_OVER = "deputyship_over"
    FROZEN = "frozen"
    NOT_SHOWN = "not_shown"
    READ = "read"


@dataclass(frozen=True)
class Kind:
    """The event that causes it has the same code."""

    code: str
    audience: Audience
    policy: str
    can_switch_off: bool
    stale: tuple[Stale, ...] = ()
    channels: tuple[str, ...] = APP_AND_EMAIL
    # Channels that stay on where the others can be switched off.
    always: tuple[str, ...] = ()

    def can_switch_off_by(self, channel: str) -> bool:
        return self.can_switch_off and channel not in self.always


# When a notification is stale, for kinds that share it.
STALE_BELOW = (Stale.OVER, Stale.OUTSIDE, Stale.REACHED)
STALE_REMINDER = (*STALE_BELOW, Stale.SUPERSEDED)
STALE_WEEKLY = (*STALE_REMINDER, Stale.ON_PACE)
STALE_OFFER = (*STALE_BELOW, Stale.DECIDED)
STALE_DIGEST = (Stale.OVER, Stale.NO_TEAM, Stale.SUPERSEDED)
STALE_ANNOUNCEMENT = (Stale.OVER, Stale.OUTSIDE, Stale.NOT_SHOWN, Stale.READ, Stale.SUPERSEDED)

KINDS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        #    code                  audience           policy         can be switched off, stale when
        Kind("campaign_opened",    Audience.CAMPAIGN, AT_LEAST_ONCE, True,  (Stale.OVER,)),
        Kind("announcement",       Audience.CAMPAIGN, AT_LEAST_ONCE, True,  STALE_ANNOUNCEMENT),
        Kind("rule_changed",       Audience.CAMPAIGN, AT_LEAST_ONCE, False, (Stale.OVER,)),
        Kind("milestone_50",       Audience.EMPLOYEE, AT_MOST_ONCE,  True,  STALE_REMINDER, WITH_CHAT),
        Kind("milestone_90",       Audience.EMPLOYEE, AT_MOST_ONCE,  True,  STALE_BELOW, WITH_CHAT),
        Kind("milestone_100",      Audience.EMPLOYEE, AT_MOST_ONCE,  True,  (Stale.OVER, Stale.NOT_REACHED), WITH_CHAT),
        Kind("turned_red",         Audience.EMPLOYEE, AT_LEAST_ONCE, False, STALE_REMINDER),
        Kind("weekly",             Audience.EMPLOYEE, AT_MOST_ONCE,  True,  STALE_WEEKLY, WITH_CHAT),
        Kind("deadline_7",         Audience.EMPLOYEE, AT_MOST_ONCE,  True,  STALE_REMINDER, WITH_CHAT),
        Kind("deadline_3",         Audience.EMPLOYEE, AT_MOST_ONCE,  True,  STALE_REMINDER, WITH_CHAT),
        Kind("deadline_1",         Audience.EMPLOYEE, AT_MOST_ONCE,  True,  STALE_BELOW, WITH_CHAT),
        # From a person: the mail can be switched off, and the list in the application keeps it.
        Kind("reminder",           Audience.EMPLOYEE, AT_MOST_ONCE,  True,  STALE_BELOW, always=(Channel.APP,)),
        Kind("help_offered",       Audience.EMPLOYEE, AT_MOST_ONCE,  True,  STALE_OFFER, always=(Channel.APP,)),
        Kind("adjustment_granted", Audience.EMPLOYEE, AT_LEAST_ONCE, False),
        Kind("adjustment_ended",   Audience.EMPLOYEE, AT_LEAST_ONCE, False),
        # apps.reviews.answer_mails sends the mail about an answer.
        Kind("review_answered",    Audience.EMPLOYEE, AT_LEAST_ONCE, False, channels=(Channel.APP,)),
        Kind("result_final",       Audience.RESULT,   AT_LEAST_ONCE, False),
        Kind("result_corrected",   Audience.EMPLOYEE, AT_LEAST_ONCE, False),
        Kind("chat_changed",       Audience.EMPLOYEE, AT_LEAST_ONCE, False),
        Kind("team_digest",        Audience.MANAGER,  AT_MOST_ONCE,  True,  STALE_DIGEST, WITH_CHAT),
        Kind("deputy_named",       Audience.EMPLOYEE, AT_LEAST_ONCE, False, (Stale.DEPUTY_OVER,)),
        Kind("deputy_ended",       Audience.EMPLOYEE, AT_LEAST_ONCE, False),
        Kind("company_digest",     Audience.HR,       AT_MOST_ONCE,  True,  (Stale.OVER, Stale.SUPERSEDED), WITH_CHAT),
        Kind("review_opened",      Audience.HR,       AT_LEAST_ONCE, False, (Stale.DECIDED,)),
        Kind("review_due",         Audience.HR,       AT_LEAST_ONCE, False, (Stale.DECIDED,)),
        Kind("correction_granted", Audience.HR,       AT_LEAST_ONCE, False),
        Kind("drift_found",        Audience.HR,       AT_LEAST_ONCE, False),
        Kind("freeze_failed",      Audience.HR,       AT_LEAST_ONCE, False, (Stale.FROZEN,)),
        # The reader waits for it in Hundred.
        Kind("export_ready",       Audience.ACCOUNT,  AT_MOST_ONCE,  True,  channels=(Channel.APP,)),
        Kind("scheduled_export_ready", Audience.ACCOUNT, AT_MOST_ONCE, True),
        Kind("scheduled_export_ended", Audience.ACCOUNT, AT_MOST_ONCE, True, channels=(Channel.APP,)),
        Kind("import_finished",    Audience.ACCOUNT,  AT_MOST_ONCE,  True,  channels=(Channel.APP,)),
        Kind("roster_applied",     Audience.ACCOUNT,  AT_MOST_ONCE,  True,  channels=(Channel.APP,)),
        Kind("approval_waiting",   Audience.HR,       AT_LEAST_ONCE, False, (Stale.DECIDED,)),
        Kind("approval_overdue",   Audience.HR,       AT_LEAST_ONCE, False, (Stale.DECIDED,)),
    )
}  # fmt: skip
# Their messages are sent before all others.
URGENT_KINDS = [kind.code for kind in KINDS.values() if kind.policy == AT_LEAST_ONCE and not kind.can_switch_off]
AT_LEAST_ONCE_KINDS = [kind.code for kind in KINDS.values() if kind.policy == AT_LEAST_ONCE]
