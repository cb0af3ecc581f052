"""Feedback after people were added: a sentence with numbers, and for each failed line why, and the fix."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from apps.contacts.drafts import CREATED, DUPLICATE, Draft, Outcome
from apps.contacts.models import Contact
from apps.contacts.pasting import SEVERAL
from apps.contacts.services import submissions as contacts
from apps.core import clock
from apps.dashboard.labels import base
from apps.dashboard.views.page_context import PageContext
from apps.dashboard.views.standing.my_standing import own_contacts
from apps.reports import standings_report
from apps.standings import population


@dataclass(frozen=True)
class Failed:
    """A line that was not recorded: its number, its text, why, and the fix."""

    line: int
    text: str
    reason: str
    cure: str


@dataclass(frozen=True)
class Feedback:
    """The sentence with its message level, and the lines left to correct."""

    level: int
    text: str
    failed: list[Failed]


def explain_failure(draft: Draft, outcome: Outcome) -> tuple[str, str]:
    """Why a draft could not be read, and how to fix it."""
    raw = " ".join(text for _kind, text in draft.identities)
    if outcome.column == SEVERAL:
        return _("Two of a kind stand in this line."), _(
            "One line is one person: put the second one on a line of its own, or leave it out."
        )
    if outcome.column == "handle" and len(raw.split()) > 1:
        return _("No phone number, e-mail or handle is in this line."), _(
            "Add one beside the name; a handle begins with @."
        )
    cures = {
        "phone": _("Check the digits; a number from abroad begins with + and its country code."),
        "email": _("An address looks like name@example.org."),
        "handle": _("Write it as the product shows it, with @ before it."),
    }
    return outcome.message, cures.get(outcome.column, "")


def answer_one(scope: PageContext, draft: Draft, outcome: Outcome) -> Feedback | str:
    """The feedback for one person: the result, or why it was refused."""
    if outcome.code == DUPLICATE:
        return _duplicate(scope, outcome)
    if outcome.code != CREATED:
        return " ".join(filter(None, explain_failure(draft, outcome)))
    contact = own_contacts(scope, clock.db_now()).filter(pk=outcome.contact_id).first()
    if contact and contact.reason in base.REASONS:
        label = base.REASONS[contact.reason]
        text = _("Recorded. It does not count yet: %(reason)s. %(cure)s") % {
            "reason": label.label,
            "cure": label.cure,
        }
        return Feedback(messages.WARNING, text, [])
    name = contact.name if contact else ""
    return Feedback(messages.SUCCESS, _("%(name)s is recorded.") % {"name": name} if name else _("Recorded."), [])


def number_now(scope: PageContext) -> str:
    """The number by the recorded facts, for pages without the standing card; empty without a number."""
    if scope.campaign is None:
        return ""
    row = standings_report.Standings(scope.campaign, population.OneEmployee(scope.the_employee)).one(
        scope.the_employee.pk
    )
    if row is None:
        return ""
    numbers = {"counted": base.number(row.counted), "target": base.number(row.target)}
    if row.remaining:
        return _("Now %(counted)s of %(target)s.") % numbers
    return _("Now %(counted)s of %(target)s: you have reached the target.") % numbers


def _duplicate(scope: PageContext, outcome: Outcome) -> str:
    existing = Contact.objects.of(scope.the_employee).filter(pk=outcome.existing_contact_id).first()
    if existing is None:
        return outcome.message
    day = base.short_date(existing.recorded_at.astimezone(scope.zone).date())
    if existing.name:
        return _("You have this person already: %(name)s, recorded on %(day)s.") % {"name": existing.name, "day": day}
    return _("You have this person already, recorded on %(day)s.") % {"day": day}


def answer_many(
    scope: PageContext, lines: dict[int, str], drafts: Sequence[Draft], report: contacts.Report
) -> Feedback:
    """The feedback for several people. `lines` is the pasted text, by line number."""
    failed = []
    for draft, outcome in zip(drafts, report.outcomes, strict=True):
        if outcome.code not in (CREATED, DUPLICATE):
            number = draft.line or 0
            failed.append(Failed(number, lines[number], *explain_failure(draft, outcome)))
    reasons = _reasons(scope, report)
    text = " ".join([_summary(report), *reasons])
    if failed or reasons:
        return Feedback(messages.WARNING, text, failed)
    return Feedback(messages.SUCCESS if report.created else messages.INFO, text, failed)


def _summary(report: contacts.Report) -> str:
    """12 recorded, 2 you had already, 1 could not be read."""
    new, known, bad = report.created, report.duplicate, report.rejected
    parts = [
        (new, ngettext("%(count)s recorded", "%(count)s recorded", new)),
        (known, ngettext("%(count)s you had already", "%(count)s you had already", known)),
        (bad, ngettext("%(count)s could not be read", "%(count)s could not be read", bad)),
    ]
    sentences = [text % {"count": base.number(count)} for count, text in parts if count]
    between = pgettext("between the parts of a sentence", ", ")
    return pgettext("a whole sentence", "%(sentence)s.") % {"sentence": between.join(sentences)}


def _reasons(scope: PageContext, report: contacts.Report) -> list[str]:
    """A sentence for each reason why recorded contacts do not count by the current facts."""
    ids = [outcome.contact_id for outcome in report.outcomes if outcome.code == CREATED]
    recorded: Any = own_contacts(scope, clock.db_now()).order_by().filter(pk__in=ids).values_list("reason", flat=True)
    counts = Counter(recorded) if ids else Counter()
    return [
        ngettext(
            "%(count)s of them does not count yet: %(reason)s. %(cure)s",
            "%(count)s of them do not count yet: %(reason)s. %(cure)s",
            counts[code],
        )
        % {"count": base.number(counts[code]), "reason": reason.label, "cure": reason.cure}
        for code, reason in base.REASONS.items()
        if counts[code]
    ]
