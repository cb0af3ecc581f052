"""Correct many standings by a file: read and compared with the newest result by a worker, then requested as one.

A preview stores new standings by employee id, without names. A result never changes, so its preview holds as long as
the result is the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from django.db import transaction
from django.db.models.functions import Lower
from django.utils.translation import gettext as _

from apps.accounts.models import Account
from apps.campaigns.adjustments.bulk_file import HEADINGS, NO, YES
from apps.campaigns.models import Campaign
from apps.core.errors import Refused
from apps.core.models import FilePreview, StoredFile
from apps.core.previews import PreviewResult
from apps.fileio.csv_reader import Record
from apps.results.corrections import MAX_CORRECTED_NUMBER, CorrectionDraft, request_correction
from apps.results.models import FrozenResult, FrozenStanding, ResultCorrection
from apps.roster.columns import WORDS, HeaderWords
from apps.roster.people_file import InvalidLine, PeopleFile, RejectedLine, cells_of, preview_people, read_people

# The kind of a stored file that is an upload of corrections.
UPLOAD = "results/corrections"
TERMS = ("counted", "target", "exempt")
CORRECTIONS = HeaderWords(
    {
        **{role: HEADINGS.words[role] for role in ("staff_no", "email", "target", "exempt")},
        "name": WORDS["name"],
        "counted": "counted|new count|count|corrected count|计入|计入数|计数|数量|gezählt|anzahl|compté|nombre|contado",
    }
)


@dataclass(frozen=True)
class CorrectionLine:
    """One readable line; None keeps a value of the standing."""

    number: int
    cells: tuple[str, ...]
    staff_no: str
    email: str
    counted: int | None
    target: int | None
    exempt: bool | None


@dataclass(frozen=True)
class Comparison:
    """The new standings of a file, as (employee id, counted, target, exempt), and its rejected lines."""

    rows: list[tuple[int, int, int, bool]]
    rejects: list[RejectedLine]


def preview_corrections(stored: StoredFile, asked: dict[str, Any]) -> PreviewResult:
    """Return the standings a file would correct, and its rejected lines.

    `asked` has `campaign` (an id) and `employee` (the requester's id, or None). `problem` is a code when the file
    cannot be read.
    """
    result = required_result(Campaign.objects.get(pk=asked["campaign"]))

    def read(raw: IO[bytes]) -> tuple[PeopleFile[CorrectionLine], list[RejectedLine], dict[str, Any]]:
        file = read_people(raw, asked["encoding"], CORRECTIONS, TERMS, _line)
        compared = compare_with_result(file, result, asked["employee"])
        return file, compared.rejects, {
            "campaign": result.campaign_id, "version": result.version, "rows": compared.rows,
        }  # fmt: skip

    return preview_people(stored, asked["language"], read)


def is_about(report: dict[str, Any], result: FrozenResult) -> bool:
    """Whether a stored preview compares its file with this version of this campaign's result."""
    return (report.get("campaign"), report.get("version")) == (result.campaign_id, result.version)


def required_result(campaign: Campaign) -> FrozenResult:
    """The result that a correction changes. Raises Refused without one."""
    if (newest := campaign.newest_result) is None:
        raise Refused("invalid", _("This campaign is not frozen."), "campaign")
    return newest


def _line(record: Record) -> CorrectionLine:
    cells = cells_of(record)
    exempt = cells.get("exempt", "").lower()
    if exempt not in YES | NO:
        raise InvalidLine("exempt", _("“%(text)s” is neither yes nor no.") % {"text": cells["exempt"]})
    # Unlike in a file of adjustments, an empty cell keeps what the standing has.
    terms = _number(cells, "counted", 0), _number(cells, "target", 1), (exempt in YES) if exempt else None
    if terms == (None, None, None):
        raise InvalidLine("counted", _("This line has no count, no target and no exemption."))
    return CorrectionLine(record.line, tuple(record.values), cells.get("staff_no", ""), cells.get("email", ""), *terms)


def _number(cells: Mapping[str, str], role: str, least: int) -> int | None:
    if not (text := cells.get(role, "")):
        return None
    digits = text.lstrip("0") or "0"
    if not (text.isascii() and text.isdigit()):
        raise InvalidLine(role, _("“%(text)s” is not a whole number.") % {"text": text})
    if len(digits) > len(str(MAX_CORRECTED_NUMBER)) or not least <= int(digits) <= MAX_CORRECTED_NUMBER:
        raise InvalidLine(role, _("A number is too large or too small."))
    return int(digits)


def compare_with_result(
    file: PeopleFile[CorrectionLine], result: FrozenResult, acting_employee_id: int | None
) -> Comparison:
    """Return the new standings of the file's employees. HR users do not correct their own, `acting_employee_id`."""
    rejects, rows = list(file.rejects), []
    by_text, drafts_of = _standings(file.lines, result), dict[int, list[_Draft]]()
    for line in file.lines:
        try:
            row = _named_standing(line, by_text)
            if row.employee_id == acting_employee_id:
                raise InvalidLine(_role(line), _("You cannot request a correction of your own standing."))
            drafts_of.setdefault(row.employee_id, []).append(_Draft(line, row))
        except InvalidLine as refused:
            rejects.append(file.rejected(line.number, line.cells, refused.role, refused.reason))
    for employee_id, drafts in drafts_of.items():
        first = drafts[0]
        other = next((draft for draft in drafts if draft.after != first.after), None)
        reasons = [_reason_to_reject(draft, first, other) for draft in drafts]
        rows += [
            (employee_id, *draft.after) for draft, reason in zip(drafts, reasons, strict=True) if not reason
        ]  # fmt: skip
        rejects += [
            file.rejected(draft.line.number, draft.line.cells, _role(draft.line), reason)
            for draft, reason in zip(drafts, reasons, strict=True) if reason
        ]  # fmt: skip
    # By line, as HR reads the file: rejects of all passes are mixed.
    return Comparison(rows, sorted(rejects, key=lambda rejected: rejected.line))


@dataclass(frozen=True)
class _Draft:
    """A line with the standing that it names."""

    line: CorrectionLine
    row: FrozenStanding

    @property
    def after(self) -> tuple[int, int, bool]:
        return (
            self.row.counted if self.line.counted is None else self.line.counted,
            self.row.target if self.line.target is None else self.line.target,
            self.row.exempt if self.line.exempt is None else self.line.exempt,
        )


def _reason_to_reject(draft: _Draft, first: _Draft, other: _Draft | None) -> str:
    """Why a line is rejected; empty for the line that counts.

    `first`: the first line of the same employee; `other`: the first one with other values.
    """
    if other:
        # All of them: no line says which of two different values is meant.
        line = (other if draft.after == first.after else first).line.number
        return _("Line %(line)s gives this person other values. Keep one line.") % {"line": line}
    if draft.after == (draft.row.counted, draft.row.target, draft.row.exempt):
        return _("This line changes nothing.")
    return "" if draft is first else _("Line %(line)s already names this person.") % {"line": first.line.number}


def _standings(lines: Iterable[CorrectionLine], result: FrozenResult) -> dict[str, list[FrozenStanding]]:
    """The standings of the result by staff number, and by e-mail address in lower case."""
    numbers, addresses = {line.staff_no for line in lines}, {line.email.lower() for line in lines}
    rows = FrozenStanding.objects.filter(campaign=result.campaign_id, version=result.version)
    found: dict[str, list[FrozenStanding]] = {}
    for row in rows.filter(staff_no__in=numbers - {""}):
        found.setdefault(row.staff_no, []).append(row)
    if addresses - {""}:
        for row in rows.annotate(address=Lower("email")).filter(address__in=addresses - {""}):
            found.setdefault(row.email.lower(), []).append(row)
    return found


def _named_standing(line: CorrectionLine, by_text: Mapping[str, list[FrozenStanding]]) -> FrozenStanding:
    """The one standing a line names; a staff number and an e-mail address must match the same one."""
    named = {role: text for role, text in (("staff_no", line.staff_no), ("email", line.email.lower())) if text}
    found = {}
    for role, text in named.items():
        rows = by_text.get(text, [])
        if not rows:
            raise InvalidLine(role, _("No employee in this result has this staff number or e-mail address."))
        if len(rows) > 1:
            raise InvalidLine(role, _("More than one person has this e-mail address. Use the staff number."))
        found[rows[0].employee_id] = rows[0]
    if len(found) > 1:
        raise InvalidLine("email", _("This e-mail address and this staff number belong to different people."))
    return next(iter(found.values()))


def _role(line: CorrectionLine) -> str:
    return "staff_no" if line.staff_no else "email"


def request_by_file(
    *, campaign: Campaign, stored: StoredFile, reason: str, evidence: str, seen: str, by: Account
) -> ResultCorrection:  # fmt: skip
    """Request the correction of all standings on a previewed list, and delete the file.

    `seen`: the version of the preview that the page showed. It is one request, granted or refused as a whole. A file
    makes one request, however often the form is sent. Raises Refused, also when the list has changed.
    """
    with transaction.atomic():
        kept = StoredFile.objects.select_for_update().filter(pk=stored.pk).exists()
        if existing := ResultCorrection.objects.filter(key=stored.pk, asked_by_id=by.pk).first():
            return existing
        preview = FilePreview.objects.filter(pk=stored.pk).first() if kept else None
        if preview is None or "rows" not in preview.report:
            raise Refused("conflict", _("The file is no longer stored. Upload it again."), conflict=True)
        newest = required_result(campaign)
        if str(preview.version) != seen or not is_about(preview.report, newest):
            raise Refused("conflict", _("The list has changed since you saw it. Check it again."), conflict=True)
        numbers = dict(
            FrozenStanding.objects.filter(campaign=campaign, version=newest.version)
            .filter(employee__in=[employee for employee, *_terms in preview.report["rows"]])
            .values_list("employee_id", "staff_no")
        )
        correction = request_correction(
            campaign=campaign, reason=reason, evidence=evidence, by=by, key=stored.pk,
            drafts=[CorrectionDraft(numbers[employee], *terms) for employee, *terms in preview.report["rows"]],
        )  # fmt: skip
        # In the same transaction: the file names people, and is kept no longer than needed (ADR 43).
        StoredFile.objects.filter(pk=stored.pk).delete()
    return correction
