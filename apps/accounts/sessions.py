"""Sessions of browsers: kept with whose they are, ended one by one, and by themselves when nobody uses them.

Django keeps and reads them; `SESSION_ENGINE` names this module. A session is told apart on pages by a digest of its
key: the key itself opens the session.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from apps.accounts.models import Account, ApiToken, BrowserSession
from apps.core.audit import Actor, audit
from apps.core.querysets import Clock

# Kept in the session at the sign-in: seconds of Unix time, and what the browser calls itself.
BEGAN, AGENT = "began_at", "agent"
AGENT_LIMIT = 300
# A sign-in whose first factor was shown and whose second one is asked for.
WAITING = "waits_for_second_factor"
# A use is written down when the one before is so long ago.
NOTED_EVERY = timedelta(minutes=5)


class SessionStore(DatabaseStore):
    """Django's sessions in the database, which also say whose they are and when they were last used."""

    # When the session that was read had last been used; None for one that was not read.
    seen_at: datetime | None = None

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        return BrowserSession

    def create_model_instance(self, data: dict[str, Any]) -> BrowserSession:
        row = cast(BrowserSession, super().create_model_instance(data))
        # Also of a sign-in that waits for its second factor: it ends with the others.
        row.account_id = data.get(SESSION_KEY) or data.get(WAITING, {}).get("account")
        row.seen_at = timezone.now()
        return row

    def _get_session_from_db(self) -> BrowserSession | None:
        row: BrowserSession | None = super()._get_session_from_db()  # type: ignore[misc]  # not in its stubs
        self.seen_at = row.seen_at if row else None
        return row

    def note_use(self) -> None:
        """Write down that the session is used now, unless that stands there already."""
        now = timezone.now()
        if self.seen_at is not None and now - self.seen_at >= NOTED_EVERY:
            BrowserSession.objects.filter(pk=self.session_key).update(seen_at=now)


@dataclass(frozen=True)
class SignedIn:
    """One browser of an account: `name` in addresses, when it signed in (if it said), and what it calls itself."""

    name: str
    began_at: datetime | None
    seen_at: datetime
    agent: str
    here: bool


def idle_limit(account: Account) -> timedelta:
    """After how long without use a session of this account ends: roles see more, and wait less."""
    if account.roles:
        return timedelta(minutes=settings.SESSION_IDLE_ROLE_MINUTES)
    return timedelta(hours=settings.SESSION_IDLE_HOURS)


def is_idle(account: Account, session: SessionStore) -> bool:
    """Whether the account's session was not used for longer than that, before this request."""
    return session.seen_at is not None and timezone.now() - session.seen_at > idle_limit(account)


def signed_in(account: Account, here: str | None) -> list[SignedIn]:
    """The browsers in which this account is signed in now, this one first; `here` is the key of this one's session."""
    found = [_told(row, data, here) for row, data in _living(account)]
    return sorted(found, key=lambda one: not one.here)


def end_session(*, account: Account, name: str, but: str | None) -> bool:
    """End the one that pages call `name`; False when there is none of this account's, or it is the one with key `but`.

    The browser that asks is signed out by its own button.
    """
    with transaction.atomic():
        keys = [row.pk for row in BrowserSession.objects.of(account).exclude(pk=but) if name_of(row.pk) == name]
        ended = BrowserSession.objects.filter(pk__in=keys).delete()[0] > 0
        if ended:
            _audit("account.session_ended", account, account.actor)
    return ended


def end_sessions(*, account: Account, by: Actor, but: str | None = None) -> int:
    """End every session of the account, except the one with the key `but`; returns how many there were."""
    with transaction.atomic():
        gone = BrowserSession.objects.of(account).exclude(pk=but).delete()[0]
        if gone:
            _audit("account.sessions_ended", account, by, {"sessions": gone})
    return gone


def end_access(*, account: Account, by: Actor, but: str | None = None) -> int:
    """`end_sessions`, and every token of the account; returns how many sessions there were."""
    with transaction.atomic():
        gone = end_sessions(account=account, by=by, but=but)
        tokens = ApiToken.objects.of(account).filter(revoked_at=None).update(revoked_at=Clock())
        if tokens:
            _audit("account.tokens_ended", account, by, {"tokens": tokens})
    return gone


def forget_sessions() -> None:
    """Delete those that are over."""
    SessionStore.clear_expired()


def name_of(key: str) -> str:
    """What a page calls the session with this key. It leads nowhere without its owner."""
    return sha256(key.encode()).hexdigest()[:24]


def _living(account: Account) -> list[tuple[BrowserSession, dict[str, Any]]]:
    """Those that would open a page: not over, not idle, and opened with the password that is set now."""
    now, proof = timezone.now(), account.get_session_auth_hash()
    rows = BrowserSession.objects.of(account).filter(expire_date__gt=now, seen_at__gte=now - idle_limit(account))
    found = [(row, row.get_decoded()) for row in rows]
    return [(row, data) for row, data in found if constant_time_compare(data.get(HASH_SESSION_KEY, ""), proof)]


def _told(row: BrowserSession, data: dict[str, Any], here: str | None) -> SignedIn:
    began = datetime.fromtimestamp(data[BEGAN], UTC) if BEGAN in data else None
    return SignedIn(name_of(row.pk), began, row.seen_at, data.get(AGENT, ""), row.pk == here)


def _audit(action: str, account: Account, by: Actor, detail: dict[str, Any] | None = None) -> None:
    audit(action, by=by, kind="account", id=account.pk, label=str(account), detail=detail or {})
