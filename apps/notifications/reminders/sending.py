"""Reminders that HR or a manager sends to the people of a list, with limits that hold across senders (ADR 81)."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q, Sum
from django.utils.translation import gettext as _
from psycopg2.sql import SQL

from apps.accounts.models import Account
from apps.campaigns.models import Campaign
from apps.core.audit import audit
from apps.core.clock import db_now
from apps.core.enqueue import enqueue_notifications
from apps.core.errors import Refused
from apps.core.locks import lock_request_key
from apps.core.sql import compose, fetch_all, statement
from apps.core.text import clean_prose
from apps.core.time_zones import zone_of
from apps.employees.models import TreeNode
from apps.exports.export_requests import masked_filters
from apps.notifications.models import Reminder, ReminderText
from apps.notifications.quiet_hours import configured_quiet_hours
from apps.notifications.reminders.approved_texts import MAX_TEXT_CHARS, refuse_links
from apps.notifications.reminders.id_sets import IdSet
from apps.notifications.reminders.models import MIN_INTERVAL
from apps.reports.standings_report import Standings
from apps.reviews.models import under_review_sql

_statement = partial(statement, "notifications", "reminders")
CANDIDATES = _statement("candidates")
PREVIEW = _statement("preview")
SEND = _statement("send")


# A text that no second person has seen goes to so many people in 24 hours, whichever is more: HR's own text, and an
# approved one whose current version the sender wrote.
OWN_TEXT_PEOPLE, OWN_TEXT_SHARE = 20, 0.05


class Candidate(NamedTuple):
    """A person of the list. `reason`: why the person is not reminded now; empty: is reminded."""

    employee_id: int
    staff_no: str
    name: str
    zone: str
    language: str
    last_at: datetime | None
    reason: str


@dataclass(frozen=True)
class Preview:
    """Who would be reminded at `now`, and who is left out."""

    now: datetime
    candidates: list[Candidate]

    @cached_property
    def recipients(self) -> list[Candidate]:
        return [candidate for candidate in self.candidates if not candidate.reason]

    @cached_property
    def left_out(self) -> list[Candidate]:
        return [candidate for candidate in self.candidates if candidate.reason]

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Each reason with its number of people, the most frequent first."""
        return Counter(candidate.reason for candidate in self.left_out).most_common()

    @property
    def departures(self) -> list[tuple[datetime, int]]:
        """When the mails may leave, with the number of people: `now` or the end of quiet hours, by time zone."""
        quiet, people = configured_quiet_hours(), Counter(candidate.zone for candidate in self.recipients)
        instants: Counter[datetime] = Counter()
        for zone, number in people.items():
            instants[quiet.next_allowed(self.now, zone_of(zone))] += number
        return sorted(instants.items())

    @property
    def seen(self) -> str:
        """The recipients, for the form: a later list may only be shorter."""
        return IdSet.of([candidate.employee_id for candidate in self.recipients]).encode()


@dataclass(frozen=True)
class Draft:
    """What is sent: an approved text, or HR's own texts for this time."""

    text: ReminderText | None
    text_en: str = ""
    text_zh: str = ""

    def is_by(self, sender: Account) -> bool:
        """Whether the sender wrote the text, so that no second person has seen it."""
        return self.text is None or self.text.made_by_id == sender.pk

    @property
    def texts(self) -> dict[str, str]:
        if self.text:
            return {"text_en": self.text.text_en, "text_zh": self.text.text_zh}
        return {
            "text_en": clean_prose(self.text_en, MAX_TEXT_CHARS),
            "text_zh": clean_prose(self.text_zh, MAX_TEXT_CHARS),
        }


def can_remind_in(campaign: Campaign | None, now: datetime) -> bool:
    """Whether contacts count in the campaign now, so that a reminder helps."""
    return campaign is not None and campaign.state == Campaign.State.OPEN and campaign.rule.in_period(now)


def preview_reminder(standings: Standings, now: datetime) -> Preview:
    """The people of this list; the caller checks that the reader may remind them."""
    return Preview(now, [Candidate(*row) for row in fetch_all(_candidates_sql(standings, now) + PREVIEW)])


def send_reminder(
    *, standings: Standings, draft: Draft, seen: IdSet, key: uuid.UUID, by: Account, filters: Mapping[str, str],
    label: str,
) -> Reminder:  # fmt: skip
    """Remind the people of this list who may be reminded now. The same key returns the same reminder. Raises Refused.

    `seen`: the recipients that the preview showed. A person more refuses everything; a person less is only left out.
    `filters` and `label`, the name of the list, are for the audit trail.
    """
    texts = _sendable_texts(draft, by)
    campaign = standings.campaign
    with transaction.atomic():
        [locked] = Campaign.objects.lock_shared(campaign.pk)
        if draft.is_by(by):
            lock_request_key(f"own reminders of {by.pk}")
        now = db_now()
        if not can_remind_in(locked, now):
            raise Refused("over", _("This campaign is over."), conflict=True)
        reminder, is_new = Reminder.objects.get_or_create(
            sender_id=by.pk, key=key,
            defaults={
                "campaign": campaign, "sender_label": sender_name(by), "sender_role": _role(by), "text": draft.text,
                "sent_at": now, **texts,
            },
        )  # fmt: skip
        if not is_new:
            return reminder
        reminder.people = _remind(standings, reminder, seen)
        reminder.save(update_fields=["people"])
        if draft.is_by(by):
            _refuse_many(by, now)
        _audit_sent(reminder, by, filters, label)
        enqueue_notifications()
    return reminder


def _sendable_texts(draft: Draft, by: Account) -> dict[str, str]:
    """Raises Refused for an empty text, a manager's own text, and a link in an own text."""
    texts = draft.texts
    if not (texts["text_en"] and texts["text_zh"]) or (draft.text is None and not by.has_role("hr")):
        raise Refused("invalid", _("Choose a text."), "text")
    if draft.text is None:
        refuse_links(**texts)
    return texts


def _remind(standings: Standings, reminder: Reminder, seen: IdSet) -> int:
    """Write who is reminded, and an event for each; returns how many. Raises Refused, which undoes everything."""
    send = compose(
        SEND, now=reminder.sent_at, subject=f"reminder:{reminder.pk}", campaign=reminder.campaign_id, first=seen.first,
        bits=seen.bits, under_review=SQL(under_review_sql(reminder.campaign_id, reminder.sent_at)),
    )  # fmt: skip
    [(people, unseen)] = fetch_all(_candidates_sql(standings, reminder.sent_at) + send)
    if unseen:
        message = _("The list has changed: more people would be reminded. Check it again.")
        raise Refused("changed", message, conflict=True)
    if not people:
        raise Refused("empty", _("There is no one left to remind now."), conflict=True)
    return int(people)


def _refuse_many(by: Account, now: datetime) -> None:
    """Refuse, and so undo, what goes beyond the limit of own texts. The caller holds the sender's lock."""
    recent = Reminder.objects.filter(sender_id=by.pk, sent_at__gt=now - MIN_INTERVAL)
    own = recent.filter(Q(text=None) | Q(text__made_by_id=by.pk))
    most = max(OWN_TEXT_PEOPLE, int(OWN_TEXT_SHARE * TreeNode.objects.filter(employed=True).count()))
    if (own.aggregate(people=Sum("people"))["people"] or 0) > most:
        message = _(
            "Texts that you wrote can go to at most %(most)s people in 24 hours. For more, choose a text of another HR "
            "user."
        )
        raise Refused("too_many", message % {"most": most}, "text", conflict=True)


def _audit_sent(reminder: Reminder, by: Account, filters: Mapping[str, str], label: str) -> None:
    chosen = masked_filters({name: value for name, value in filters.items() if value})
    audit(
        "reminder.sent", by=by.actor, kind="reminder", id=reminder.pk, label=label,
        detail={
            "campaign": reminder.campaign.slug, "people": reminder.people, "text": str(reminder.text or ""),
            "filters": chosen,
        },
    )  # fmt: skip


def _candidates_sql(standings: Standings, now: datetime) -> str:
    # Literals, as in all statements on standings: their texts take no parameters.
    return f"{standings.sources} {compose(CANDIDATES, now=now, where=SQL(standings.where))} "


def sender_name(by: Account) -> str:
    """The name under which recipients know the sender."""
    return by.employee.name if by.employee else str(by)


def _role(by: Account) -> Reminder.Role:
    return Reminder.Role.HR if by.has_role("hr") else Reminder.Role.MANAGER
