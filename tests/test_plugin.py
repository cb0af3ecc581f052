"""Assumptions of the tests themselves."""

import os

import pytest


@pytest.mark.xdist_group("kept together")
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="all tests run in one process anyway")
def test_tests_of_one_group_run_in_one_worker(request: pytest.FixtureRequest) -> None:
    """Otherwise each worker runs the faults itself: twice five minutes, and twice the load."""
    assert request.node.nodeid.endswith("@kept together")
