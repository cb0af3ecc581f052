"""Feedback after people were added: a sentence with numbers, and for each failed line why, and the fix."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from apps.campaigns import selectors
from apps.contacts.drafts import Draft, Outcome, OutcomeCode
from apps.contacts.models import Contact
from apps.contacts.normalisation import has_phone_extension
from apps.contacts.pasting import SEVERAL
from apps.contacts.services import submissions
from apps.core import clock
from apps.core.errors import Refused
from apps.core.sentences import join_sentences
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.standing.my_standing import own_contacts
from apps.reports import standings_report
from apps.standings import report_people


@dataclass(frozen=True)
class FailedLine:
    """A line that was not recorded: its number among those that failed, its text, why, and the fix."""

    line: int
    text: str
    reason: str
    fix: str


@dataclass(frozen=True)
class Feedback:
    """The sentence with its message level, the lines left to correct, and the submission that an undo would end."""

    level: int
    text: str
    failed: list[FailedLine]
    submission_id: UUID | None = None

    @property
    def extra_tags(self) -> str:
        """The tag of a message with an Undo button (`undo_of`)."""
        return f"undo-add-{self.submission_id}" if self.submission_id else ""


def explain_failure(draft: Draft, outcome: Outcome) -> tuple[str, str]:
    raw = " ".join(text for _kind, text in draft.identities)
    if outcome.column == SEVERAL:
        return _("This line has two phone numbers, two e-mails or two handles."), _(
            "Each line is one person. Move the second one to a new line, or remove it."
        )
    # A name alone is taken for a handle, but no handle has a blank.
    if outcome.column == "handle" and len(raw.split()) > 1:
        return _("This line has no phone number, e-mail or handle."), _(
            "Add one after the name. A handle starts with @."
        )
    fixes = {
        "phone": _("Check the digits. A number from abroad starts with + and its country code."),
        "email": _("An e-mail address looks like name@example.org."),
        "handle": _("Enter it as the messaging app shows it, starting with @."),
    }
    return outcome.message, fixes.get(outcome.column, "") if raw else ""


def feedback_on_one(scope: PageContext, draft: Draft, outcome: Outcome) -> Feedback | str:
    """The feedback for one person: the result, or why it was refused."""
    if outcome.code == OutcomeCode.DUPLICATE:
        # Colleagues can share a number and differ in the extension: the service's sentence explains that case.
        return outcome.message if has_phone_extension(draft) else _duplicate(scope, outcome)
    if outcome.code != OutcomeCode.CREATED:
        return join_sentences(explain_failure(draft, outcome))
    contact = own_contacts(scope, clock.db_now()).filter(pk=outcome.contact_id).first()
    if contact and contact.reason in base.REASONS:
        label = base.REASONS[contact.reason]
        text = _("Recorded. It does not count yet: %(reason)s. %(fix)s") % {
            "reason": label.label,
            "fix": label.fix,
        }
        return Feedback(messages.WARNING, text, [])
    name = contact.name if contact else ""
    return Feedback(messages.SUCCESS, _("%(name)s is recorded.") % {"name": name} if name else _("Recorded."), [])


def number_now(scope: PageContext) -> str:
    """The number by the recorded facts, for pages without the standing card; empty without a number."""
    if scope.campaign is None:
        return ""
    row = standings_report.Standings(scope.campaign, report_people.OneEmployee(scope.required_employee)).row_of(
        scope.required_employee.pk
    )
    if row is None:
        return ""
    numbers = {"counted": base.number(row.counted), "target": base.number(row.target)}
    if row.remaining:
        return _("Now %(counted)s of %(target)s.") % numbers
    return _("Now %(counted)s of %(target)s: you have reached the target.") % numbers


def undo_feedback(scope: PageContext, submission_id: UUID) -> Feedback:
    """End the active contacts of the reader's submission, and say how many; or why that is over."""
    try:
        ended = selectors.undo_while_open(
            submission_id=submission_id, employee=scope.required_employee, by=scope.user.actor
        )
    except Refused as refused:
        return Feedback(messages.WARNING, refused.message, [])
    if not ended:
        return Feedback(messages.SUCCESS, _("There was nothing to undo."), [])
    text = ngettext("Undone: %(count)s contact was ended.", "Undone: %(count)s contacts were ended.", ended)
    return Feedback(messages.SUCCESS, text % {"count": base.number(ended)}, [])


def _duplicate(scope: PageContext, outcome: Outcome) -> str:
    existing = Contact.objects.of(scope.required_employee).filter(pk=outcome.existing_contact_id).first()
    if existing is None:
        return outcome.message
    day = base.short_date(existing.recorded_at.astimezone(scope.zone).date())
    if existing.name:
        return _("You have already recorded this person: %(name)s, on %(day)s.") % {"name": existing.name, "day": day}
    return _("You have already recorded this person, on %(day)s.") % {"day": day}


def feedback_on_many(
    scope: PageContext, lines: dict[int, str], drafts: Sequence[Draft], report: submissions.Report
) -> Feedback:
    """The feedback for several people. `lines` is the pasted text, by line number."""
    failed: list[FailedLine] = []
    for draft, outcome in zip(drafts, report.outcomes, strict=True):
        if outcome.code not in (OutcomeCode.CREATED, OutcomeCode.DUPLICATE):
            # The number in the field, in which only the failed lines stay.
            failed.append(FailedLine(len(failed) + 1, lines[draft.line or 0], *explain_failure(draft, outcome)))
    reasons = _reasons(scope, report)
    text = join_sentences([_summary(report), *reasons])
    if failed or reasons:
        return Feedback(messages.WARNING, text, failed)
    return Feedback(messages.SUCCESS if report.created else messages.INFO, text, failed)


def _summary(report: submissions.Report) -> str:
    """12 recorded, 2 you had already, 1 could not be read."""
    created, duplicates, rejected = report.created, report.duplicate, report.rejected
    parts = [
        (created, ngettext("%(count)s recorded", "%(count)s recorded", created)),
        (duplicates, ngettext("%(count)s already recorded", "%(count)s already recorded", duplicates)),
        (rejected, ngettext("%(count)s could not be read", "%(count)s could not be read", rejected)),
    ]
    sentences = [text % {"count": base.number(count)} for count, text in parts if count]
    between = pgettext("between the parts of a sentence", ", ")
    return pgettext("a whole sentence", "%(sentence)s.") % {"sentence": between.join(sentences)}


def _reasons(scope: PageContext, report: submissions.Report) -> list[str]:
    """A sentence for each reason why recorded contacts do not count by the current facts."""
    ids = [outcome.contact_id for outcome in report.outcomes if outcome.code == OutcomeCode.CREATED]
    recorded: Any = own_contacts(scope, clock.db_now()).order_by().filter(pk__in=ids).values_list("reason", flat=True)
    counts = Counter(recorded) if ids else Counter()
    return [
        ngettext(
            "%(count)s of them does not count yet: %(reason)s. %(fix)s",
            "%(count)s of them do not count yet: %(reason)s. %(fix)s",
            counts[code],
        )
        % {"count": base.number(counts[code]), "reason": reason.label, "fix": reason.fix}
        for code, reason in base.REASONS.items()
        if counts[code]
    ]
