"""The only writers of contacts, by subject: recording what comes in, changing what is there, remembering."""

from apps.contacts.services.changing import (
    ContactRefused,
    correct_contact,
    end_contact,
    rename_contact,
    restore_contact,
    undo_submission,
)
from apps.contacts.services.erasing import (
    ERASED_TEXT,
    ErasurePreview,
    blank_contacts,
    check_reason,
    erase,
    finish,
    object_to,
    preview_erasure,
)
from apps.contacts.services.remembering import remember_roles, remembered_roles
from apps.contacts.services.submitting import (
    ABANDONED_AFTER,
    Report,
    finish_abandoned,
    finish_submission,
    lock_employees,
    receive,
    record_checked,
    record_contacts,
    refuse_submission,
    submit,
)
from apps.contacts.services.tallying import Handles, count_handles_daily, handles_counted, sum_up_tally
from apps.contacts.services.whom import ErasureRefused, ErasureTarget, MatchedRecords, identities_of

__all__ = [
    "ABANDONED_AFTER",
    "ERASED_TEXT",
    "ContactRefused",
    "ErasurePreview",
    "ErasureRefused",
    "ErasureTarget",
    "Handles",
    "MatchedRecords",
    "Report",
    "blank_contacts",
    "check_reason",
    "correct_contact",
    "count_handles_daily",
    "end_contact",
    "erase",
    "finish",
    "finish_abandoned",
    "finish_submission",
    "handles_counted",
    "identities_of",
    "lock_employees",
    "object_to",
    "preview_erasure",
    "receive",
    "record_checked",
    "record_contacts",
    "refuse_submission",
    "remember_roles",
    "remembered_roles",
    "rename_contact",
    "restore_contact",
    "submit",
    "sum_up_tally",
    "undo_submission",
]
