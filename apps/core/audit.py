"""The audit trail: who did what to whom, when, from where. Appended in the transaction of the act itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper, Value

from apps.core.models import AuditEntry
from apps.core.querysets import Clock


@dataclass(frozen=True)
class Actor:
    """Who asks for a change: the account's id, or None for a command or the system, and a label that outlives it."""

    id: int | None
    label: str


SYSTEM = Actor(None, "system")


_origin: ContextVar[str] = ContextVar("origin", default="system")
_browser: ContextVar[str] = ContextVar("browser", default="")


def origin() -> str:
    """From where this process acts just now: `page 10.1.2.3`, `api 10.1.2.3`, `command import_roster`, `worker`."""
    return _origin.get()


def browser() -> str:
    """What the browser that asks says it is (User-Agent); empty outside requests."""
    return _browser.get()


def set_audit_origin(where: str) -> None:
    """From now on everything this process does comes from there."""
    _origin.set(where)


@contextmanager
def audit_origin(where: str, *, browser: str = "") -> Iterator[None]:
    """What is audited in this block came from there."""
    token, browser_token = _origin.set(where), _browser.set(browser)
    try:
        yield
    finally:
        _origin.reset(token)
        _browser.reset(browser_token)


def audit(
    action: str, *, by: Actor, kind: str = "", id: object = "", label: str = "", detail: dict[str, Any] | None = None
) -> None:
    """Append one entry to the audit trail, in the caller's transaction. Never put a contact's identity in it.

    `detail`: what it was before and after, where that says more than the action.
    """
    AuditEntry.objects.create(
        origin=origin(),
        actor_id=by.id,
        actor_label=by.label,
        action=action,
        subject_kind=kind,
        subject_id=str(id),
        subject_label=label,
        detail=detail or {},
    )


def audit_once(action: str, *, by: Actor, kind: str = "", id: object = "", label: str = "", within: timedelta) -> None:
    """`audit`, unless the same was done by the same, from the same place, less than `within` ago: a flood says no more.

    Two at the same moment may both be written.
    """
    since = ExpressionWrapper(Clock() - Value(within), output_field=DateTimeField())
    same = AuditEntry.objects.filter(
        subject_kind=kind, subject_id=str(id), action=action, actor_id=by.id, origin=origin(), at__gt=since
    )
    if not same.exists():
        audit(action, by=by, kind=kind, id=id, label=label)
