"""The mail that says that HR has answered. It goes to whoever asked and to nobody else, and says nothing but that."""

from __future__ import annotations

import logging
from smtplib import SMTPException, SMTPRecipientsRefused

from django.core.mail import EmailMessage
from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _

from apps.core.clock import db_now
from apps.reviews.models import Review

logger = logging.getLogger(__name__)
# A claim is let go of after AGAIN, so that a worker's death costs nobody the mail; after GIVE_UP nobody tries any more.
CLAIM = """
UPDATE reviews_review SET tried_at = hundred_clock() WHERE id = (
    SELECT review.id FROM reviews_review review
    WHERE review.state = 'answered' AND review.told_at IS NULL
      AND review.closed_at > hundred_clock() - interval '7 days'
      AND (review.tried_at IS NULL OR review.tried_at < hundred_clock() - interval '10 minutes')
      AND EXISTS (SELECT 1 FROM employees_employment work WHERE work.employee_id = review.employee_id
                  AND in_force(work.starts_at, work.ends_at, hundred_clock()))
    ORDER BY review.closed_at LIMIT 1 FOR NO KEY UPDATE OF review SKIP LOCKED)
RETURNING id
"""
# What one call sends at most: the rest waits for the next.
AT_MOST = 200


def send_answer_mails() -> int:
    """Mail everybody who asked, is answered and was not told yet; returns how many mails went out.

    Claimed before, marked after, and sent with no transaction open: a killed worker can cost a second mail, never the
    only one. An address that is refused keeps no other back; when the mail server is away, the next call tries again.
    """
    sent = 0
    for _attempt in range(AT_MOST):
        review = _claim()
        if review is None:
            break
        try:
            answer_mail(review).send()
        except (OSError, SMTPException, ValueError) as error:
            # Never an address in the log, and so not the error's own words: who asked is nobody's business there.
            name = type(error).__name__
            logger.warning("the mail about review %s was not taken (%s): it is tried again", review.pk, name)
            if isinstance(error, (SMTPRecipientsRefused, ValueError)):  # this address, not the server
                continue
            break
        Review.objects.filter(pk=review.pk).update(told_at=db_now())
        sent += 1
    return sent


def _claim() -> Review | None:
    with connection.cursor() as cursor:
        cursor.execute(CLAIM)
        claimed = cursor.fetchone()
    return Review.objects.select_related("campaign", "employee").get(pk=claimed[0]) if claimed else None


def answer_mail(review: Review) -> EmailMessage:
    """In both languages, since nobody's is known here. Neither the question, nor the answer, nor anybody's name."""
    subjects, bodies = [], []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            subjects.append(_("HR has answered your review"))
            bodies.append(
                _(
                    "HR has answered your question about your standing in %(campaign)s.\n"
                    "Sign in to Hundred to read the answer: it stands under your number."
                )
                % {"campaign": review.campaign.name}
            )
    return EmailMessage(subject=" · ".join(subjects), body="\n\n".join([*bodies, ""]), to=[review.employee.email])
