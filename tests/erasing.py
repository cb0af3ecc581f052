"""Erases the contacts of a person without the free texts, as tests of contacts need it."""

from apps.contacts.models import Erasure
from apps.core.audit import Actor
from apps.privacy.erase_contacts import ErasurePreview, finish_contact_erasure, refuse_while_recorded, store_objection
from apps.privacy.erasure_subject import ErasureTarget


def erase(target: ErasureTarget, *, reason: str, by: Actor) -> tuple[Erasure, ErasurePreview]:
    refuse_while_recorded(target)
    erasure = store_objection(target, reason=reason, by=by)
    return erasure, finish_contact_erasure(target, erasure=erasure, by=by)
