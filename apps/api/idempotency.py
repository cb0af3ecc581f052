"""Idempotent requests: `Idempotency-Key` becomes the key of a submission, so a repeated request has one effect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext as _

from apps.api.problems import Problem
from apps.contacts.drafts import Draft
from apps.contacts.models import Submission
from apps.core.identity import digest
from apps.employees.models import Employee

HEADER = "Idempotency-Key"
KEY_LIMIT = 255


def submission_key(employee: Employee, sent: str | None, drafts: Sequence[Draft]) -> str | None:
    """The submission key for a header's value, or None without one.

    It includes a fingerprint of the content. Otherwise a reused key with other contacts would return the old report and
    silently lose the new ones. Raises Problem for such a reuse, and for an invalid key.
    """
    if sent is None:
        return None
    if not sent.strip() or len(sent) > KEY_LIMIT:
        message = _("A key has from 1 to %(most)s characters.") % {"most": KEY_LIMIT}
        raise Problem(400, "invalid", message, ((HEADER, "invalid_key", message),))
    # Fixed lengths, so that no key is a prefix of another.
    sender = f"api:{hashlib.sha256(sent.strip().encode('utf-8', 'replace')).hexdigest()}:"
    content = json.dumps([draft.as_json() for draft in drafts], ensure_ascii=False)
    key = sender + digest(settings.IDENTITY_KEY, "submission", content).hex()
    others = Submission.objects.filter(employee=employee, key__startswith=sender).exclude(key=key)
    if others.exists():
        message = _("This key was sent before with other contacts: nothing is recorded.")
        raise Problem(422, "idempotency_key_reused", message, ((HEADER, "idempotency_key_reused", message),))
    return key
