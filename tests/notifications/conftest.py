"""The company of all tests of notifications: in its zone it is noon, and the opening has been notified."""

import pytest

from apps.campaigns.models import Campaign
from apps.core.models import Event


@pytest.fixture(autouse=True)
def _no_quiet_hour(company_in_shanghai: None) -> None:
    """Messages leave when these tests begin."""


@pytest.fixture
def campaign(campaign: Campaign) -> Campaign:
    """November, whose opening has been notified."""
    Event.objects.all().delete()
    return campaign
