"""What the tests themselves rely on."""

import os

import pytest


@pytest.mark.xdist_group("kept together")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="all tests run in one process anyway")
def test_tests_of_a_group_stay_with_one_worker(request: pytest.FixtureRequest) -> None:
    """Else each worker makes its own run of the faults: twice five minutes, and twice the load."""
    assert request.node.nodeid.endswith("@kept together")
