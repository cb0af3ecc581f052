"""Slack: what each of its answers means. A wrong meaning loses a reminder, repeats it, or stops all others."""

import logging

import pytest

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
from tests.notifications.chat_services import Reply, SlackService

LOOKUP, POST = "/users.lookupByEmail", "/chat.postMessage"


def message(
    text: str = "7 of your contacts count.", address: str = "alice@corp.example.com", chat_id: str = ""
) -> Message:
    return Message(
        message_id="<1@testserver>", name="Alice", address=address, subject="s", text=text, html="", chat_id=chat_id
    )


def send(*messages: Message) -> None:
    product = configured_product()
    assert product is not None
    with product.session() as session:
        for each in messages:
            session.send(each)


def error(*messages: Message) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        send(*messages)
    return raised.value


def test_a_member_is_found_by_e_mail_and_by_the_roster_without_a_search(slack: SlackService) -> None:
    send(message(), message(chat_id="W0ALAN", address="another@corp.example.com"))
    assert [member for member, _text in slack.sent] == ["U0ALICE", "W0ALAN"]
    assert slack.paths() == ["users.lookupByEmail", "chat.postMessage", "chat.postMessage"]
    assert slack.connections == 1


def test_a_person_without_an_account_is_refused(slack: SlackService) -> None:
    refused = error(message(address="bob@corp.example.com"))
    assert (type(refused), refused.code) == (PermanentFailure, "users_not_found")
    unknown = error(message(chat_id="U0NOBODY"))
    assert (type(unknown), unknown.code) == (PermanentFailure, "channel_not_found")


@pytest.mark.parametrize("chat_id", ["C0GENERAL", "G0GROUP", "#general", "D0DIRECT", "alice-id"])
def test_no_message_goes_to_a_channel(slack: SlackService, chat_id: str) -> None:
    """A channel's id in the roster would show a person's numbers to all its members."""
    refused = error(message(chat_id=chat_id))
    assert (type(refused), refused.code) == (PermanentFailure, "no_member_id")
    assert slack.calls == []


def test_an_answer_that_names_a_channel_as_the_member_is_refused(slack: SlackService) -> None:
    slack.fail(LOOKUP, Reply({"ok": True, "user": {"id": "C0GENERAL"}}), Reply({"ok": True, "user": None}))
    assert [error(message()).code, error(message()).code] == ["no_member_id", "no_member_id"]


def test_nothing_in_a_text_is_a_mention_or_a_disguised_link(slack: SlackService) -> None:
    send(message("<!channel> <https://evil.example|Open your page> R&D"))
    assert slack.sent == [("U0ALICE", "&lt;!channel&gt; &lt;https://evil.example|Open your page&gt; R&amp;D")]
    assert slack.calls[-1].body["unfurl_links"] is False


@pytest.mark.parametrize("path", [LOOKUP, POST])
@pytest.mark.parametrize(("asked", "seconds"), [("30", 30), ("", 60), ("soon", 60), ("0", 1), ("999999", 3_600)])
def test_a_rate_limit_is_a_pause_of_the_time_that_slack_names(
    slack: SlackService, path: str, asked: str, seconds: int
) -> None:
    slack.fail(path, Reply({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": asked} if asked else {}))
    refused = error(message())
    assert isinstance(refused, RateLimitFailure)
    assert refused.seconds == seconds
    assert slack.sent == []


def test_a_rate_limit_with_the_status_of_success_is_a_pause_too(slack: SlackService) -> None:
    slack.fail(POST, Reply({"ok": False, "error": "rate_limited"}))
    assert isinstance(error(message()), RateLimitFailure)


@pytest.mark.parametrize("code", ["invalid_auth", "token_revoked", "missing_scope", "account_inactive"])
def test_an_error_of_the_app_stops_the_channel_and_no_message_is_lost(slack: SlackService, code: str) -> None:
    slack.fail(POST, Reply({"ok": False, "error": code}))
    refused = error(message())
    assert isinstance(refused, TemporaryFailure)
    assert (refused.code, refused.affects_all) == (code, True)


@pytest.mark.parametrize("code", ["user_disabled", "cannot_dm_bot", "msg_too_long", "restricted_action"])
def test_an_error_of_the_recipient_or_the_message_stops_no_other(slack: SlackService, code: str) -> None:
    slack.fail(POST, Reply({"ok": False, "error": code}))
    refused = error(message())
    assert (type(refused), refused.code) == (PermanentFailure, code)


def test_what_may_have_arrived_is_uncertain(slack: SlackService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slack says of an internal or fatal error that a part may have succeeded."""
    monkeypatch.setattr(json_http, "TIMEOUT_SECONDS", 0.3)
    errors = [Reply({"ok": False, "error": code}) for code in ("internal_error", "fatal_error")]
    for reply in (*errors, Reply(silent=True), Reply(hang_up=True), Reply(status=500), Reply(b"[]"), Reply(b"no")):
        slack.fail(POST, reply)
        assert isinstance(error(message()), UncertainFailure)


def test_a_search_that_breaks_has_certainly_not_delivered(slack: SlackService) -> None:
    for reply in (Reply(hang_up=True), Reply(status=503), Reply({"ok": False, "error": "internal_error"})):
        slack.fail(LOOKUP, reply)
        assert isinstance(error(message()), TemporaryFailure)
    assert slack.sent == []


def test_a_redirect_is_not_followed(slack: SlackService) -> None:
    slack.fail(POST, Reply(status=307, headers={"Location": f"{slack.url}/elsewhere"}))
    refused = error(message())
    assert isinstance(refused, TemporaryFailure)
    assert refused.code == "http: 307"
    assert "elsewhere" not in slack.paths(), "the token went to another address"


def test_no_secret_and_no_address_is_in_an_error_or_a_log(
    slack: SlackService, settings: object, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        slack.fail(LOOKUP, Reply({"ok": False, "error": "no alice@corp.example.com"}), Reply(hang_up=True))
        texts = [error(message()).code, error(message()).code]
        settings.SLACK_BOT_TOKEN = "xoxb-line\nbreak"  # type: ignore[attr-defined]
        broken = error(message())
    assert texts[0] == "unknown"
    assert isinstance(broken, TemporaryFailure)
    for secret in ("xoxb", "alice@"):
        assert secret not in "".join([*texts, broken.code, caplog.text])
