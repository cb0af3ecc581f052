"""What quotas does, by subject: campaigns and their rules, adjustments, marks, what time brings, and the doorbell."""

from apps.ledger.services import db_now
from apps.quotas.services.acts import LinkedDecision, decisions_for
from apps.quotas.services.adjusting import AdjustmentRefused, adjustment_period, request_adjustment, request_revocation
from apps.quotas.services.adjustment_files import MOST_LINES, AdjustmentFile, read_adjustments
from apps.quotas.services.beginning import begin_nightly_recount, claim_due_ranges, reevaluate_all
from apps.quotas.services.by_file import BulkPreview, preview_file
from apps.quotas.services.campaigns import (
    OpeningPreview,
    cancel_campaign,
    open_campaign,
    overlapping,
    people_in,
    preview_opening,
)
from apps.quotas.services.candidates import BulkTarget, BulkTargets, asked_for
from apps.quotas.services.deciding import grant_adjustment, refuse_adjustment, withdraw_adjustment
from apps.quotas.services.erasing import Erased, erase_person, preview_person_erasure
from apps.quotas.services.file_previews import ask_by_file, make_preview, previewed
from apps.quotas.services.joining_late import preview_rule, request_prorated_targets
from apps.quotas.services.many import recheck
from apps.quotas.services.marking import Mark, mark_standings, mark_touched
from apps.quotas.services.passing import disable_unused_tracking, process_effective_dates
from apps.quotas.services.reading import (
    campaign_for,
    can_undo,
    covers,
    restore_while_open,
    select_campaign,
    undo_while_open,
)
from apps.quotas.services.recounting import Difference, compare_everybody, record_drift, recount
from apps.quotas.services.retaining import (
    RetentionStatus,
    contacts_retained_until,
    count_expired,
    forget_expired,
    forget_expired_daily,
    retained_campaigns,
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
    enqueue_export,
    enqueue_freeze,
    enqueue_import,
    enqueue_marking,
    enqueue_password_mail,
    enqueue_preview,
    enqueue_ranges,
    enqueue_result_version,
    enqueue_roster_import,
    enqueue_summaries,
)
from apps.quotas.services.rolling import update_summaries, verify_summaries
from apps.quotas.services.rule_changes import Change, RuleChangeImpact, change_rule, effect_of, preview_rule_change
from apps.quotas.services.running import finish_run, mark_everybody, process_range, sweep
from apps.quotas.services.telling import send_answer_mails
from apps.quotas.services.terms import CampaignRefused, RuleDraft, changed, company_domains

__all__ = [
    "MOST_LINES",
    "AdjustmentFile",
    "AdjustmentRefused",
    "BulkPreview",
    "BulkTarget",
    "BulkTargets",
    "CampaignRefused",
    "Change",
    "Difference",
    "Erased",
    "LinkedDecision",
    "Mark",
    "OpeningPreview",
    "RetentionStatus",
    "ReviewRefused",
    "RuleChangeImpact",
    "RuleDraft",
    "adjustment_period",
    "answer_review",
    "ask_by_file",
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
    "claim_due_ranges",
    "company_domains",
    "compare_everybody",
    "contacts_retained_until",
    "count_expired",
    "covers",
    "db_now",
    "decisions_for",
    "disable_unused_tracking",
    "effect_of",
    "enqueue_export",
    "enqueue_freeze",
    "enqueue_import",
    "enqueue_marking",
    "enqueue_password_mail",
    "enqueue_preview",
    "enqueue_ranges",
    "enqueue_result_version",
    "enqueue_roster_import",
    "enqueue_summaries",
    "erase_person",
    "finish_run",
    "forget_expired",
    "forget_expired_daily",
    "grant_adjustment",
    "make_preview",
    "mark_everybody",
    "mark_standings",
    "mark_touched",
    "open_campaign",
    "overlapping",
    "people_in",
    "preview_file",
    "preview_opening",
    "preview_person_erasure",
    "preview_rule",
    "preview_rule_change",
    "previewed",
    "process_effective_dates",
    "process_range",
    "read_adjustments",
    "recheck",
    "record_drift",
    "recount",
    "reevaluate_all",
    "refuse_adjustment",
    "request_adjustment",
    "request_prorated_targets",
    "request_revocation",
    "restore_while_open",
    "retained_campaigns",
    "select_campaign",
    "send_answer_mails",
    "sweep",
    "under_review",
    "undo_while_open",
    "update_summaries",
    "verify_summaries",
    "withdraw_adjustment",
    "withdraw_review",
]
