"""Clients of the API: a browser's session or a program's token, speaking JSON."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from apps.accounts.api_tokens import create_token
from apps.accounts.models import Scope
from apps.accounts.services import account_for
from apps.employees.models import Employee
from tests import people
from tests.api import described

PROBLEM = "application/problem+json"


class ApiClient(Client):
    """Django's client on `/api/v1/`. Every response must follow the rules of the API."""

    def call(
        self, method: str, address: str, body: Any = None, *, content_type: str = "application/json", **headers: str
    ) -> Any:
        """One request: `body` is sent as JSON, or unchanged when it is bytes; returns the response."""
        path = address if address.startswith(("/", "http")) else f"/api/v1/{address}"
        options: dict[str, Any] = {"content_type": content_type, "headers": headers}
        return self.generic(method, path, body if isinstance(body, bytes) else _json(body), **options)

    def request(self, **request: Any) -> Any:
        response = super().request(**request)
        _check(response, request["PATH_INFO"])
        described.check(request["REQUEST_METHOD"], request["PATH_INFO"], response)
        return response

    def read(self, address: str, status: int = 200) -> Any:
        """GET; returns the parsed body of a response with this status."""
        return self._parsed("GET", address, None, status, {})

    def send(self, address: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        """POST likewise."""
        return self._parsed("POST", address, body, status, headers)

    def change(self, address: str, body: Any = None, status: int = 200) -> Any:
        """PATCH likewise."""
        return self._parsed("PATCH", address, body, status, {})

    def _parsed(self, method: str, address: str, body: Any, status: int, headers: dict[str, str]) -> Any:
        response = self.call(method, address, body, **headers)
        assert response.status_code == status, response.content
        return response.json() if response.content else None


def _json(body: Any) -> bytes:
    return b"" if body is None else json.dumps(body).encode()


def _check(response: HttpResponse, path: str) -> None:
    if path in ("/api/v1/schema/", "/api/v1/docs/"):
        return
    assert "no-store" in response.headers["Cache-Control"], path
    if response.status_code < 400:
        return
    assert response.headers["Content-Type"] == PROBLEM, (path, response.content)
    problem = response.json()  # type: ignore[attr-defined]
    expected = {"type", "title", "status", "detail", "instance"}
    assert expected <= set(problem) <= expected | {"errors", "id"}
    assert problem["status"] == response.status_code
    assert problem["instance"] == path
    assert problem["type"].startswith("urn:hundred:problem:")


Signed = Callable[[Employee], ApiClient]


@pytest.fixture
def anonymous() -> ApiClient:
    """An anonymous client."""
    return ApiClient()


@pytest.fixture
def as_() -> Signed:
    """`as_(alice)`: a client with Alice's session."""

    def signed_in(employee: Employee) -> ApiClient:
        client = ApiClient()
        people.sign_in(client, employee)
        return client

    return signed_in


def with_token(employee: Employee, *scopes: str, name: str = "a script") -> ApiClient:
    """A client with a fresh token of the employee and nothing else."""
    _token, secret = create_token(account=account_for(employee), name=name, scopes=scopes, by=people.TESTER)
    return ApiClient(headers={"authorization": f"Bearer {secret}"})


@pytest.fixture
def program() -> Callable[[Employee], ApiClient]:
    """`program(alice)`: a client with a token for her own standing and contacts."""
    return lambda employee: with_token(employee, Scope.OWN)


@pytest.fixture
def reporter() -> Callable[[Employee], ApiClient]:
    """`reporter(bob)`: a client with a token for reports."""
    return lambda employee: with_token(employee, Scope.REPORTS)


def code_of(problem: dict[str, Any]) -> str:
    """The code in a problem's type."""
    return problem["type"].removeprefix("urn:hundred:problem:")


def fields_of(problem: dict[str, Any]) -> dict[str, str]:
    """The fields of a problem, each with its error code."""
    return {error["field"]: error["code"] for error in problem["errors"]}
