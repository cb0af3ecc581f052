"""Idempotent requests: `Idempotency-Key` becomes the key of a submission, so a repeated request has one effect."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext as _

from apps.api.problems import Problem
from apps.contacts.drafts import Draft
from apps.core.identity import digest

HEADER = "Idempotency-Key"
KEY_LIMIT = 255


def submission_key(sent: str | None, drafts: Sequence[Draft]) -> tuple[str | None, str]:
    """The submission key for a header's value and the sender's part of it; None and "" without one.

    It includes a fingerprint of the content. Otherwise a reused key with other contacts would return the old report and
    silently lose the new ones; it is refused (key_reused). Raises Problem for an invalid key.
    """
    if sent is None:
        return None, ""
    sender = sender_key(sent)
    content = json.dumps([draft.as_json() for draft in drafts], ensure_ascii=False)
    return sender + digest(settings.IDENTITY_KEY, "submission", content).hex(), sender


def sender_key(sent: str) -> str:
    """The stored form of a header's value. Raises Problem for an invalid one."""
    # An empty key would make all requests of this employee one.
    if not sent.strip() or len(sent) > KEY_LIMIT:
        message = _("A key must have 1 to %(most)s characters.") % {"most": KEY_LIMIT}
        raise Problem(400, "invalid", message, ((HEADER, "invalid_key", message),))
    # Fixed lengths, so that no key is a prefix of another.
    return f"api:{hashlib.sha256(sent.strip().encode('utf-8', 'replace')).hexdigest()}:"


def key_reused(message: str = "") -> Problem:
    """The answer to a key that was sent before with other content; by default, contacts."""
    message = message or _("This key was already used with other contacts. Nothing was recorded.")
    return Problem(422, "idempotency_key_reused", message, ((HEADER, "idempotency_key_reused", message),))
