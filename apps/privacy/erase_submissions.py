"""Erase a person from submissions: reports, drafts, files and rejected lines (ADR 53)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL

from apps.contacts.models import Submission
from apps.contacts.reading import AUTO, CSV, open_contacts
from apps.core.files import append, opened, read_file
from apps.core.models import FilePreview, StoredFile
from apps.fileio.csv_reader import UnreadableFile
from apps.privacy.erasure_subject import ErasureTarget, MatchedRecords
from apps.privacy.pii_patterns import PiiPattern

# The columns of a submission that may mention a person. Fully qualified, because joined tables may use the same names.
SHOWS = "({})".format(
    " OR ".join(
        f"normalize(coalesce(contacts_submission.{column}, ''), NFKC) ~* ANY(%s)"
        for column in ("report::text", "payload::text", "file_name", "key")
    )
)
# Likely encodings of a text whose encoding is unknown.
LIKELY = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")


def handed_in_with(known: MatchedRecords) -> list[Submission]:
    """Return submissions whose report, drafts, file name or key mention the person."""
    return [*_showing(known.anywhere), *_showing(known.at_home, employee_id__in=known.employees)]


def _showing(traces: PiiPattern, **where: Any) -> QuerySet[Submission]:
    shows = RawSQL(SHOWS, [traces.patterns] * 4, output_field=BooleanField())  # noqa: S611 # nosec B611 # ours
    return Submission.objects.filter(shows, **where)


def blank_reports(known: MatchedRecords) -> int:
    found = {one.pk: one for one in handed_in_with(known)}
    for one in found.values():
        traces = known.traces_in(employee=one.employee_id)
        one.report, one.file_name = traces.blanked(one.report), traces.blanked(one.file_name)
        if traces.stand_in([one.key or ""]):
            # A repeated upload with the old key then becomes a new submission, which the objection refuses person by
            # person.
            one.key = f"erased:{one.pk}"
        one.save(update_fields=["report", "file_name", "key"])
    return len(found)


def files_with(whom: ErasureTarget, known: MatchedRecords) -> Iterator[tuple[StoredFile, Submission | None]]:
    """Yield stored files that mention the person, each with the submission it belongs to."""
    for stored in StoredFile.objects.exclude(pk__in=whom.spared).order_by("pk").iterator(chunk_size=100):
        handed_in = Submission.objects.filter(file=stored).first()
        layout = handed_in.layout if handed_in else _layout_of_preview(stored)
        if _shows(stored, layout, whom, _traces_in(stored, known)):
            yield stored, handed_in


def _layout_of_preview(stored: StoredFile) -> dict[str, Any]:
    """Return how the uploader had the file read, if its preview succeeded, so that the erasure finds the same rows."""
    report = FilePreview.objects.filter(pk=stored.pk).values_list("report", flat=True).first() or {}
    return report if report.get("preview") else {}


def _traces_in(stored: StoredFile, known: MatchedRecords) -> PiiPattern:
    """Return the pattern for a file, which belongs to its uploader and to the employee whose contacts it contains."""
    brought = Submission.objects.filter(Q(file=stored) | Q(rejects=stored)).first()
    return known.traces_in(owner=stored.owner_id, employee=brought.employee_id if brought else None)


def _shows(stored: StoredFile, layout: dict[str, Any], whom: ErasureTarget, traces: PiiPattern) -> bool:
    if traces.stand_in([stored.name]):
        return True
    roles = layout.get("roles") if layout.get("format") == CSV else None
    with opened(stored) as raw:
        try:
            with open_contacts(
                raw, format=layout.get("format", AUTO), encoding=layout.get("encoding", ""), roles=roles
            ) as file:
                return traces.stand_in(file.header) or any(
                    whom.keys & {one.key for one in entry.checked.identities} or traces.stand_in(entry.cells)
                    for entry in file.entries
                )
        except UnreadableFile:
            raw.seek(0)
            content = raw.read()
    # The encoding is unknown: try each of the likely ones.
    return traces.stand_in(content.decode(codec, "ignore") for codec in LIKELY)


def clear_files(whom: ErasureTarget, known: MatchedRecords) -> int:
    """Blank the person's rejected lines, and delete other files that mention them; returns the number of files."""
    cleared = 0
    for stored, _handed_in in list(files_with(whom, known)):
        with transaction.atomic():
            kept = StoredFile.objects.select_for_update().filter(pk=stored.pk).first()
            if kept is None:
                continue
            if Submission.objects.filter(rejects=kept).exists():
                _blank_lines(kept, _traces_in(kept, known))
            else:
                kept.delete()
            cleared += 1
    return cleared


def _blank_lines(stored: StoredFile, traces: PiiPattern) -> None:
    """Blank the rejected lines that mention the person; only the line's number and the code stay."""
    text = b"".join(read_file(stored)).decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow("" if traces.stand_in([cell]) else cell for cell in header)
    for row in rows:
        # keep_rejects writes line, code and reason after the cells.
        blank = [*[""] * (len(row) - 3), *row[-3:-1], ""]
        writer.writerow(blank if traces.stand_in(row) else row)
    stored.storedchunk_set.all().delete()
    stored.size = 0
    append(stored, b"\xef\xbb\xbf" + out.getvalue().encode())
