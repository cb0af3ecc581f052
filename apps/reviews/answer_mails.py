"""The mail that says that HR has answered. It goes to the requester alone and contains nothing else."""

from __future__ import annotations

import logging
from smtplib import SMTPException, SMTPRecipientsRefused

from django.core.mail import EmailMessage
from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _

from apps.core.clock import db_now
from apps.core.mail_portions import mail_portion
from apps.core.mailed_names import mailed_name
from apps.core.sql import statement
from apps.reviews.models import Review

logger = logging.getLogger(__name__)
CLAIM = statement("reviews", "answer_mails", "claim")
# The most mails of one call; the rest waits for the next.
# A call stays within the time limit of a task even with a slow mail server.
MAX_MAILS = 200


def send_answer_mails() -> int:
    """Mail every requester with an answer and no mail yet; returns how many mails went out.

    Rows are claimed before and marked after the sending, which holds no open transaction. A killed worker can cause a
    second mail, never a missing one. A refused address does not block the others. When the mail server is down, the
    next call tries again.
    """
    sent = 0
    # One mail at a time: a claim of many would delay all of them when the worker dies.
    for _attempt in mail_portion(MAX_MAILS):
        review = _claim()
        if review is None:
            break
        try:
            answer_mail(review).send()
        except (OSError, SMTPException, ValueError) as error:
            # No address in the log, and so no error text: the log must not show who asked.
            name = type(error).__name__
            logger.warning("the mail about review %s was not accepted (%s): it is sent again later", review.pk, name)
            if isinstance(error, (SMTPRecipientsRefused, ValueError)):  # this address, not the server
                continue
            break
        Review.objects.filter(pk=review.pk).update(notified_at=db_now())
        sent += 1
    return sent


def _claim() -> Review | None:
    with connection.cursor() as cursor:
        cursor.execute(CLAIM)
        claimed = cursor.fetchone()
    return Review.objects.select_related("campaign", "employee").get(pk=claimed[0]) if claimed else None


def answer_mail(review: Review) -> EmailMessage:
    """In both languages, since the reader's language is unknown here. Contains no question, answer or name."""
    subjects, bodies = [], []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            subjects.append(_("HR has answered your review request"))
            bodies.append(
                _(
                    "HR has answered your review request about your standing in %(campaign)s.\nSign in to "
                    "Hundred to read the answer on your page."
                )
                % {"campaign": mailed_name(review.campaign.name)}
            )
    return EmailMessage(subject=" · ".join(subjects), body="\n\n".join([*bodies, ""]), to=[review.employee.email])
