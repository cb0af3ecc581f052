"""Clients for the people of every test: a strict client each, signed in."""

from collections.abc import Callable

import pytest

from apps.employees.models import Employee
from tests import people
from tests.dashboard.strict import StrictClient

SignIn = Callable[[Employee], StrictClient]


@pytest.fixture
def client() -> StrictClient:
    """An anonymous client."""
    return StrictClient()


@pytest.fixture
def as_() -> SignIn:
    """`as_(alice).get("/")`."""

    def signed_in(employee: Employee) -> StrictClient:
        fresh = StrictClient()
        people.sign_in(fresh, employee)
        return fresh

    return signed_in
