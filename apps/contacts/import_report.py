"""The result of a file import: its counts, and its rejected lines, which the user can correct and submit again."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf
from typing import Any

from django.conf import settings
from django.db.models import Sum

from apps.contacts import drafts
from apps.contacts.columns import CELL_LIMIT
from apps.contacts.drafts import Outcome
from apps.contacts.models import Submission
from apps.contacts.reading import Entry
from apps.core.files import append, store_file
from apps.fileio.csv_injection import escape_formula

SHOWN_REJECTS = 100
DONE_CODES = ("created", "updated", "unchanged", "duplicate")
REASON_COLUMNS = ("line", "code", "reason")
# Rejected lines are personal data, so they are kept only as long as a user may still want to correct them.
REJECTS_KEPT = timedelta(days=30)
# Characters kept of a rejected cell. One more than the limit, so that a cell refused for its length is refused again.
KEPT_CELL_CHARS = CELL_LIMIT + 1


@dataclass
class ImportResult:
    """The result of an import.

    `rejects`: the first hundred rejects, and another hundred of those that depend on stored data. The submission's file
    of rejects has the rest, except `rejects_not_kept`, for which the employee's space was full.
    """

    counts: Counter = field(default_factory=Counter)
    read: int = 0
    left_out: int = 0
    rejects_not_kept: int = 0
    rejects: list[dict[str, Any]] = field(default_factory=list)
    duplicates: list[dict[str, Any]] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)
    continued_at: int = 0
    submission: Submission | None = None

    @classmethod
    def of(cls, submission: Submission) -> ImportResult:
        """Return the result of a submission up to its checkpoint."""
        report = submission.report
        return cls(
            Counter(report.get("counts", {})), submission.done, report.get("left_out", 0),
            report.get("rejects_not_kept", 0),
            list(report.get("rejects", [])), list(report.get("duplicates", [])),
            continued_at=submission.done, submission=submission,
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Return the import's JSON contract."""
        done = {code: self.counts[code] for code in DONE_CODES}
        rejected = sum(self.counts[code] for code in drafts.REJECTED)
        shown = self.rejects[:SHOWN_REJECTS]
        return {"read": self.read, **done, "rejected": rejected, "left": 0, "rejects": shown}

    def as_sums(self) -> dict[str, Any]:
        """Return the sums for a program without permission to see contacts: they do not depend on stored data.

        A row counts as accepted whatever its effect: knowing that a row was new would reveal whose contact a person is
        (ADR 71).
        """
        rejected = sum(self.counts[code] for code in drafts.REJECTED - drafts.STORED_DECIDES)
        shown = [one for one in self.rejects if one["code"] not in drafts.STORED_DECIDES][:SHOWN_REJECTS]
        return {"read": self.read, "accepted": self.read - rejected, "rejected": rejected, "rejects": shown}

    def as_report(self) -> dict[str, Any]:
        """Return the report to store: the JSON contract, and every outcome's count for a continued import."""
        more = {
            "rejects": self.rejects,
            "left_out": self.left_out,
            "rejects_not_kept": self.rejects_not_kept,
            "duplicates": self.duplicates,
            "counts": dict(self.counts),
        }
        return {**self.as_json(), **more}

    def take(self, entry: Entry, outcome: Outcome) -> bool:
        """Count one outcome; returns True when it is a rejection."""
        self.read += 1
        self.counts[outcome.code] += 1
        if outcome.code == drafts.DUPLICATE and len(self.duplicates) < SHOWN_REJECTS:
            self.duplicates.append({"line": entry.line, "contact": outcome.existing_contact_id})
        if outcome.code not in drafts.REJECTED:
            self.left_out += bool(entry.checked.left_out) and outcome.code == drafts.CREATED
            return False
        stored_decides = outcome.code in drafts.STORED_DECIDES
        if sum((one["code"] in drafts.STORED_DECIDES) == stored_decides for one in self.rejects) < SHOWN_REJECTS:
            reject = {"line": entry.line, "column": outcome.column, "code": outcome.code, "reason": outcome.message}
            self.rejects.append(reject)
        return True


def keep_rejects(submission: Submission, header: Sequence[str], rejected: Sequence[tuple[Entry, Outcome]]) -> int:
    """Append rejected lines to the submission's rejects, in the batch's transaction; returns how many were not kept.

    Each employee may keep MAX_REJECTED_BYTES_PER_EMPLOYEE, so that files full of rejects cannot fill the database. Each
    cell keeps KEPT_CELL_CHARS, because the transaction holds the facts lock.
    """
    if not rejected:
        return 0
    # A corrected file of rejects has these columns already; when it is rejected again, they appear only once.
    kept = [place for place, name in enumerate(header) if name.lower() not in REASON_COLUMNS]
    text = io.StringIO()
    writer = csv.writer(text)
    if submission.rejects is None:
        submission.rejects = store_file(
            name="rejects.csv", content=[b"\xef\xbb\xbf"], content_type="text/csv",
            expires_at=submission.received_at + REJECTS_KEPT, owner_id=submission.actor_id,
        )  # fmt: skip
        writer.writerow([escape_formula(header[place]) for place in kept] + list(REASON_COLUMNS))
    space, written = _space_left(submission), 0
    for entry, outcome in rejected:
        if text.tell() > space:
            break
        cells = [entry.cells[place] if place < len(entry.cells) else "" for place in kept]
        if outcome.code == drafts.OBJECTED:
            # There is nothing to correct, and the person has objected to being stored.
            cells = [""] * len(kept)
        cells = [escape_formula(cell[:KEPT_CELL_CHARS]) for cell in cells]
        writer.writerow([*cells, entry.line, outcome.code, escape_formula(outcome.message)])
        written += 1
    append(submission.rejects, text.getvalue().encode("utf-8", "replace"))
    return len(rejected) - written


def _space_left(submission: Submission) -> float:
    """Return how many more bytes of rejected lines the submission's employee may keep; a feed has no limit."""
    if submission.employee_id is None:
        return inf
    used = Submission.objects.filter(employee=submission.employee_id).aggregate(size=Sum("rejects__size"))["size"]
    return settings.MAX_REJECTED_BYTES_PER_EMPLOYEE - (used or 0)
