"""Erasures that wait for a second person (ADR 75): only the second person sees counts before approving.

The requester never learns how much data there is, because that would reveal whose contact the person is.
"""

from __future__ import annotations

import json
import logging
import uuid
from dataclasses import dataclass
from datetime import datetime

from cryptography.fernet import InvalidToken
from django.db import transaction
from django.utils.translation import gettext as _

from apps.accounts.approvals import ApprovalRefused, hr_accounts, request_approval
from apps.accounts.models import ApprovalRequest
from apps.contacts.models import ErasureSubject
from apps.core.audit import Actor
from apps.core.encryption import fernet_for
from apps.core.identity import Identity
from apps.core.locks import advisory_lock, lock_facts
from apps.privacy import erase_contacts, erasure_subject
from apps.privacy.erase_person import Erased, erase_person, find_person, finish_erasure, forgetting
from apps.privacy.erasure_subject import ErasureRefused
from apps.standings.approvable_changes import CHANGES, ApprovableChange
from apps.standings.campaign_approvals import Waiting, requester_of

logger = logging.getLogger(__name__)
Kind = ApprovalRequest.Kind
PURPOSE = "erasure"


@dataclass(frozen=True)
class Asked:
    """The identities to erase, and how the request came and was checked."""

    identities: tuple[Identity, ...]
    reason: str


def request_erasure(identities: tuple[Identity, ...], *, reason: str, key: uuid.UUID, by: Actor) -> ApprovalRequest:
    """Store an erasure that waits for a second person, without searching for data.

    The same `key` returns the same request. Raises ErasureRefused, ApprovalRefused.
    """
    if known := ApprovalRequest.objects.filter(kind=Kind.ERASURE, subject=str(key)).first():
        return known
    # Compare with the typed identities only: a refusal because of a stored name would reveal that the person is a
    # contact.
    why = erase_contacts.check_reason(reason, forgetting(identities).traces)
    text = json.dumps({"identities": [(one.kind, one.value) for one in identities], "reason": why})
    with transaction.atomic():
        request = request_approval(
            kind=Kind.ERASURE, subject=str(key), label=str(key)[:8], payload={}, effect={}, by=by
        )
        sealed = fernet_for(PURPOSE).encrypt(text.encode()).decode()
        ErasureSubject.objects.create(request_id=request.pk, sealed=sealed)
    return request


def erase_or_request(
    identities: tuple[Identity, ...], *, reason: str, key: uuid.UUID, by: Actor
) -> Erased | ApprovalRequest:
    """The operator's erasure: done at once while no HR account exists, or for one employee's contacts; else a request.

    Raises ErasureRefused, ApprovalRefused.
    """
    if find_person(identities).found.employees > 1 and hr_accounts().exists():
        return request_erasure(identities, reason=reason, key=key, by=by)
    return erase_person(identities, reason=reason, by=by)


def asked_in(request: ApprovalRequest) -> Asked | None:
    """Return the unsealed subject of a request; None once it is decided or done, or when no key can unseal it."""
    subject = ErasureSubject.objects.filter(request_id=request.pk).first()
    if subject is None:
        return None
    try:
        opened = json.loads(fernet_for(PURPOSE).decrypt(subject.sealed.encode()))
    except InvalidToken:
        return None
    return Asked(erasure_subject.identities_of(map(tuple, opened["identities"])), opened["reason"])


def waiting(now: datetime) -> list[Waiting]:
    """Return erasures that wait for a second person, the newest first."""
    found = ApprovalRequest.objects.open(now).filter(kind=Kind.ERASURE).order_by("-requested_at")
    return [Waiting(one, False) for one in found]


def unfinished() -> set[uuid.UUID]:
    """Return the ids of approved erasures that have begun and not ended."""
    return set(ErasureSubject.objects.filter(erasure__isnull=False).values_list("erasure_id", flat=True))


def places_of(request: ApprovalRequest) -> list[tuple[str, object]]:
    """Return (table, id) of texts that will stay and mention the person; for the second person only."""
    asked = asked_in(request)
    return find_person(asked.identities).elsewhere if asked else []


def finish_approved() -> int:
    """Finish approved erasures that a busy writer or a crash interrupted; returns how many were finished."""
    waiting = ErasureSubject.objects.filter(erasure__isnull=False).values_list("request_id", flat=True)
    return sum(_finish(ApprovalRequest.objects.get(pk=request_id)) for request_id in waiting)


def forget_expired_subjects(now: datetime) -> int:
    """Delete the subjects of requests that expired undecided; returns how many there were."""
    expired = ApprovalRequest.objects.filter(kind=Kind.ERASURE, decision=None, expires_at__lte=now)
    count, _by_model = ErasureSubject.objects.filter(request_id__in=expired.values("pk")).delete()
    return count


def _unknown() -> ApprovalRefused:
    return ApprovalRefused("stale", _("Who was to be erased is no longer known: it has to be requested again."))


def _effect(request: ApprovalRequest, now: datetime) -> dict[str, int]:
    asked = asked_in(request)
    if asked is None:
        raise _unknown()
    done = find_person(asked.identities)
    found = {
        "employees": done.found.employees,
        "contacts": done.found.contacts,
        "files": done.found.files,
        "texts": done.found.reports + done.found.names + done.texts + done.names,
        "kept_texts": len(done.elsewhere),
    }
    return {name: count for name, count in found.items() if count}


def _begin(request: ApprovalRequest, by: Actor) -> None:
    asked = asked_in(request)
    if asked is None:
        raise _unknown()
    try:
        erasure = erase_contacts.object_to(
            forgetting(asked.identities), reason=asked.reason, by=requester_of(request), approved_by=by
        )
    except ErasureRefused as refused:
        raise ApprovalRefused(refused.code, refused.message) from refused
    ErasureSubject.objects.filter(request_id=request.pk).update(erasure=erasure)


def _finish(request: ApprovalRequest) -> bool:
    """Run step two, after the commit of the objection. Returns False when the sweep has to try again."""
    with advisory_lock(f"erasure:{request.pk}") as mine:
        subject = ErasureSubject.objects.filter(request_id=request.pk, erasure__isnull=False).first()
        if not mine or subject is None or subject.erasure is None:
            return False
        asked = asked_in(request)
        if asked is None:
            logger.error("erasure %s cannot go on: no SECRET_KEY of the settings opens it", subject.erasure.pk)
            return False
        try:
            finish_erasure(subject.erasure, asked.identities, by=requester_of(request))
        except ErasureRefused as refused:
            logger.warning("erasure %s has to wait: %s", subject.erasure.pk, refused.code)
            return False
        subject.delete()
    return True


def _after(request: ApprovalRequest) -> None:
    _finish(request)


CHANGES[Kind.ERASURE] = ApprovableChange(_effect, _begin, lock_facts, _after)
