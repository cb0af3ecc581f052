"""Browser sessions with their account: listed and ended one by one, and expired when idle.

Django stores and reads them; `SESSION_ENGINE` names this module. Pages identify a session by a digest of its key,
because the key itself opens the session.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from apps.accounts.access_log import audit_account
from apps.accounts.models import Account, ApiToken, BrowserSession
from apps.core.audit import Actor
from apps.core.querysets import Clock

# Session data written at sign-in: Unix time in seconds, and the User-Agent.
BEGAN_KEY, AGENT_KEY = "began_at", "agent"
MAX_AGENT_CHARS = 300
# Session data of a sign-in that has shown the first factor and waits for the second.
PENDING_SIGN_IN_KEY = "waits_for_second_factor"
# Minimum time between two writes of the last use.
USE_WRITTEN_EVERY = timedelta(minutes=5)


class SessionStore(DatabaseStore):
    """Django's database sessions, extended by account and last use."""

    # Last use before this request; None for a session that was not loaded.
    seen_at: datetime | None = None

    @classmethod
    def get_model_class(cls) -> type[BrowserSession]:
        return BrowserSession

    def create_model_instance(self, data: dict[str, Any]) -> BrowserSession:
        row = cast(BrowserSession, super().create_model_instance(data))
        # Includes a sign-in that waits for its second factor, so it ends with the others.
        row.account_id = data.get(SESSION_KEY) or data.get(PENDING_SIGN_IN_KEY, {}).get("account")
        row.seen_at = timezone.now()
        return row

    def _get_session_from_db(self) -> BrowserSession | None:
        row: BrowserSession | None = super()._get_session_from_db()  # type: ignore[misc]  # missing in the stubs
        self.seen_at = row.seen_at if row else None
        return row

    def record_use(self) -> None:
        """Record a use of the session now, at most once per USE_WRITTEN_EVERY."""
        now = timezone.now()
        if self.seen_at is not None and now - self.seen_at >= USE_WRITTEN_EVERY:
            BrowserSession.objects.filter(pk=self.session_key).update(seen_at=now)


@dataclass(frozen=True)
class Browser:
    """One browser of an account.

    `name` identifies it in URLs, `began_at` is the sign-in if known, `agent` the User-Agent.
    """

    name: str
    began_at: datetime | None
    seen_at: datetime
    agent: str
    here: bool


def idle_limit(account: Account) -> timedelta:
    """Idle time after which a session of this account ends; shorter for roles, which see more."""
    if account.roles:
        return timedelta(minutes=settings.SESSION_IDLE_ROLE_MINUTES)
    return timedelta(hours=settings.SESSION_IDLE_HOURS)


def is_idle(account: Account, session: SessionStore) -> bool:
    """Whether the session was idle for longer than `idle_limit` before this request."""
    return session.seen_at is not None and timezone.now() - session.seen_at > idle_limit(account)


def discard_messages(request: HttpRequest) -> None:
    """Drop the messages that no page has shown. They can name contacts, and the next user of the browser can be another
    person.
    """
    for _message in messages.get_messages(request):
        pass


def signed_in_browsers(account: Account, here: str | None) -> list[Browser]:
    """Browsers in which the account is signed in, the current one first; `here` is the current session's key."""
    browsers = [_browser(row, data, here) for row, data in _active_sessions(account)]
    return sorted(browsers, key=lambda browser: not browser.here)


def end_session(*, account: Account, name: str, but: str | None) -> bool:
    """End the account's session called `name`; False when it does not exist or has the key `but`.

    `but` is the caller's own session, which ends by signing out.
    """
    with transaction.atomic():
        # The digest cannot be looked up by key, so compare it with the account's few sessions.
        keys = [
            row.pk for row in BrowserSession.objects.of(account).exclude(pk=but) if public_session_name(row.pk) == name
        ]
        ended = BrowserSession.objects.filter(pk__in=keys).delete()[0] > 0
        if ended:
            audit_account("session_ended", account)
    return ended


def end_sessions(*, account: Account, by: Actor, but: str | None = None) -> int:
    """End all sessions of the account except the one with key `but`; return how many ended."""
    with transaction.atomic():
        count = BrowserSession.objects.of(account).exclude(pk=but).delete()[0]
        if count:
            audit_account("sessions_ended", account, by=by, sessions=count)
    return count


def end_access(*, account: Account, by: Actor, but: str | None = None) -> int:
    """End all sessions, as `end_sessions`, and revoke all tokens; return how many sessions ended."""
    with transaction.atomic():
        count = end_sessions(account=account, by=by, but=but)
        tokens = ApiToken.objects.of(account).filter(revoked_at=None).update(revoked_at=Clock())
        if tokens:
            audit_account("tokens_ended", account, by=by, tokens=tokens)
    return count


def public_session_name(key: str) -> str:
    """The public name of the session with this key; it grants no access."""
    return sha256(key.encode()).hexdigest()[:24]


def _active_sessions(account: Account) -> list[tuple[BrowserSession, dict[str, Any]]]:
    """Sessions that still open pages: not expired, not idle, and opened with the current password."""
    now, proof = timezone.now(), account.get_session_auth_hash()
    rows = BrowserSession.objects.of(account).filter(expire_date__gt=now, seen_at__gte=now - idle_limit(account))
    sessions = [(row, row.get_decoded()) for row in rows]
    return [(row, data) for row, data in sessions if constant_time_compare(data.get(HASH_SESSION_KEY, ""), proof)]


def _browser(row: BrowserSession, data: dict[str, Any], here: str | None) -> Browser:
    began = datetime.fromtimestamp(data[BEGAN_KEY], UTC) if BEGAN_KEY in data else None
    return Browser(public_session_name(row.pk), began, row.seen_at, data.get(AGENT_KEY, ""), row.pk == here)
