"""Mails to the old address of an employee when a new one is requested, and when it is applied (ADR 64).

At least once, by a worker: marked after it is sent. No link, and of the new address only enough to recognise it.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.core.mail import EmailMessage
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from apps.accounts.models import EmailChange
from apps.core.clock import db_now
from apps.core.locks import advisory_lock

logger = logging.getLogger(__name__)
# What one call sends at most: the rest waits for the next.
AT_MOST = 200
# An address that is refused is not tried for ever.
GIVE_UP = timedelta(days=7)


def mail_address_changes() -> int:
    """Tell the old addresses what is requested or done; returns how many mails went out.

    Sent with no transaction open. An address that is refused keeps no other back.
    """
    with advisory_lock("address_mails") as mine:
        return sum(map(_tell, _due(db_now()))) if mine else 0


def _due(now: datetime) -> list[EmailChange]:
    requested = Q(requested_mail_at=None, request__requested_at__gt=now - GIVE_UP)
    applied = Q(applied_mail_at=None, applied_at__gt=now - GIVE_UP)
    return list(EmailChange.objects.filter(requested | applied).order_by("pk")[:AT_MOST])


def _tell(change: EmailChange) -> bool:
    try:
        _mail(change).send()
    except (OSError, SMTPException, ValueError) as error:
        # Never an address in the log, and so not the error's own words.
        logger.warning("the mail about address change %s was not taken: %s", change.pk, type(error).__name__)
        return False
    told = EmailChange.objects.filter(pk=change.pk)
    told.filter(requested_mail_at=None).update(requested_mail_at=db_now())
    if change.applied_at:
        told.update(applied_mail_at=db_now())
    return True


def masked(address: str) -> str:
    """The first character and the domain: its owner recognises it, and nobody else learns it."""
    local, _at, domain = address.partition("@")
    return f"{local[:1]}***@{domain}"


def _mail(change: EmailChange) -> EmailMessage:
    """In both languages, since nobody's is known here."""
    subjects, bodies = [], []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            subject, body = _texts(change.applied_at is not None)
            subjects.append(subject)
            bodies.append(body % {"address": masked(change.new_email)})
    return EmailMessage(subject=" · ".join(subjects), body="\n\n".join([*bodies, ""]), to=[change.old_email])


def _texts(applied: bool) -> tuple[str, str]:
    if applied:
        return _("Your e-mail address in Hundred has changed"), _(
            "Hundred now writes to you at %(address)s, and no longer here. HR requested it, and a second person "
            "approved it.\nDid you not expect this? Then tell HR and your IT department at once."
        )
    return _("Your e-mail address in Hundred is to change"), _(
        "HR's list of employees has a new e-mail address for you: %(address)s. It is used when a second person has "
        "approved it. Until then no link for a new password is sent.\nDid you not expect this? Then tell HR and your "
        "IT department at once."
    )
