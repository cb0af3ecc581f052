"""The audit trail as a file: the selected entries, newest first."""

from __future__ import annotations

from django.db import connection
from django.db.models import Q, QuerySet

from apps.accounts.models import Account
from apps.core.models import AuditEntry
from apps.core.querysets import AuditQuerySet
from apps.exports.csv_columns import Table, Write, code, instant, text
from apps.exports.event_exports import ACTORS

# Leave and targets of single employees: an auditor sees that HR decided, but not about whom or what.
PRIVATE = (
    Q(action__startswith="adjustment.")
    | Q(action__startswith="standing.")
    | Q(action="person.adjustment_read")
    | Q(action__startswith="database.", subject_id__startswith="campaigns_adjustment")
)
# Whether a roster file touched a contact: HR writes such files, and would learn whose contact a person is (ADR 63).
AUDITORS_ONLY = Q(action__in=("roster.effect_counted", "roster.touches_contacts"))


def entries_for(account: Account) -> AuditQuerySet:
    """The audit trail for this account, without single employees' targets and leave for an auditor.

    Without AUDITORS_ONLY for HR, also for an HR user who is an auditor.
    """
    if account.has_role("hr"):
        return AuditEntry.objects.exclude(AUDITORS_ONLY).with_hidden_subjects(None)
    return AuditEntry.objects.with_hidden_subjects(PRIVATE)


def write_audit_trail(entries: QuerySet[AuditEntry], time_zone: str, write: Write) -> None:
    """Write the CSV of these entries (of `entries_for`) in their order; `detail` is JSON. Instants are in that zone."""
    # COPY takes no parameters, so the driver inserts them, quoted.
    with connection.cursor() as cursor:
        sql, parameters = entries.query.sql_with_params()
        chosen = cursor.mogrify(sql, parameters).decode()
    columns = {
        "at": instant("at"),
        "actor": text("actor_label"),
        "action": code("action"),
        "subject_kind": code("nullif(subject_kind, '')"),
        "subject_id": text("shown_id"),
        "subject": text("shown_label"),
        "origin": text("origin"),
        "detail": text("nullif(shown_detail::text, '{}')"),
        "actor_staff_no": text("actor.staff_no"),
    }
    rows = f"FROM ({chosen}) entry LEFT JOIN ({ACTORS}) actor ON actor.account_id = entry.actor_id"
    Table(columns, f"{rows} ORDER BY entry.at DESC, entry.id DESC", time_zone).write(write)
