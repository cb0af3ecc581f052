"""DingTalk: what each of its answers means. A wrong meaning loses a reminder, repeats it, or stops all others."""

import logging

import pytest

from apps.notifications.channels import dingtalk as channel
from apps.notifications.channels import json_http
from apps.notifications.channels.base import (
    DeliveryError,
    Message,
    PermanentFailure,
    RateLimitFailure,
    TemporaryFailure,
    UncertainFailure,
)
from apps.notifications.channels.chat import configured_product
from tests.notifications.chat_services import DingTalkService, Reply

SEND, RESULT = channel.SEND, channel.RESULT


def message(user: str = "alice-id", text: str = "7 of your contacts count.") -> Message:
    return Message(
        message_id="<1@testserver>", name="Alice", address="a@corp.example.com", subject="s", text=text, html="",
        chat_id=user,
    )  # fmt: skip


def send(*messages: Message) -> None:
    """Send these in one session."""
    product = configured_product()
    assert product is not None
    with product.session() as session:
        for each in messages:
            session.send(each)


def error(*messages: Message) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        send(*messages)
    return raised.value


def test_a_message_arrives_as_a_work_notification_and_its_result_is_asked_for(dingtalk: DingTalkService) -> None:
    send(message())
    assert dingtalk.sent == [("alice-id", "7 of your contacts count.")]
    assert dingtalk.paths() == ["gettoken", "asyncsend_v2", "getsendresult"]
    assert dingtalk.calls[1].body["msg"]["msgtype"] == "text"


def test_a_batch_has_one_connection_and_one_token_for_two_hours(dingtalk: DingTalkService) -> None:
    send(message(), message("alan-id"))
    send(message("bob-id"))
    assert (len(dingtalk.sent), dingtalk.tokens, dingtalk.connections) == (3, 1, 2)


def test_a_token_is_renewed_before_it_expires(dingtalk: DingTalkService) -> None:
    dingtalk.lifetime = channel.RENEW_BEFORE_SECONDS
    send(message())
    assert dingtalk.tokens > 1
    assert len(dingtalk.sent) == 1


def test_an_invalid_token_is_renewed_once_and_the_message_arrives_once(dingtalk: DingTalkService) -> None:
    """Another process, or DingTalk, has replaced the token."""
    send(message())
    dingtalk.tokens += 1
    send(message("alan-id"))
    assert [user for user, _text in dingtalk.sent] == ["alice-id", "alan-id"]
    dingtalk.fail(SEND, *(Reply({"errcode": 42001, "errmsg": "expired"}) for _time in range(2)))
    refused = error(message("bob-id"))
    assert isinstance(refused, TemporaryFailure)
    assert (refused.code, refused.affects_all) == ("42001", True)


@pytest.mark.parametrize("setting", ["DINGTALK_APP_SECRET", "DINGTALK_AGENT_ID"])
def test_a_wrong_secret_or_agent_stops_the_channel_and_no_message_is_lost(
    dingtalk: DingTalkService, settings: object, setting: str
) -> None:
    setattr(settings, setting, "other")
    refused = error(message())
    assert isinstance(refused, TemporaryFailure)
    assert refused.affects_all
    assert refused.code in ("token: 40089", "40056")


@pytest.mark.parametrize(
    "answer",
    [
        {"errcode": 88, "sub_code": "90018", "sub_msg": "您的服务器调用钉钉开放平台所有接口的请求都被暂时禁用了"},
        {"errcode": 90018, "errmsg": "banned"},
        {"errcode": 88, "errmsg": "banned"},
    ],
)
def test_too_many_calls_are_a_pause(dingtalk: DingTalkService, answer: dict[str, object]) -> None:
    dingtalk.fail(SEND, Reply(answer))
    refused = error(message())
    assert isinstance(refused, RateLimitFailure)
    assert refused.seconds == json_http.PAUSE_SECONDS


def test_a_user_who_is_not_in_the_company_is_refused(dingtalk: DingTalkService) -> None:
    refused = error(message("stranger"))
    assert isinstance(refused, PermanentFailure)
    assert refused.code == "result: invalid_user"
    dingtalk.fail(SEND, Reply({"errcode": 33012, "errmsg": "无效的USERID"}))
    assert isinstance(error(message("stranger")), PermanentFailure)


@pytest.mark.parametrize("user", ["", "alice-id,bob-id", "alice id", "x" * 65])
def test_one_account_is_one_user(dingtalk: DingTalkService, user: str) -> None:
    """A comma in the roster would send a person's numbers to a second one."""
    refused = error(message(user))
    assert (type(refused), refused.code) == (PermanentFailure, "no_user_id")
    assert SEND not in [call.path for call in dingtalk.calls]


@pytest.mark.parametrize(
    ("reason", "kind", "code"),
    [
        ("failed_user_id_list", TemporaryFailure, "result: failed"),
        ("forbidden_user_id_list", TemporaryFailure, "result: forbidden"),
        ("143103", RateLimitFailure, "result: 143103"),
        ("143104", RateLimitFailure, "result: 143104"),
        ("143105", TemporaryFailure, "result: 143105"),
        ("1430002", PermanentFailure, "result: 1430002"),
    ],
)
def test_an_accepted_message_that_was_not_delivered_is_no_sent_one(
    dingtalk: DingTalkService, reason: str, kind: type[DeliveryError], code: str
) -> None:
    """DingTalk accepts every message, and says afterwards whom it left out; the others of the batch have theirs."""
    dingtalk.result_lists["alan-id"] = reason
    refused = error(message(), message("alan-id"))
    assert (type(refused), refused.code) == (kind, code)
    assert [user for user, _text in dingtalk.sent] == ["alice-id"]


def test_a_text_that_has_arrived_today_is_not_a_failure(dingtalk: DingTalkService) -> None:
    """DingTalk drops a repeated text: the attempt before has arrived, although its answer was lost."""
    dingtalk.fail(SEND, Reply(hang_up=True), after=True)
    assert isinstance(error(message()), UncertainFailure)
    send(message())
    assert len(dingtalk.sent) == 1


def test_a_result_that_comes_late_is_waited_for_and_one_that_never_comes_counts_as_sent(
    dingtalk: DingTalkService,
) -> None:
    dingtalk.slow_results = 2
    assert error(message("stranger")).code == "result: invalid_user"
    dingtalk.slow_results = 100
    send(message())
    dingtalk.slow_results = 0
    dingtalk.fail(RESULT, Reply(hang_up=True))
    send(message("alan-id"))


def test_a_connection_that_breaks_after_the_message_left_is_uncertain(
    dingtalk: DingTalkService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_http, "TIMEOUT_SECONDS", 0.3)
    for reply in (Reply(silent=True), Reply(hang_up=True), Reply(status=502), Reply(b"<html>")):
        dingtalk.fail(SEND, reply)
        assert isinstance(error(message()), UncertainFailure)


def test_a_service_that_is_away_or_redirects_has_certainly_not_delivered(
    dingtalk: DingTalkService, settings: object
) -> None:
    dingtalk.fail(SEND, Reply(status=302, headers={"Location": f"{dingtalk.url}/elsewhere?"}))
    moved = error(message())
    assert isinstance(moved, TemporaryFailure)
    assert (moved.code, moved.affects_all) == ("http: 302", True)
    assert "elsewhere" not in dingtalk.paths(), "the token went to another address"
    settings.DINGTALK_URL = "http://127.0.0.1:1"  # type: ignore[attr-defined]
    away = error(message())
    assert isinstance(away, TemporaryFailure)
    assert (away.code, away.affects_all) == ("connect: ConnectionRefusedError", True)


def test_no_secret_is_in_an_error_or_a_log(
    dingtalk: DingTalkService, settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        settings.DINGTALK_APP_KEY = "other-key"  # type: ignore[attr-defined]
        wrong = error(message())
        settings.DINGTALK_APP_KEY = dingtalk.key  # type: ignore[attr-defined]
        dingtalk.fail(SEND, Reply({"errcode": f"token-1 {dingtalk.secret}"}), Reply(hang_up=True))
        texts = [wrong.code, error(message()).code, error(message()).code, caplog.text]
    assert texts[1] == "unknown"
    for secret in (dingtalk.secret, "other-key", "token-"):
        assert secret not in "".join(texts)
