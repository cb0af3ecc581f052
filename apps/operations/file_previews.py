"""The previews of uploaded files, by the kind of file."""

import uuid

from apps.campaigns.adjustments import bulk_previews
from apps.contacts import previews
from apps.core.previews import build_preview
from apps.results import correction_file

BUILDERS = {
    previews.UPLOAD: previews.preview_contacts,
    bulk_previews.UPLOAD: bulk_previews.preview_adjustments,
    correction_file.UPLOAD: correction_file.preview_corrections,
}


def make_preview(file_id: uuid.UUID) -> list[uuid.UUID]:
    """Read an uploaded file of any kind and store the result; returns which files may be read next."""
    return build_preview(file_id, BUILDERS)
