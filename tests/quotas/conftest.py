"""What the tests of verdicts share."""

import pytest

from apps.quotas.models import Campaign
from tests.fixtures import Clock
from tests.quotas import brute

SEEDS = [1, 2, 3]


@pytest.fixture(params=SEEDS, ids=[f"seed {seed}" for seed in SEEDS])
def random_company(request: pytest.FixtureRequest, noon: Clock) -> Campaign:
    """November of a random company of sixteen, two of whom are touched and not marked yet."""
    return brute.build(request.param)
