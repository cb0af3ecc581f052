"""The texts that managers may send: HR adds, changes and withdraws them. A change is a new version."""

from __future__ import annotations

import re

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.core.audit import Actor, audit
from apps.core.clock import db_now
from apps.core.errors import Refused
from apps.core.locks import lock_request_key
from apps.core.mailed_names import ADDRESS_MARKS
from apps.core.text import clean_prose, clean_text
from apps.notifications.models import ReminderText

MAX_TITLE_CHARS, MAX_TEXT_CHARS = 80, 1_000
# Of the texts that are current: senders choose among all of them on one page.
MAX_TEXTS = 50
# What a mail program turns into a link. Readers must not learn to follow the links of texts.
# A name with a dot in any script, but neither "e.g." nor "3.5", and an ideographic full stop only between Latin
# letters: Chinese sentences follow each other without a space.
DOTTED_NAME = re.compile(r"[^\W_][.．][^\W\d_]{2,}|[a-z0-9][。｡][a-z]{2,}", re.IGNORECASE)
WWW_OR_IPV4 = re.compile(r"\bwww\.|\b\d{1,3}(?:\.\d{1,3}){3}\b", re.IGNORECASE | re.ASCII)
LINKS = (ADDRESS_MARKS, DOTTED_NAME, WWW_OR_IPV4)


def refuse_links(**texts: str) -> None:
    """Raise Refused for a link or an address in one of these texts, at the field of its name."""
    for field, text in texts.items():
        if any(link.search(text) for link in LINKS):
            message = _("A text cannot contain links or addresses. The e-mail itself has a link to Hundred.")
            raise Refused("link", message, field)


def add_text(*, title: str, text_en: str, text_zh: str, by: Actor) -> ReminderText:
    """Raises Refused for an empty text, a link, the title of another current text, and more than MAX_TEXTS."""
    with transaction.atomic():
        lock_request_key("reminder texts")
        if ReminderText.objects.current().count() >= MAX_TEXTS:
            message = _("There are %(most)s texts, the limit. Withdraw one first.")
            raise Refused("too_many", message % {"most": MAX_TEXTS}, conflict=True)
        text = _store(ReminderText(title=title, text_en=text_en, text_zh=text_zh), by)
        audit("reminder.text_added", by=by, kind="reminder_text", id=text.pk, label=str(text))
    return text


def change_text(*, text_id: int, title: str, text_en: str, text_zh: str, by: Actor) -> ReminderText:
    """Replace the current version by the next one; what was sent keeps the former. Raises Refused and DoesNotExist."""
    with transaction.atomic():
        former = ReminderText.objects.get(pk=text_id)
        if not _withdraw(former, by):
            raise Refused(
                "changed", _("Another HR user has changed or withdrawn this text. Open it again."), conflict=True
            )
        changed = ReminderText(title=title, text_en=text_en, text_zh=text_zh, replaces=former)
        changed.version = former.version + 1
        _store(changed, by)
        audit("reminder.text_changed", by=by, kind="reminder_text", id=changed.pk, label=str(changed))
    return changed


def withdraw_text(*, text_id: int, by: Actor) -> bool:
    """Offer the text no more; False when it was no longer offered. Raises DoesNotExist."""
    with transaction.atomic():
        text = ReminderText.objects.get(pk=text_id)
        is_done = _withdraw(text, by)
        if is_done:
            audit("reminder.text_withdrawn", by=by, kind="reminder_text", id=text.pk, label=str(text))
    return is_done


def _withdraw(text: ReminderText, by: Actor) -> bool:
    current = ReminderText.objects.filter(pk=text.pk, withdrawn_at=None)
    return bool(current.update(withdrawn_at=db_now(), withdrawn_by_label=by.label))


def _store(text: ReminderText, by: Actor) -> ReminderText:
    text.title = clean_text(text.title, MAX_TITLE_CHARS)
    text.text_en, text.text_zh = clean_prose(text.text_en, MAX_TEXT_CHARS), clean_prose(text.text_zh, MAX_TEXT_CHARS)
    for field in ("title", "text_en", "text_zh"):
        if not getattr(text, field):
            raise Refused("empty", _("This field is required."), field)
    refuse_links(text_en=text.text_en, text_zh=text.text_zh)
    text.made_by_id, text.made_by_label = by.id, by.label
    try:
        with transaction.atomic():
            text.save(force_insert=True)
    except IntegrityError as error:
        raise Refused("duplicate", _("Another text has this title."), "title", conflict=True) from error
    return text
