"""Notifications as DingTalk work notifications: `asyncsend_v2`, then `getsendresult` (open.dingtalk.com).

DingTalk accepts a message first and names a moment later the users who did not get it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
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
)
from apps.notifications.channels.json_http import PAUSE_SECONDS, JsonConnection, Request, code_of

SEND = "/topapi/message/corpconversation/asyncsend_v2"
RESULT = "/topapi/message/corpconversation/getsendresult"
# One user: a comma would name several.
USER_ID = re.compile(r"[\w.@$+-]{1,64}", re.ASCII)
# A token is renewed so long before it expires.
RENEW_BEFORE_SECONDS = 300
# The waits before the result is asked for. Without a result after the last one, the message counts as sent.
RESULT_WAITS = (0.2, 0.5, 1.0)
INVALID_TOKEN = frozenset({"40014", "42001"})
# Too many calls, of the app or of the address; 88 without a sub-code is a ban of seconds.
RATE_LIMITED = re.compile(r"88|900[01]\d")
UNKNOWN_USER = frozenset({"33012", "40003", "60121"})
# The app's key, rights, addresses or agent id.
OF_THE_APP = frozenset({"40001", "40013", "40056", "40089", "60011", "60020"}) | INVALID_TOKEN
# Reasons in a result. Repeated: the user has received this text today, so an earlier attempt has arrived.
TOO_MANY_A_MINUTE, TOO_MANY_A_DAY = frozenset({"143103", "143104"}), frozenset({"143105"})
REPEATED = frozenset({"143106"})


class AccessToken:
    """The app's access token, in the memory of this process."""

    def __init__(self) -> None:
        self.value, self.renew_at = "", 0.0

    def of(self, connection: JsonConnection) -> str:
        now = time.monotonic()
        if not self.value or now >= self.renew_at:
            query = {"appkey": settings.DINGTALK_APP_KEY, "appsecret": settings.DINGTALK_APP_SECRET}
            answer = connection.send(Request("GET", "/gettoken", query=query))
            if (code := error_code(answer)) != "0":
                raise _limit_of(code) or TemporaryFailure(f"token: {code}", affects_all=True)
            lifetime = answer.get("expires_in")
            self.renew_at = now + (lifetime if isinstance(lifetime, int) else 0) - RENEW_BEFORE_SECONDS
            self.value = str(answer.get("access_token", ""))
        return self.value

    def forget(self) -> None:
        self.value = ""


class DingTalk:
    label: str | Promise = _("DingTalk")
    # 5,000 recipients a minute are allowed. Each message takes two calls or more, of which DingTalk allows some in a
    # second.
    per_second = 10.0
    matches_email = False

    def __init__(self) -> None:
        self.token = AccessToken()

    def is_configured(self) -> bool:
        return bool(settings.DINGTALK_APP_KEY and settings.DINGTALK_APP_SECRET and settings.DINGTALK_AGENT_ID)

    @contextmanager
    def session(self) -> Iterator[DingTalkSession]:
        connection = JsonConnection(settings.DINGTALK_URL)
        try:
            self.token.of(connection)
            yield DingTalkSession(connection, self.token)
        finally:
            connection.close()


class DingTalkSession:
    def __init__(self, connection: JsonConnection, token: AccessToken) -> None:
        self.connection, self.token = connection, token

    def send(self, message: Message) -> None:
        if not USER_ID.fullmatch(message.chat_id):
            raise PermanentFailure("no_user_id")
        text = {"msgtype": "text", "text": {"content": message.text}}
        body = {"agent_id": settings.DINGTALK_AGENT_ID, "userid_list": message.chat_id, "msg": text}
        task_id = self._call(Request("POST", SEND, body=body, delivers=True)).get("task_id")
        self._check_result(task_id, message.chat_id)

    def _check_result(self, task_id: Any, user_id: str) -> None:
        """Raises a DeliveryError when DingTalk did not deliver the accepted message."""
        request = Request("POST", RESULT, body={"agent_id": settings.DINGTALK_AGENT_ID, "task_id": task_id})
        for wait in RESULT_WAITS:
            time.sleep(wait)
            try:
                result = self._call(request).get("send_result")
            except DeliveryError:
                # The message was accepted; only its result is unknown.
                return
            if isinstance(result, dict) and is_delivered(result, user_id):
                return

    def _call(self, request: Request) -> dict[str, Any]:
        """Raises a DeliveryError. An invalid token is renewed once: another process may have replaced it."""
        for is_last in (False, True):
            answer = self.connection.send(replace(request, query={"access_token": self.token.of(self.connection)}))
            code = error_code(answer)
            if code in INVALID_TOKEN and not is_last:
                self.token.forget()
            elif code != "0":
                raise error_of(code)
            else:
                break
        return answer


def error_code(answer: dict[str, Any]) -> str:
    """The code of an answer, `0` without an error: 88 stands for the code in `sub_code`."""
    code = code_of(answer.get("errcode", "unknown"))
    return code_of(answer["sub_code"]) if code == "88" and answer.get("sub_code") else code


def error_of(code: str) -> DeliveryError:
    if code in UNKNOWN_USER:
        return PermanentFailure(code)
    # Of unknown codes too: DingTalk drops a text that a user has received on the same day.
    return _limit_of(code) or TemporaryFailure(code, affects_all=code in OF_THE_APP)


def is_delivered(result: dict[str, Any], user_id: str) -> bool:
    """Whether the result says that the user has the message; False: it says nothing yet. Raises a DeliveryError."""
    for reason in result.get("forbidden_list") or []:
        if isinstance(reason, dict) and reason.get("userid") == user_id:
            return _is_repeated(code_of(reason.get("code")))
    if user_id in _users(result, "forbidden_user_id_list"):
        raise TemporaryFailure("result: forbidden")
    if user_id in _users(result, "invalid_user_id_list"):
        raise PermanentFailure("result: invalid_user")
    if user_id in _users(result, "failed_user_id_list"):
        raise TemporaryFailure("result: failed")
    return user_id in (*_users(result, "read_user_id_list"), *_users(result, "unread_user_id_list"))


def _users(result: dict[str, Any], name: str) -> list[Any]:
    users = result.get(name)
    return users if isinstance(users, list) else []


def _is_repeated(code: str) -> bool:
    """True for a text that the user has already; raises what any other reason means."""
    if code in REPEATED:
        return True
    if code in TOO_MANY_A_MINUTE:
        raise RateLimitFailure(f"result: {code}", seconds=PAUSE_SECONDS)
    if code in TOO_MANY_A_DAY:
        raise TemporaryFailure(f"result: {code}")
    raise PermanentFailure(f"result: {code}")


def _limit_of(code: str) -> RateLimitFailure | None:
    return RateLimitFailure(code, seconds=PAUSE_SECONDS) if RATE_LIMITED.fullmatch(code) else None
