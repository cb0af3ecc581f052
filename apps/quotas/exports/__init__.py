"""Files to take away: what each holds, how it is made, and the manifest that says what it is."""

from apps.quotas.exports.kinds import KINDS, columns_of, table_of
from apps.quotas.exports.making import (
    CONTENT_TYPES,
    ExportRefused,
    Wish,
    ask_again,
    ask_export,
    can_sign,
    how_far,
    is_small,
    make_export,
    sent_at_once,
)
from apps.quotas.exports.manifest import Compared, compared, manifest_of
from apps.quotas.exports.registers import write_adjustments, write_reviews
from apps.quotas.exports.standings import write_standings

__all__ = [
    "CONTENT_TYPES",
    "KINDS",
    "Compared",
    "ExportRefused",
    "Wish",
    "ask_again",
    "ask_export",
    "can_sign",
    "columns_of",
    "compared",
    "how_far",
    "is_small",
    "make_export",
    "manifest_of",
    "sent_at_once",
    "table_of",
    "write_adjustments",
    "write_reviews",
    "write_standings",
]
