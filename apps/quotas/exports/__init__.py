"""Files to take away: what each holds, how it is made, and the manifest that says what it is."""

from apps.quotas.exports.kinds import KINDS, columns_of, table_of
from apps.quotas.exports.making import (
    CONTENT_TYPES,
    ExportRefused,
    ExportRequest,
    ask_export,
    can_sign,
    fits_in_request,
    latest_progress,
    make_export,
    record_direct_download,
    rerun_export,
)
from apps.quotas.exports.manifest import Compared, compared, manifest_of
from apps.quotas.exports.registers import write_adjustments, write_reviews
from apps.quotas.exports.standings import write_standings

__all__ = [
    "CONTENT_TYPES",
    "KINDS",
    "Compared",
    "ExportRefused",
    "ExportRequest",
    "ask_export",
    "can_sign",
    "columns_of",
    "compared",
    "fits_in_request",
    "latest_progress",
    "make_export",
    "manifest_of",
    "record_direct_download",
    "rerun_export",
    "table_of",
    "write_adjustments",
    "write_reviews",
    "write_standings",
]
