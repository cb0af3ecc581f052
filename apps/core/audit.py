"""The audit trail: who did what to whom, when and from where. Each entry is in the transaction of its action."""

from collections.abc import Iterator, Mapping
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


# Context variables, not thread locals: they also end with the request where a server shares its threads.
_origin: ContextVar[str] = ContextVar("origin", default="system")
_user_agent: ContextVar[str] = ContextVar("browser", default="")


def origin() -> str:
    """The current origin of this process: `page 10.1.2.3`, `api 10.1.2.3`, `command import_roster`, `worker`."""
    return _origin.get()


def user_agent() -> str:
    """The User-Agent of the current request; empty outside requests."""
    return _user_agent.get()


def set_audit_origin(origin_text: str) -> None:
    _origin.set(origin_text)


@contextmanager
def audit_origin(origin_text: str, *, user_agent: str = "") -> Iterator[None]:
    token, agent_token = _origin.set(origin_text), _user_agent.set(user_agent)
    try:
        yield
    finally:
        _origin.reset(token)
        _user_agent.reset(agent_token)


def audit(
    action: str, *, by: Actor, kind: str = "", id: object = "", label: str = "", detail: dict[str, Any] | None = None
) -> None:
    """Append one entry to the audit trail, in the caller's transaction. Never put a contact's identity in it.

    `detail`: the values before and after, where they say more than the action.
    """
    _entry(action, by, kind, id, label, detail or {}).save(force_insert=True)


def audit_each(action: str, *, by: Actor, kind: str, details: Mapping[int, dict[str, Any]]) -> None:
    """Like `audit` for each subject, by its id, in one statement."""
    AuditEntry.objects.bulk_create(_entry(action, by, kind, subject, "", detail) for subject, detail in details.items())


def _entry(action: str, by: Actor, kind: str, id: object, label: str, detail: dict[str, Any]) -> AuditEntry:
    # The database fills in `at` and `transaction`: the entry is dated by the clock of the facts and belongs to the row
    # changes of the same transaction.
    return AuditEntry(
        origin=origin(),
        actor_id=by.id,
        actor_label=by.label,
        action=action,
        subject_kind=kind,
        subject_id=str(id),
        subject_label=label,
        detail=detail,
    )


def audit_once(action: str, *, by: Actor, kind: str = "", id: object = "", label: str = "", within: timedelta) -> None:
    """Like `audit`, unless the same actor did the same from the same origin less than `within` ago: a flood adds
    nothing.

    Two concurrent calls may both write an entry.
    """
    since = ExpressionWrapper(Clock() - Value(within), output_field=DateTimeField())
    # The origin is part of it: the same read from another address is worth an entry of its own.
    same = AuditEntry.objects.filter(
        subject_kind=kind, subject_id=str(id), action=action, actor_id=by.id, origin=origin(), at__gt=since
    )
    if not same.exists():
        audit(action, by=by, kind=kind, id=id, label=label)
