"""Names of the details in an audit entry, and the words for their codes. The CSV keeps the stored keys and codes."""

from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apps.accounts.models import Role, Scope
from apps.campaigns.models import Adjustment, AdjustmentRequest, Campaign
from apps.contacts.models import EndReason
from apps.dashboard.labels import approvals, audit, base, exports, reviews
from apps.exports.export_requests import SEARCHED
from apps.exports.models import Export
from apps.notifications.models import HelpOffer
from apps.notifications.webhooks import event_types
from apps.results.models import ResultCorrection

# In the order of the page, because PostgreSQL does not keep the order of the keys of a JSON object.
FIELDS: dict[str, Any] = {
    "campaign": _("Campaign"),
    "account": _("Username"),
    "role": _("Role"),
    "kind": _("Kind"),
    "form": _("Format"),
    "as_of": _("As of"),
    "team_of": _("Team of"),
    "filters": _("Filters"),
    "about": _("Activity"),
    "q": _("Search"),
    "since": _("From"),
    "from": _("From"),
    "until": _("Until"),
    "status": _("Status"),
    "department": _("Department"),
    "sort": _("Order"),
    "repeat": _("Repeat"),
    "weekday": _("Weekday"),
    "hour": _("Hour"),
    "manager": _("Manager"),
    "deputy": _("Deputy"),
    "ended": _("Ended"),
    "target": _("Target"),
    "exempt": _("Exempt"),
    "counted": _("Counted"),
    "target_reached_at": _("Target reached"),
    "last_counted_on": _("Last counted contact"),
    "days": _("Counted by day"),
    "people": _("People"),
    "joined_after": _("Joined after"),
    "attributes": _("Attributes"),
    "file": _("File"),
    "answer": _("Answer"),
    "text": _("Text"),
    "reason": _("Reason"),
    "effect": _("Effect on people"),
    "operator": _("Decided by the operator"),
    "approved_by": _("Approved by"),
    "version": _("Version of the rule"),
    "opens_at": _("Counts from"),
    "cutoff_at": _("Counts until"),
    "opens_on": _("First day"),
    "deadline": _("Last day"),
    "time_zone": _("Time zone"),
    "scope": _("Departments"),
    "company_domains": _("Domains of the company"),
    "exclusive": _("Counts only for the first colleague"),
    "confirmed_only": _("Counts only when confirmed"),
    "prorate_joiners": _("Pro rata for late joiners"),
    "in_force_from": _("In force from"),
    "announcement_version": _("Version of the announcement"),
    "shown_from": _("Shown from"),
    "requested_by_id": _("Requested by account"),
    "published_at": _("Published"),
    "published_by_id": _("Published by account"),
    "withdrawn_at": _("Withdrawn"),
    "withdrawn_by_id": _("Withdrawn by account"),
    "text_mark": _("Fingerprint of the text"),
    "added": _("Added domains"),
    "removed": _("Removed domains"),
    "contacts": _("Contacts"),
    "replaced_by": _("Replaced by contact"),
    "submission": _("Import"),
    "identities": _("Phones, e-mails and handles"),
    "digests": _("Phones, e-mails and handles"),
    "read": _("Lines read"),
    "lines": _("Lines read"),
    "created": pgettext_lazy("lines of a roster", "New"),
    "updated": pgettext_lazy("lines of a roster", "Changed"),
    "unchanged": pgettext_lazy("lines of a roster", "Unchanged"),
    "duplicate": pgettext_lazy("lines of a roster", "Duplicates"),
    "rejected": pgettext_lazy("lines of a roster", "Rejected"),
    "left": pgettext_lazy("lines of a roster", "Leavers"),
    "addresses": _("New addresses"),
    "complete": _("The file was complete"),
    "changes_counts": _("Affects a contact of an employee"),
    "sessions": _("Browsers signed out"),
    "tokens": _("Tokens ended"),
    "factor": _("Second factor"),
    "issuer": _("Company's provider"),
    "issuers": _("Company's provider"),
    "scopes": _("Permissions"),
    "event_types": _("Events"),
    "expires_at": _("Expires"),
    "rows": _("Rows"),
    "red": _("Red"),
    "snapshot_at": _("Snapshot"),
    "result_version": _("Version of the result"),
    "sha256": _("Checksum (SHA-256)"),
    "digest": _("Checksum (SHA-256)"),
    "subject": _("Subject"),
    "request": _("Request"),
    "request_id": _("Request"),
    "ends": _("Ends adjustment"),
    "ends_id": _("Ends adjustment"),
    "correction_id": _("Correction"),
    "approval": _("Approval request"),
    "decision": _("Decision"),
    "state": _("State"),
    "name": pgettext_lazy("of a field", "Name"),
    "backdated": _("Opened after its deadline"),
    "closing_at": _("Closing since"),
    "feed_until": _("Waiting for the feed until"),
    "starts_at": _("From"),
    "ends_at": _("Until"),
    "granted_at": _("Approved"),
    "ended_at": _("Ended"),
    "active": _("Active"),
    "staff": _("May open the administration"),
    "superuser": _("Has all permissions"),
    "login": _("Username"),
    "employee": _("Internal number of the employee"),
    "asked_by_id": _("Requested by account"),
    "decided_by_id": _("Decided by account"),
    "left_out": _("Left out because"),
    "type": _("Kind"),
    "secret_mark": _("Fingerprint of the second factor"),
    "password_mark": _("Fingerprint of the password"),
    "subject_mark": _("Fingerprint of the sign-in at the provider"),
    "employees": _("Employees"),
    "seed": _("Seed of the demo"),
    "keys": _("First rows"),
    "statements": _("Statements"),
    "last_note": _("Number in the change log"),
}
# Codes by the field, or by the area of the action and the field where a field has several meanings.
VALUES: dict[str, dict[str, Any]] = {
    "adjustment.kind": dict(AdjustmentRequest.Kind.choices),
    "standing.kind": dict(AdjustmentRequest.Kind.choices),
    "database.kind": dict(AdjustmentRequest.Kind.choices),
    "approval.kind": {kind: label.title for kind, label in approvals.KINDS.items()},
    "export.kind": dict(Export.Kind.choices),
    "help.kind": dict(HelpOffer.Kind.choices),
    "export.reason": exports.END_REASONS,
    "repeat": {"daily": _("Daily"), "weekly": _("Weekly")},
    "weekday": {str(day): name for day, name in WEEKDAYS.items()},
    "contact.reason": dict(EndReason.choices),
    "form": dict(Export.Format.choices),
    "role": dict(Role.Kind.choices),
    "answer": reviews.KINDS,
    "scopes": dict(Scope.choices),
    "event_types": event_types.LABELS,
    "type": {
        "totp": _("authenticator app"), "webauthn": _("passkey"), "recovery_codes": _("recovery codes"),
    },
    "factor": {"app": _("authenticator app"), "passkey": _("passkey")},
    "department": {base.NO_DEPARTMENT: _("without a department")},
    "status": base.STATUSES,
    "sort": base.SORTS,
    "about": audit.SUBJECT_AREAS,
    "q": {SEARCHED: _("yes; the text is not stored")},
    "state": dict(Campaign.State.choices) | dict(ResultCorrection.State.choices),
    "left_out": dict(Adjustment.SkipReason.choices),
    "decision": dict(AdjustmentRequest.Decision.choices),
}  # fmt: skip
# Details for a comparison with a file or with the log of changes; never shown beside an entry.
TECHNICAL = {"sha256", "digest", "statements", "last_note"}
# Numbers that name something: without commas.
NUMBERS_OF = {
    "request", "request_id", "ends", "ends_id", "correction_id", "replaced_by", "employee", "asked_by_id",
    "decided_by_id", "seed", "keys", "last_note", "requested_by_id", "published_by_id", "withdrawn_by_id",
}  # fmt: skip


def field_label(area: str, name: str) -> str:
    """The name of a detail; one that is not listed becomes words: `last_seen` is shown as "Last seen"."""
    if name == "kind" and area in ("adjustment", "standing"):
        # The word of the form in which HR chose it.
        return str(_("Category"))
    return str(FIELDS[name]) if name in FIELDS else humanised(name)


def value_label(area: str, name: str, code: str) -> str:
    labels = VALUES.get(f"{area}.{name}") or VALUES.get(name, {})
    return str(labels.get(code, code))


def humanised(code: str) -> str:
    """A code as words, for the codes of a later version."""
    words = code.replace("_", " ").replace(".", ": ").strip()
    return words[:1].upper() + words[1:]
