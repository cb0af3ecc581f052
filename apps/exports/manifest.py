"""The manifest of an export, and what changed in the past since the export before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from apps.contacts.models import Contact
from apps.core.models import AuditEntry
from apps.exports.kinds import table_of
from apps.exports.models import Export

# Audit actions that may change the standings as of an earlier moment. Names and addresses are always today's.
RETROACTIVE_ACTIONS = [
    "contact.restored", "submission.undone", "contact.corrected", "roster.loaded", "roster.undone",
    "adjustment.granted", "adjustment.end_granted", "correction.made", "campaign.rule_changed",
]  # fmt: skip
# A page shows so many; the audit trail has them all.
MAX_CORRECTIONS = 100


def manifest_of(export: Export) -> dict[str, Any]:
    """The manifest: rows, columns, filters, instant, rule, SHA-256, requester and time of the file."""
    root = export.root
    people = "everybody" if root is None else {"one_person" if export.single_person else "team_of": root.staff_no}
    return {
        "export": str(export.pk),
        "file": export.name,
        "kind": export.kind,
        "format": export.format,
        "campaign": export.campaign.slug,
        "people": people,
        "filters": export.filters,
        "columns": list(table_of(export).columns),
        "rows": export.rows,
        "as_of": _iso(export.as_of),
        "since": _iso(export.since),
        "judged": "page" if export.direct_download else "facts",
        "rule_version": export.rule_version,
        "result_version": export.result_version,
        "size": export.size,
        "sha256": bytes(export.sha256).hex() if export.sha256 else None,
        "asked_by": export.asked_by_label,
        "asked_at": _iso(export.asked_at),
        "made_at": _iso(export.made_at),
        "rerun_of": str(export.rerun_of_id) if export.rerun_of_id else None,
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


@dataclass(frozen=True)
class Comparison:
    """A repeated export compared with the one before: the same bytes, or what changed the past in between.

    `corrections`: the first MAX_CORRECTIONS entries of the audit trail, oldest first; `has_more` when there are others.
    `late`: how many contacts from before the instant were stored since.
    """

    before: Export
    same: bool
    corrections: Sequence[AuditEntry] = ()
    has_more: bool = False
    late: int = 0

    @property
    def explained(self) -> bool:
        return bool(self.corrections or self.late)


def comparison_of(export: Export, *, reads_trail: bool) -> Comparison | None:
    """The comparison with the export that this one repeats; None for a first one, or while one of them has no file.

    What changed the past is listed only for readers of the audit trail: its entries are about the whole company.
    """
    before = export.rerun_of
    if before is None or not export.sha256 or not before.sha256:
        return None
    same = bytes(export.sha256) == bytes(before.sha256)
    if same or not reads_trail:
        return Comparison(before, same)
    corrections = list(_corrections(before, export)[: MAX_CORRECTIONS + 1])
    has_more = len(corrections) > MAX_CORRECTIONS
    return Comparison(before, same, corrections[:MAX_CORRECTIONS], has_more, _late(before, export))


def _corrections(before: Export, export: Export) -> QuerySet[AuditEntry]:
    """Changes between the two exports, oldest first; campaign changes only of this campaign."""
    between = AuditEntry.objects.filter(at__gte=before.asked_at, at__lte=export.made_at, action__in=RETROACTIVE_ACTIONS)
    # Roster loads and contacts name no campaign and may change each of them.
    campaign = Q(detail__campaign=export.campaign.slug) | ~Q(detail__has_key="campaign")
    return between.filter(campaign).order_by("at", "pk")


def _late(before: Export, export: Export) -> int:
    # Only feeds and imports with trusted times store a contact behind its time.
    return Contact.objects.filter(
        recorded_at__lt=export.as_of, stored_at__gte=before.asked_at, stored_at__lte=export.made_at
    ).count()
