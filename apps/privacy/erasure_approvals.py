"""Erasures that wait for a second person (ADR 75): only the second person sees counts before approving.

The requester never learns how much data there is, because that would reveal whose contact the person is.
"""

import json
import logging
import traceback
import uuid
from dataclasses import dataclass
from datetime import datetime

from celery.exceptions import SoftTimeLimitExceeded
from cryptography.fernet import InvalidToken
from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.approvals import hr_accounts, request_approval
from apps.accounts.models import ApprovalRequest
from apps.contacts.models import ErasureSubject
from apps.core.audit import Actor
from apps.core.encryption import fernet_for
from apps.core.errors import Refused
from apps.core.identity import Identity
from apps.core.locks import advisory_lock, is_temporary, lock_facts
from apps.privacy import erase_contacts, erasure_subject
from apps.privacy.erase_person import PersonErasure, count_person_data, erase_person, erasure_target, finish_erasure
from apps.standings.approvable_changes import CHANGES, ApprovableChange
from apps.standings.campaign_approvals import OpenRequest, requester_of

logger = logging.getLogger(__name__)
Kind = ApprovalRequest.Kind
# Part of the key of every stored subject: with another text none could be decrypted.
PURPOSE = "erasure"


@dataclass(frozen=True)
class RequestedErasure:
    """The identities to erase, and how the request came and was checked."""

    identities: tuple[Identity, ...]
    reason: str


def request_erasure(identities: tuple[Identity, ...], *, reason: str, key: uuid.UUID, by: Actor) -> ApprovalRequest:
    """Store an erasure that waits for a second person, without searching for data.

    The same `key` returns the same request. Raises Refused.
    """
    if existing := ApprovalRequest.objects.filter(kind=Kind.ERASURE, subject=str(key)).first():
        return existing
    # Compare with the typed identities only: a refusal because of a stored name would reveal that the person is a
    # contact.
    cleaned_reason = erase_contacts.check_reason(reason, erasure_target(identities).pattern)
    text = json.dumps(
        {"identities": [(identity.kind, identity.value) for identity in identities], "reason": cleaned_reason}
    )
    with transaction.atomic():
        request = request_approval(
            # Neither subject, label nor payload names the person: requests are never deleted, the sealed subject is.
            kind=Kind.ERASURE,
            subject=str(key),
            label=str(key)[:8],
            payload={},
            effect={},
            by=by,
        )
        sealed = fernet_for(PURPOSE).encrypt(text.encode()).decode()
        ErasureSubject.objects.create(request_id=request.pk, sealed=sealed)
    return request


def erase_or_request(
    identities: tuple[Identity, ...], *, reason: str, key: uuid.UUID, by: Actor
) -> PersonErasure | ApprovalRequest:
    """The operator's erasure: done at once while no HR account exists, or for one employee's contacts; else a request.

    Raises Refused.
    """
    if count_person_data(identities).preview.employees > 1 and hr_accounts().exists():
        return request_erasure(identities, reason=reason, key=key, by=by)
    return erase_person(identities, reason=reason, by=by)


def requested_erasure(request: ApprovalRequest) -> RequestedErasure | None:
    """Return the unsealed subject of a request; None once it is decided or done, or when no key can unseal it."""
    subject = ErasureSubject.objects.filter(request_id=request.pk).first()
    if subject is None:
        return None
    try:
        content = json.loads(fernet_for(PURPOSE).decrypt(subject.sealed.encode()))
    except InvalidToken:
        return None
    return RequestedErasure(erasure_subject.identities_of(map(tuple, content["identities"])), content["reason"])


def waiting_erasures(now: datetime, limit: int) -> list[OpenRequest]:
    """Return the newest `limit` erasures that wait for a second person."""
    requests = ApprovalRequest.objects.open(now).filter(kind=Kind.ERASURE).order_by("-requested_at")
    return [OpenRequest(request, False) for request in requests[:limit]]


def unfinished_erasures() -> set[uuid.UUID]:
    """Return the ids of approved erasures that have begun and not ended."""
    return set(ErasureSubject.objects.filter(erasure__isnull=False).values_list("erasure_id", flat=True))


def remaining_mentions(request: ApprovalRequest) -> list[tuple[str, object]]:
    """Return (table, id) of texts that will stay and mention the person; for the second person only."""
    erasure = requested_erasure(request)
    return count_person_data(erasure.identities).kept_mentions if erasure else []


def finish_approved_erasures() -> int:
    """Run step two of the approved erasures; returns how many were finished. The others are tried again later."""
    waiting_erasures = ErasureSubject.objects.filter(erasure__isnull=False).values_list("request_id", flat=True)
    return sum(_try(ApprovalRequest.objects.get(pk=request_id)) for request_id in waiting_erasures)


def delete_expired_subjects(now: datetime) -> int:
    """Delete the subjects of requests that expired undecided; returns how many there were."""
    expired = ApprovalRequest.objects.filter(kind=Kind.ERASURE, decision=None, expires_at__lte=now)
    count, _by_model = ErasureSubject.objects.filter(request_id__in=expired.values("pk")).delete()
    return count


def _required_erasure(request: ApprovalRequest) -> RequestedErasure:
    requested = requested_erasure(request)
    if requested is None:
        message = _("The details of the person are no longer stored. Request the erasure again.")
        raise Refused("stale", message, conflict=True)
    return requested


def _effect(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    erased = count_person_data(_required_erasure(request).identities)
    effect = {
        "employees": erased.preview.employees,
        "contacts": erased.preview.contacts,
        "texts": erased.preview.reports + erased.preview.names + erased.reviews + erased.names,
        "kept_texts": len(erased.kept_mentions),
    }
    return {name: count for name, count in effect.items() if count}


def _begin(request: ApprovalRequest, by: Actor) -> None:
    requested = _required_erasure(request)
    try:
        erasure = erase_contacts.store_objection(
            erasure_target(requested.identities), reason=requested.reason, by=requester_of(request), approved_by=by
        )
    except Refused as refused:
        # The second person typed nothing that could be wrong: no field, and a conflict instead.
        raise Refused(refused.code, refused.message, conflict=True) from refused
    ErasureSubject.objects.filter(request_id=request.pk).update(erasure=erasure)


def _try(request: ApprovalRequest) -> bool:
    try:
        return _finish(request)
    except Exception as error:
        if is_temporary(error) or isinstance(error, SoftTimeLimitExceeded):
            raise
        # The other erasures do not wait for this one. Only the lines of code: the message could name the person.
        lines = "".join(traceback.format_tb(error.__traceback__))
        logger.error("the erasure of request %s failed (%s):\n%s", request.pk, type(error).__name__, lines)
        return False


def _finish(request: ApprovalRequest) -> bool:
    """Run step two, after the commit of the objection. Returns False when the sweep has to try again."""
    # Two sweeps may finish the same erasure at once.
    with advisory_lock(f"erasure:{request.pk}") as acquired:
        subject = ErasureSubject.objects.filter(request_id=request.pk, erasure__isnull=False).first()
        if not acquired or subject is None or subject.erasure is None:
            return False
        requested = requested_erasure(request)
        if requested is None:
            logger.error("erasure %s cannot continue: no SECRET_KEY in the settings decrypts it", subject.erasure.pk)
            return False
        try:
            finish_erasure(subject.erasure, requested.identities, by=requester_of(request))
        except Refused as refused:
            logger.warning("erasure %s has to wait: %s", subject.erasure.pk, refused.code)
            return False
        # The last trace of the identities; only digests in the objection remain.
        subject.delete()
    return True


# The sweep finishes it: reading files takes longer than a page may.
CHANGES[Kind.ERASURE] = ApprovableChange(_effect, _begin, lock_facts)
