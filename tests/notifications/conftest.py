"""A mail server, and the zone of the company in which it is noon."""

from collections.abc import Iterator
from typing import Any

import pytest

from apps.campaigns.models import Campaign
from apps.core.models import Event
from apps.core.time_zones import midnight
from tests.notifications.smtp import Mailbox, smtp_server


@pytest.fixture(autouse=True)
def _company_in_shanghai(settings: Any) -> Iterator[None]:
    """It is noon there when these tests begin; in UTC it would be a quiet hour."""
    settings.TIME_ZONE = "Asia/Shanghai"
    # It remembers days of the zone of other tests; an installation's zone never changes while it runs.
    midnight.cache_clear()
    yield
    midnight.cache_clear()


@pytest.fixture
def campaign(campaign: Campaign) -> Campaign:
    """November, whose opening has been notified."""
    Event.objects.all().delete()
    return campaign


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    """A real SMTP server that receives this test's mails."""
    with smtp_server(settings) as box:
        yield box
