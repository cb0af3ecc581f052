"""Fixtures for tests whose messages leave: a mail server, chat products, and a company in whose zone it is noon."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.core.time_zones import midnight
from apps.notifications.channels import CHANNELS, chat
from apps.notifications.channels import dingtalk as dingtalk_channel
from apps.notifications.channels.slack import Slack
from tests.notifications.chat_services import DingTalkService, SlackService, serve
from tests.notifications.smtp import Mailbox, smtp_server

EMAIL: Any = CHANNELS["email"]


@pytest.fixture
def company_in_shanghai(settings: Any) -> Iterator[None]:
    """The people of every test begin at noon there, which is a quiet hour in UTC."""
    settings.TIME_ZONE = "Asia/Shanghai"
    # It remembers days of the zone of other tests; an installation's zone never changes while it runs.
    midnight.cache_clear()
    yield
    midnight.cache_clear()


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    """A real SMTP server that receives this test's mails."""
    EMAIL.refused.clear()
    with smtp_server(settings) as box:
        yield box
    EMAIL.refused.clear()


@pytest.fixture
def dingtalk(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[DingTalkService]:
    """DingTalk on this machine, as the installation's chat product."""
    service = DingTalkService()
    # No waiting for results, which are there at once.
    monkeypatch.setattr(dingtalk_channel, "RESULT_WAITS", (0, 0, 0))
    # A token of another test.
    monkeypatch.setattr(chat, "PRODUCTS", (dingtalk_channel.DingTalk(), Slack()))
    monkeypatch.setattr(dingtalk_channel.DingTalk, "per_second", 1_000.0)
    with serve(service):
        settings.DINGTALK_APP_KEY, settings.DINGTALK_APP_SECRET = service.key, service.secret
        settings.DINGTALK_AGENT_ID, settings.DINGTALK_URL = service.agent, service.url
        yield service


@pytest.fixture
def slack(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlackService]:
    """Slack on this machine, as the installation's chat product."""
    service = SlackService()
    monkeypatch.setattr(Slack, "per_second", 1_000.0)
    with serve(service):
        settings.SLACK_BOT_TOKEN, settings.SLACK_URL = service.token, service.url
        yield service
