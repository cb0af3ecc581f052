"""What quotas does, by subject: campaigns and their rules, marks, what time brings, and the doorbell."""

from apps.ledger.services import clock
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
from apps.quotas.services.ringing import ring, ring_for_file

__all__ = [
    "CampaignRefused",
    "Difference",
    "Mark",
    "adjust",
    "campaign_for",
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
    "undo_while_open",
    "waiting",
]
