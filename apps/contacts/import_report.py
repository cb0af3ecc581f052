"""The result of a file import: its counts, and its rejected lines, which the user can correct and submit again."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from math import inf
from typing import Any

from django.conf import settings
from django.db.models import Sum

from apps.contacts.columns import MAX_CELL_CHARS
from apps.contacts.drafts import REJECTED, REVEALING, Outcome, OutcomeCode
from apps.contacts.models import Submission
from apps.contacts.reading import Entry
from apps.core.files import append_to_file, open_file, store_file
from apps.fileio.csv_injection import escape_formula, unescape_formula

MAX_SHOWN_REJECTS = 100
DONE_CODES = ("created", "updated", "unchanged", "duplicate")
REASON_COLUMNS = ("line", "code", "reason")
# Of a rejected line on the page of its report.
MAX_CONTENT_CHARS = 200
# Rejected lines are personal data, so they are kept only as long as a user may still want to correct them.
REJECTS_RETENTION = timedelta(days=30)
# Characters kept of a rejected cell. One more than the limit, so that a cell refused for its length is refused again.
MAX_REJECTED_CELL_CHARS = MAX_CELL_CHARS + 1


@dataclass
class ImportResult:
    """The result of an import.

    `rejects`: the first hundred rejects, and another hundred of those that depend on stored data. The submission's file
    of rejects has the rest, except `rejects_not_kept`, for which the employee's space was full.
    """

    outcome_counts: Counter = field(default_factory=Counter)
    read: int = 0
    incomplete: int = 0
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
            Counter(report.get("counts", {})), submission.done, report.get("incomplete", report.get("left_out", 0)),
            report.get("rejects_not_kept", 0),
            list(report.get("rejects", [])), list(report.get("duplicates", [])),
            continued_at=submission.done, submission=submission,
        )  # fmt: skip

    def as_json(self) -> dict[str, Any]:
        """Return what `import_contacts --json` prints."""
        done = {code: self.outcome_counts[code] for code in DONE_CODES}
        rejected = sum(self.outcome_counts[code] for code in REJECTED)
        shown = self.rejects[:MAX_SHOWN_REJECTS]
        return {"read": self.read, **done, "rejected": rejected, "left": 0, "rejects": shown}

    def as_totals(self) -> dict[str, Any]:
        """Return the sums for a program without permission to see contacts: they do not depend on stored data.

        A row counts as accepted whatever its effect: knowing that a row was new would reveal whose contact a person is
        (ADR 71).
        """
        rejected = sum(self.outcome_counts[code] for code in REJECTED - REVEALING)
        shown = [reject for reject in self.rejects if reject["code"] not in REVEALING][:MAX_SHOWN_REJECTS]
        return {"read": self.read, "accepted": self.read - rejected, "rejected": rejected, "rejects": shown}

    def as_report(self) -> dict[str, Any]:
        """Return the report to store: the JSON contract, and every outcome's count for a continued import."""
        # Each list has at most a few hundred entries, because the row is written again after every batch.
        more = {
            "rejects": self.rejects,
            "incomplete": self.incomplete,
            "rejects_not_kept": self.rejects_not_kept,
            "duplicates": self.duplicates,
            "counts": dict(self.outcome_counts),
        }
        return {**self.as_json(), **more}

    def add(self, entry: Entry, outcome: Outcome) -> bool:
        """Count one outcome; returns True when it is a rejection."""
        self.read += 1
        self.outcome_counts[outcome.code] += 1
        if outcome.code == OutcomeCode.DUPLICATE and len(self.duplicates) < MAX_SHOWN_REJECTS:
            self.duplicates.append({"line": entry.line, "contact": outcome.existing_contact_id})
        if outcome.code not in REJECTED:
            self.incomplete += bool(entry.draft.dropped) and outcome.code == OutcomeCode.CREATED
            return False
        # A hundred of each sort, so that `as_totals` still has a hundred when it leaves the revealing ones out.
        revealing = outcome.code in REVEALING
        if sum((reject["code"] in REVEALING) == revealing for reject in self.rejects) < MAX_SHOWN_REJECTS:
            reject = {"line": entry.line, "column": outcome.column, "code": outcome.code, "reason": outcome.message}
            self.rejects.append(reject)
        return True


def store_rejects(submission: Submission, header: Sequence[str], rejected: Sequence[tuple[Entry, Outcome]]) -> int:
    """Append rejected lines to the submission's rejects, in the batch's transaction; returns how many were not kept.

    Each employee may keep MAX_REJECTED_BYTES_PER_EMPLOYEE, so that files full of rejects cannot fill the database. Each
    cell keeps MAX_REJECTED_CELL_CHARS, because the transaction holds the facts lock.
    """
    if not rejected:
        return 0
    # A corrected file of rejects has these columns already; when it is rejected again, they appear only once.
    columns = [column for column, name in enumerate(header) if name.lower() not in REASON_COLUMNS]
    text = io.StringIO()
    writer = csv.writer(text)
    if submission.rejects is None:
        submission.rejects = store_file(
            # The byte order mark: without it Excel reads the file in the encoding of the country.
            name="rejects.csv", content=[codecs.BOM_UTF8], content_type="text/csv",
            expires_at=submission.received_at + REJECTS_RETENTION, owner_id=submission.actor_id,
        )  # fmt: skip
        writer.writerow([escape_formula(header[column]) for column in columns] + list(REASON_COLUMNS))
    # Read once a batch, not once a row: the sum reads all submissions of the employee.
    space, written = _space_left(submission), 0
    for entry, outcome in rejected:
        if text.tell() > space:
            break
        cells = [entry.cells[column] if column < len(entry.cells) else "" for column in columns]
        if outcome.code == OutcomeCode.OBJECTED:
            # There is nothing to correct, and the person has objected to being stored.
            cells = [""] * len(columns)
        cells = [escape_formula(cell[:MAX_REJECTED_CELL_CHARS]) for cell in cells]
        writer.writerow([*cells, entry.line, outcome.code, escape_formula(outcome.message)])
        written += 1
    # "replace": a cell may contain a lone surrogate, which no encoding can write.
    append_to_file(submission.rejects, text.getvalue().encode("utf-8", "replace"))
    return len(rejected) - written


def rejected_contents(submission: Submission) -> dict[int, str]:
    """Return the texts of the first rejected lines by line number, while they are kept for correction."""
    if submission.rejects is None:
        return {}
    with open_file(submission.rejects) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        rows = islice(csv.reader(text), 1, 1 + 2 * MAX_SHOWN_REJECTS)
        cells = [[unescape_formula(cell) for cell in row] for row in rows]
        text.detach()
    own = -len(REASON_COLUMNS)
    return {
        int(row[own]): " · ".join(filter(None, row[:own]))[:MAX_CONTENT_CHARS]
        for row in cells
        if len(row) > len(REASON_COLUMNS) and row[own].isdigit()
    }


def _space_left(submission: Submission) -> float:
    """Return how many more bytes of rejected lines the submission's employee may keep; a feed has no limit."""
    if submission.employee_id is None:
        return inf
    used = Submission.objects.filter(employee=submission.employee_id).aggregate(size=Sum("rejects__size"))["size"]
    return settings.MAX_REJECTED_BYTES_PER_EMPLOYEE - (used or 0)
