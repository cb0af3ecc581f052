"""Notifications as direct messages in Slack: `users.lookupByEmail`, `chat.postMessage` (docs.slack.dev/reference)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.notifications.channels.base import (
    DeliveryError,
    Message,
    PermanentFailure,
    RateLimitFailure,
    TemporaryFailure,
    UncertainFailure,
)
from apps.notifications.channels.json_http import PAUSE_SECONDS, JsonConnection, Request, code_of

# A member. An id that begins with C or G is that of a channel, where others would read the message.
MEMBER_ID = re.compile(r"[UW][A-Z0-9]{2,30}", re.ASCII)
RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})
# Slack says of these that a part of the request may have succeeded.
UNCERTAIN = frozenset({"internal_error", "fatal_error"})
TEMPORARY = frozenset({"service_unavailable", "request_timeout", "team_added_to_org"}) | UNCERTAIN
# Errors of the app, the token or the workspace; all others concern the recipient or the message.
OF_THE_APP = frozenset({
    "access_denied", "account_inactive", "accesslimited", "ekm_access_denied", "enterprise_is_restricted",
    "invalid_auth", "messages_tab_disabled", "missing_scope", "no_permission", "not_allowed_token_type", "not_authed",
    "org_login_required", "token_expired", "token_revoked", "two_factor_setup_required",
})  # fmt: skip


class Slack:
    label: str | Promise = _("Slack")
    # Slack allows one message a second in a channel, which each recipient has, and "several hundred" a minute in all.
    per_second = 3.0
    matches_email = True

    def is_configured(self) -> bool:
        return bool(settings.SLACK_BOT_TOKEN)

    @contextmanager
    def session(self) -> Iterator[SlackSession]:
        connection = JsonConnection(settings.SLACK_URL)
        try:
            yield SlackSession(connection)
        finally:
            connection.close()


class SlackSession:
    def __init__(self, connection: JsonConnection) -> None:
        self.connection = connection

    def send(self, message: Message) -> None:
        post = {
            "channel": self._member_id(message), "text": escape(message.text), "mrkdwn": False,
            "unfurl_links": False, "unfurl_media": False,
        }  # fmt: skip
        self._call(Request("POST", "/chat.postMessage", body=post, delivers=True))

    def _member_id(self, message: Message) -> str:
        """The recipient's id in the roster, or that of the member with the same e-mail address."""
        if message.chat_id:
            if not MEMBER_ID.fullmatch(message.chat_id):
                raise PermanentFailure("no_member_id")
            return message.chat_id
        query = {"email": message.address}
        user = self._call(Request("GET", "/users.lookupByEmail", query=query)).get("user")
        member_id = str(user.get("id")) if isinstance(user, dict) else ""
        if not MEMBER_ID.fullmatch(member_id):
            raise PermanentFailure("no_member_id")
        return member_id

    def _call(self, request: Request) -> dict[str, Any]:
        request.headers["Authorization"] = f"Bearer {settings.SLACK_BOT_TOKEN}"
        answer = self.connection.send(request)
        if answer.get("ok") is not True:
            raise error_of(code_of(answer.get("error")), delivers=request.delivers)
        return answer


def error_of(code: str, *, delivers: bool) -> DeliveryError:
    """What an answer with `ok: false` means."""
    if code in RATE_LIMITED:
        return RateLimitFailure(code, seconds=PAUSE_SECONDS)
    if code in UNCERTAIN and delivers:
        return UncertainFailure(code)
    if code in TEMPORARY:
        return TemporaryFailure(code)
    return TemporaryFailure(code, affects_all=True) if code in OF_THE_APP else PermanentFailure(code)


def escape(text: str) -> str:
    """Text in which nothing is a mention or a link with another label (docs.slack.dev, Formatting message text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
