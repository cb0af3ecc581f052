"""The audit trail as a file: everything that was chosen, the newest first."""

from __future__ import annotations

from django.db import connection
from django.db.models import QuerySet

from apps.ledger.models import AuditEntry
from apps.quotas.exports.cells import Table, Write, instant, text, word


def write_trail(entries: QuerySet[AuditEntry], time_zone: str, write: Write) -> None:
    """Write the CSV of these entries in their order; `detail` is JSON. Instants are in that zone."""
    with connection.cursor() as cursor:
        sql, parameters = entries.query.sql_with_params()
        chosen = cursor.mogrify(sql, parameters).decode()
    columns = {
        "at": instant("at"),
        "actor": text("actor_label"),
        "action": word("action"),
        "subject_kind": word("nullif(subject_kind, '')"),
        "subject_id": text("subject_id"),
        "subject": text("subject_label"),
        "origin": text("origin"),
        "detail": text("nullif(detail::text, '{}')"),
    }
    Table(columns, f"FROM ({chosen}) entry ORDER BY at DESC, id DESC", time_zone).write(write)
