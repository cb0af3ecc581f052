"""The audit trail: who did what to whom, when and from where. Each entry is in the transaction of its action."""

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
    """The author of a change: the account's id, or None for a command or the system, and a label that outlives it."""

    id: int | None
    label: str


SYSTEM = Actor(None, "system")


_origin: ContextVar[str] = ContextVar("origin", default="system")
_browser: ContextVar[str] = ContextVar("browser", default="")


def origin() -> str:
    """The current origin of this process: `page 10.1.2.3`, `api 10.1.2.3`, `command import_roster`, `worker`."""
    return _origin.get()


def browser() -> str:
    """The User-Agent of the current request; empty outside requests."""
    return _browser.get()


def set_audit_origin(where: str) -> None:
    """Set the origin of all later actions of this process."""
    _origin.set(where)


@contextmanager
def audit_origin(where: str, *, browser: str = "") -> Iterator[None]:
    """Set the origin of the actions audited in this block."""
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

    `detail`: the values before and after, where they say more than the action.
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
    """Like `audit`, unless the same actor did the same from the same origin less than `within` ago: a flood adds
    nothing.

    Two concurrent calls may both write an entry.
    """
    since = ExpressionWrapper(Clock() - Value(within), output_field=DateTimeField())
    same = AuditEntry.objects.filter(
        subject_kind=kind, subject_id=str(id), action=action, actor_id=by.id, origin=origin(), at__gt=since
    )
    if not same.exists():
        audit(action, by=by, kind=kind, id=id, label=label)
