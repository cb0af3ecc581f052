"""Erase a person from submissions: reports, drafts, files and rejected lines (ADR 53)."""

import csv
import io
import logging
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import Error, transaction
from django.db.models import BooleanField, Exists, OuterRef, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from apps.contacts.models import Submission
from apps.contacts.reading import AUTO, CSV, XLSX, open_contacts
from apps.core.errors import Refused
from apps.core.files import append_to_file, open_file, read_file
from apps.core.models import FilePreview, StoredFile
from apps.fileio.errors import UnreadableFile
from apps.privacy.erasure_subject import ErasureTarget, MatchedRecords
from apps.privacy.pii_patterns import PiiPattern

logger = logging.getLogger(__name__)
# The columns of a submission that may mention a person. Fully qualified, because joined tables may use the same names.
MENTIONS_SQL = "({})".format(
    " OR ".join(
        f"normalize(coalesce((contacts_submission.{column})::text, ''), NFKC) ~* ANY(%s)"
        # Without the outcomes: they are the largest part, and contain codes and numbers only.
        for column in ("report - 'outcomes'", "payload", "file_name", "key")
    )
)
# Likely encodings of a text whose encoding is unknown.
LIKELY_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "gb18030")


def submissions_that_mention(records: MatchedRecords) -> list[Submission]:
    """Return submissions whose report, drafts, file name or key mention the person."""
    submissions = [*_mentioning(records.anywhere)]
    for employee, pattern in records.at_employees.items():
        submissions += _mentioning(pattern, employee_id=employee)
    return list({submission.pk: submission for submission in submissions}.values())


def _mentioning(pattern: PiiPattern, **conditions: Any) -> QuerySet[Submission]:
    mentions = RawSQL(MENTIONS_SQL, [pattern.patterns] * 4, output_field=BooleanField())  # noqa: S611 # nosec B611 # ours
    return Submission.objects.filter(mentions, **conditions)


def blank_reports(records: MatchedRecords) -> int:
    submissions = submissions_that_mention(records)
    for submission in submissions:
        pattern = records.pattern_for(employee=submission.employee_id)
        # Blanked in Python, by the expression that found them in SQL: JSON has texts at any depth.
        outcomes = {name: submission.report.pop(name) for name in ("outcomes",) if name in submission.report}
        submission.report = {**pattern.blanked(submission.report), **outcomes}
        submission.file_name = pattern.blanked(submission.file_name)
        if pattern.matches([submission.key or ""]):
            # A repeated upload with the old key then becomes a new submission, which the objection refuses person by
            # person.
            submission.key = f"erased:{submission.pk}"
        submission.save(update_fields=["report", "file_name", "key"])
    return len(submissions)


def busy() -> Refused:
    """Return the refusal of an erasure that would delete a file before its other people are recorded."""
    return Refused("busy", _("A file with this person is being recorded. Try again in a minute."))


def files_that_mention(target: ErasureTarget, records: MatchedRecords) -> Iterator[StoredFile]:
    """Yield stored files that mention the person, and all unread uploads, unopened.

    An unread upload is not confirmed and has no successful preview, so no limit bounds the time that reading it takes;
    its sender can upload it again. Every other file is read: seconds for some megabytes, so never for a page.
    """
    return _mentioning_files(StoredFile.objects.exclude(pk__in=target.excluded_files), target, records)


def is_being_recorded(target: ErasureTarget, records: MatchedRecords) -> bool:
    """Whether a submitted file from before the objection waits or is being recorded, and mentions the person.

    A later one is recorded by the objection, which refuses the person, and then deleted. If the erasure waited for it,
    an employee who always has such a file waiting would hold it off for ever.
    """
    waiting = Submission.objects.filter(state=Submission.State.RECEIVED)
    if (objected_at := target.objected_at()) is not None:
        waiting = waiting.filter(received_at__lte=objected_at)
    return any(_mentioning_files(StoredFile.objects.filter(pk__in=waiting.values("file")), target, records))


def _mentioning_files(
    files: QuerySet[StoredFile], target: ErasureTarget, records: MatchedRecords
) -> Iterator[StoredFile]:
    unread = FilePreview.objects.filter(Q(state=FilePreview.State.WAITING) | ~Q(report__problem=""))
    is_unread = Exists(unread.filter(pk=OuterRef("pk"))) & ~Exists(Submission.objects.filter(file=OuterRef("pk")))
    for stored in files.annotate(is_unread=is_unread).order_by("pk").iterator(chunk_size=100):
        if stored.is_unread:
            yield stored
            continue
        submission = Submission.objects.filter(file=stored).first()
        layout = submission.layout if submission else _layout_of_preview(stored)
        if _file_mentions(stored, layout, target, _pattern_for_file(stored, records)):
            yield stored


def _layout_of_preview(stored: StoredFile) -> dict[str, Any]:
    """Return how the uploader had the file read, if its preview succeeded, so that the erasure finds the same rows."""
    report = FilePreview.objects.filter(pk=stored.pk).values_list("report", flat=True).first() or {}
    return report if report.get("preview") else {}


def _pattern_for_file(stored: StoredFile, records: MatchedRecords) -> PiiPattern:
    """Return the pattern for a file, which belongs to its uploader and to the employee whose contacts it contains."""
    submission = Submission.objects.filter(Q(file=stored) | Q(rejects=stored)).first()
    return records.pattern_for(owner=stored.owner_id, employee=submission.employee_id if submission else None)


def _file_mentions(stored: StoredFile, layout: dict[str, Any], target: ErasureTarget, pattern: PiiPattern) -> bool:
    if pattern.matches([stored.name]):
        return True
    roles = layout.get("roles") if layout.get("format") in (CSV, XLSX) else None
    # A workbook of a kilobyte can show one text of 32,000 characters in a million cells.
    is_match = lru_cache(maxsize=4096)(lambda text: pattern.matches([text]))
    with open_file(stored) as raw:
        try:
            with open_contacts(
                raw, format=layout.get("format", AUTO), encoding=layout.get("encoding", ""), roles=roles
            ) as file:
                return pattern.matches(file.header) or any(
                    target.keys & {one.key for one in entry.draft.identities} or any(map(is_match, entry.cells))
                    for entry in file.entries
                )
        except (Error, SoftTimeLimitExceeded):
            raise
        except Exception as error:
            # A damaged file can raise anything in a reader, and must not stop the erasure.
            if not isinstance(error, UnreadableFile):
                logger.warning("file %s cannot be read (%s): searched as text", stored.pk, type(error).__name__)
            raw.seek(0)
            content = raw.read()
    # The encoding is unknown: try each of the likely ones.
    return pattern.matches(content.decode(codec, "ignore") for codec in LIKELY_ENCODINGS)


def clear_files(target: ErasureTarget, records: MatchedRecords) -> int:
    """Blank the person's rejected lines, and delete other files that mention them or are unread uploads.

    Returns the number of files. Raises Refused when one from before the objection is being recorded meanwhile.
    """
    cleared, objected_at = 0, target.objected_at()
    # A list: the loop deletes from the table that the iterator reads.
    for stored in list(files_that_mention(target, records)):
        with transaction.atomic():
            # Read again under the lock: its owner or the expiry may have deleted it since.
            locked = StoredFile.objects.select_for_update().filter(pk=stored.pk).first()
            if locked is None:
                continue
            # Its receipt extends the file, so none commits while the lock is held.
            waiting = Submission.objects.filter(file=locked, state=Submission.State.RECEIVED).first()
            if waiting is not None:
                if objected_at is not None and waiting.received_at > objected_at:
                    continue
                raise busy()
            if Submission.objects.filter(rejects=locked).exists():
                _blank_lines(locked, _pattern_for_file(locked, records))
            else:
                locked.delete()
            cleared += 1
    return cleared


def _blank_lines(stored: StoredFile, pattern: PiiPattern) -> None:
    """Blank the rejected lines that mention the person; only the line's number and the code stay."""
    text = b"".join(read_file(stored)).decode("utf-8-sig")
    header, *rows = csv.reader(io.StringIO(text))
    output = io.StringIO()
    writer = csv.writer(output)
    writer.writerow("" if pattern.matches([cell]) else cell for cell in header)
    for row in rows:
        # store_rejects writes line, code and reason after the cells.
        blank = [*[""] * (len(row) - 3), *row[-3:-1], ""]
        writer.writerow(blank if pattern.matches(row) else row)
    stored.storedchunk_set.all().delete()
    stored.size = 0
    # With the byte order mark of the file before, without which Excel reads Chinese as garbage.
    append_to_file(stored, b"\xef\xbb\xbf" + output.getvalue().encode())
