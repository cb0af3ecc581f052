"""Mails to an employee's old address when a new one is requested and when it is applied (ADR 64).

A worker sends each mail at least once and marks it afterwards. The mail holds no link, and only a masked form of the
new address.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Exists, F, OuterRef, Q
from django.utils import translation
from django.utils.translation import gettext as _

from apps.accounts.models import EmailChange
from apps.core.clock import db_now
from apps.core.email_domains import in_domains, normalise_domain
from apps.core.locks import advisory_lock
from apps.core.mail_portions import mail_portion

logger = logging.getLogger(__name__)
# Maximum of mails per call; the next call sends the rest.
MAX_MAILS = 200
# After this time, a refused address is not retried.
GIVE_UP_AFTER = timedelta(days=7)
# One HR user can replace an address any number of times a day; the employee gets one mail about it.
REQUESTS_MAILED_EVERY = timedelta(days=1)


def mail_address_changes() -> int:
    """Mail the old addresses about requested and applied changes; return how many mails were sent.

    No transaction is open while sending. A refused address does not block the others.
    """
    # One sender at a time: two would both read a change as not mailed and mail it twice.
    with advisory_lock("address_mails") as acquired:
        due = _due(db_now()) if acquired else []
        # The portion may end first; the changes left are due again in the next call.
        return sum(_send(change) for change, _number in zip(due, mail_portion(MAX_MAILS), strict=False))


def _due(now: datetime) -> list[EmailChange]:
    since = now - REQUESTS_MAILED_EVERY
    mailed = EmailChange.objects.filter(employee=OuterRef("employee"), requested_mail_at__gt=since)
    requested = Q(requested_mail_at=None, waiting=True, request__requested_at__gt=now - GIVE_UP_AFTER) & ~Exists(mailed)
    applied = Q(applied_mail_at=None, applied_at__gt=now - GIVE_UP_AFTER)
    # Those tried least recently first: any number of refused addresses, which stay due, keep back no other mail.
    by_attempt = F("mail_tried_at").asc(nulls_first=True), "pk"
    return list(EmailChange.objects.filter(requested | applied).order_by(*by_attempt)[:MAX_MAILS])


def _send(change: EmailChange) -> bool:
    changes = EmailChange.objects.filter(pk=change.pk)
    changes.update(mail_tried_at=db_now())
    try:
        _mail(change).send()
    except (OSError, SMTPException, ValueError) as error:
        # The log holds no address, and the error's text may contain one.
        logger.warning("the mail about address change %s was not accepted: %s", change.pk, type(error).__name__)
        return False
    # Marked after the mail was accepted: a crash in between repeats a mail, the other order would lose it.
    changes.filter(requested_mail_at=None).update(requested_mail_at=db_now())
    if change.applied_at:
        changes.update(applied_mail_at=db_now())
    return True


def masked(address: str, old_address: str) -> str:
    """The first character and the domain: the owner recognises the address, and other readers do not learn it.

    Only a domain of the company, or that of `old_address`: mail programs make a link of a domain, and one HR user
    could send it to every employee.
    """
    (local, _at, domain), own = address.partition("@"), old_address.rpartition("@")[2]
    if domain == own or in_domains(domain, list(map(normalise_domain, settings.COMPANY_EMAIL_DOMAINS))):
        return f"{local[:1]}***@{domain}"
    return _("an address outside the company (%(start)s***)") % {"start": local[:1]}


def _mail(change: EmailChange) -> EmailMessage:
    """In both languages, because the recipient's language is unknown."""
    subjects, bodies = [], []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            subject, body = _texts(change.applied_at is not None)
            subjects.append(subject)
            bodies.append(body % {"address": masked(change.new_email, change.old_email)})
    return EmailMessage(subject=" · ".join(subjects), body="\n\n".join([*bodies, ""]), to=[change.old_email])


def _texts(applied: bool) -> tuple[str, str]:
    if applied:
        return _("Your e-mail address in Hundred has changed"), _(
            "From now on, Hundred sends e-mails to %(address)s instead of this address. HR requested the "
            "change, and a second person approved it.\nIf you did not expect this, contact HR and your IT "
            "department immediately."
        )
    return _("Your e-mail address in Hundred will change"), _(
        "HR has entered a new e-mail address for you: %(address)s. It takes effect when a second person "
        "approves it. Until then, no password link is sent.\nIf you did not expect this, contact HR and your "
        "IT department immediately."
    )
