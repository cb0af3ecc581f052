"""What quotas does, by subject: campaigns and their rules, adjustments, marks, what time brings, and the doorbell."""

from apps.ledger.services import clock
from apps.quotas.services.acts import Act, acts_of
from apps.quotas.services.adjusting import AdjustmentRefused, adjustment_period, ask_adjustment, ask_ending
from apps.quotas.services.adjustment_files import MOST_LINES, AdjustmentFile, read_adjustments
from apps.quotas.services.beginning import begin_nightly_recount, judge_everybody, ranges_to_ring
from apps.quotas.services.by_file import FileLook, look_at_file
from apps.quotas.services.campaigns import (
    Opening,
    cancel_campaign,
    look_at_opening,
    open_campaign,
    overlapping,
    people_in,
)
from apps.quotas.services.candidates import Candidate, Candidates, asked_for
from apps.quotas.services.deciding import grant_adjustment, refuse_adjustment, withdraw_adjustment
from apps.quotas.services.erasing import Erased, erase_person, look_for_person
from apps.quotas.services.file_previews import ask_by_file, make_preview, previewed
from apps.quotas.services.joining_late import ask_by_rule, preview_rule
from apps.quotas.services.many import check_many
from apps.quotas.services.marking import Mark, mark_standings, mark_touched
from apps.quotas.services.passing import follow_time, stop_watching
from apps.quotas.services.reading import (
    campaign_for,
    can_undo,
    choice_for,
    concerns,
    restore_while_open,
    undo_while_open,
)
from apps.quotas.services.recounting import Difference, compare_everybody, keep_drift, recount
from apps.quotas.services.retaining import (
    Kept,
    count_expired,
    forget_expired,
    forget_expired_daily,
    kept_campaigns,
    kept_until,
)
from apps.quotas.services.reviewing import (
    ReviewRefused,
    answer_review,
    ask_review,
    ask_until,
    can_ask,
    under_review,
    withdraw_review,
)
from apps.quotas.services.ringing import (
    ring,
    ring_for_each,
    ring_for_export,
    ring_for_file,
    ring_for_freeze,
    ring_for_password,
    ring_for_preview,
    ring_for_roster,
    ring_for_sums,
    ring_for_version,
)
from apps.quotas.services.rolling import check_sums, roll_up
from apps.quotas.services.rule_changes import Change, Effect, change_rule, effect_of, look_at_change
from apps.quotas.services.running import do_range, finish_run, mark_everybody, sweep
from apps.quotas.services.telling import tell_answers
from apps.quotas.services.terms import CampaignRefused, Terms, changed, company_domains

__all__ = [
    "MOST_LINES",
    "Act",
    "AdjustmentFile",
    "AdjustmentRefused",
    "CampaignRefused",
    "Candidate",
    "Candidates",
    "Change",
    "Difference",
    "Effect",
    "Erased",
    "FileLook",
    "Kept",
    "Mark",
    "Opening",
    "ReviewRefused",
    "Terms",
    "acts_of",
    "adjustment_period",
    "answer_review",
    "ask_adjustment",
    "ask_by_file",
    "ask_by_rule",
    "ask_ending",
    "ask_review",
    "ask_until",
    "asked_for",
    "begin_nightly_recount",
    "campaign_for",
    "can_ask",
    "can_undo",
    "cancel_campaign",
    "change_rule",
    "changed",
    "check_many",
    "check_sums",
    "choice_for",
    "clock",
    "company_domains",
    "compare_everybody",
    "concerns",
    "count_expired",
    "do_range",
    "effect_of",
    "erase_person",
    "finish_run",
    "follow_time",
    "forget_expired",
    "forget_expired_daily",
    "grant_adjustment",
    "judge_everybody",
    "keep_drift",
    "kept_campaigns",
    "kept_until",
    "look_at_change",
    "look_at_file",
    "look_at_opening",
    "look_for_person",
    "make_preview",
    "mark_everybody",
    "mark_standings",
    "mark_touched",
    "open_campaign",
    "overlapping",
    "people_in",
    "preview_rule",
    "previewed",
    "ranges_to_ring",
    "read_adjustments",
    "recount",
    "refuse_adjustment",
    "restore_while_open",
    "ring",
    "ring_for_each",
    "ring_for_export",
    "ring_for_file",
    "ring_for_freeze",
    "ring_for_password",
    "ring_for_preview",
    "ring_for_roster",
    "ring_for_sums",
    "ring_for_version",
    "roll_up",
    "stop_watching",
    "sweep",
    "tell_answers",
    "under_review",
    "undo_while_open",
    "withdraw_adjustment",
    "withdraw_review",
]
