"""What quotas does, by subject: campaigns and their rules, marks, what time brings, and the doorbell."""

from apps.ledger.services import clock
from apps.quotas.services.acts import Act, acts_of
from apps.quotas.services.campaigns import (
    CampaignRefused,
    adjust,
    campaign_for,
    can_undo,
    cancel_campaign,
    open_campaign,
    restore_while_open,
    undo_while_open,
)
from apps.quotas.services.marking import Mark, mark_everybody, mark_standings, mark_touched, sweep
from apps.quotas.services.passing import follow_time
from apps.quotas.services.recounting import Difference, recount, waiting
from apps.quotas.services.reviewing import (
    ReviewRefused,
    answer_review,
    ask_review,
    ask_until,
    can_ask,
    under_review,
    withdraw_review,
)
from apps.quotas.services.ringing import ring, ring_for_file
from apps.quotas.services.telling import tell_answers

__all__ = [
    "Act",
    "CampaignRefused",
    "Difference",
    "Mark",
    "ReviewRefused",
    "acts_of",
    "adjust",
    "answer_review",
    "ask_review",
    "ask_until",
    "campaign_for",
    "can_ask",
    "can_undo",
    "cancel_campaign",
    "clock",
    "follow_time",
    "mark_everybody",
    "mark_standings",
    "mark_touched",
    "open_campaign",
    "recount",
    "restore_while_open",
    "ring",
    "ring_for_file",
    "sweep",
    "tell_answers",
    "under_review",
    "undo_while_open",
    "waiting",
    "withdraw_review",
]
