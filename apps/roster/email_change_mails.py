"""Mails to an employee's old address when a new one is requested and when it is applied (ADR 64).

A worker sends each mail at least once and marks it afterwards. The mail holds no link, and only a masked form of the
new address.
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
# Maximum of mails per call; the next call sends the rest.
AT_MOST = 200
# After this time, a refused address is not retried.
GIVE_UP = timedelta(days=7)


def mail_address_changes() -> int:
    """Mail the old addresses about requested and applied changes; return how many mails were sent.

    No transaction is open while sending. A refused address does not block the others.
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
        # The log holds no address, and the error's text may contain one.
        logger.warning("the mail about address change %s was not taken: %s", change.pk, type(error).__name__)
        return False
    told = EmailChange.objects.filter(pk=change.pk)
    told.filter(requested_mail_at=None).update(requested_mail_at=db_now())
    if change.applied_at:
        told.update(applied_mail_at=db_now())
    return True


def masked(address: str) -> str:
    """The first character and the domain: the owner recognises the address, and other readers do not learn it."""
    local, _at, domain = address.partition("@")
    return f"{local[:1]}***@{domain}"


def _mail(change: EmailChange) -> EmailMessage:
    """In both languages, because the recipient's language is unknown."""
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
