"""A company whose roster the directory maintains, and the directory's client."""

import json
from typing import Any

import pytest
from django.test import Client

from apps.accounts.api_tokens import create_token
from apps.accounts.models import Scope
from apps.accounts.services import account_for
from apps.employees.models import Employee
from apps.roster.directory_sync import apply_directory
from tests import people

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ROSTER = "urn:ietf:params:scim:schemas:extension:hundred:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def token_of(employee: Employee, scope: str = Scope.SCIM) -> str:
    """The secret of a new token with one scope."""
    _token, secret = create_token(
        account=account_for(employee), name="directory", scopes=[scope], by=people.TESTER, second_factor=True
    )
    return secret


class Directory(Client):
    """The directory's client on `/scim/v2/`."""

    def __init__(self, secret: str):
        super().__init__(headers={"authorization": f"Bearer {secret}", "accept": "application/scim+json"})

    def call(self, method: str, path: str, body: Any = None, status: int | None = None, **headers: str) -> Any:
        """The response to one request; with `status`, its parsed body."""
        content = b"" if body is None else json.dumps(body).encode()
        response: Any = self.generic(
            method, f"/scim/v2/{path}", content, content_type="application/scim+json", headers=headers
        )
        if status is None:
            return response
        assert response.status_code == status, response.content
        return response.json() if response.content else None

    def patch_user(self, user_id: str, *operations: dict[str, Any], status: int = 204, **headers: str) -> Any:
        """PATCH a user; returns the user, or the error of another status than 204."""
        body = {"schemas": [PATCH_OP], "Operations": list(operations)}
        answer = self.call("PATCH", f"Users/{user_id}", body, status, **headers)
        return self.call("GET", f"Users/{user_id}", status=200) if status == 204 else answer

    def find(self, filter: str, kind: str = "Users") -> list[Any]:
        """The resources that a filter finds."""
        response: Any = self.get(f"/scim/v2/{kind}", {"filter": filter})
        assert response.status_code == 200, response.content
        found: list[Any] = response.json()["Resources"] if response.json()["totalResults"] else []
        return found

    def provision(self, staff_no: str, **values: Any) -> str:
        """POST a user as Entra does; returns the id."""
        return str(self.call("POST", "Users", entra_user(staff_no, **values), 201)["id"])


def entra_user(
    staff_no: str, *, name: str = "", manager: Any = None, department: str = "Sales", **more: Any
) -> dict[str, Any]:
    """A user as Entra provisions it."""
    extension: dict[str, Any] = {"employeeNumber": staff_no, "department": department}
    if manager is not None:
        extension["manager"] = manager
    address = f"{staff_no.lower()}@corp.example.com"
    return {
        "schemas": [CORE, ENTERPRISE], "externalId": f"entra-{staff_no}", "userName": address, "active": True,
        "displayName": name or f"Name {staff_no}", "name": {"formatted": name or f"Name {staff_no}"},
        "emails": [{"primary": True, "type": "work", "value": address}],
        "meta": {"resourceType": "User"}, ENTERPRISE: extension, **more,
    }  # fmt: skip


@pytest.fixture
def by_scim(settings: Any) -> None:
    settings.ROSTER_SOURCE = "scim"
    # Two people of a small company are more than five of a hundred.
    settings.ROSTER_APPROVAL_SHARE = 1.0


@pytest.fixture
def directory(company: dict[str, Employee], by_scim: None) -> Directory:
    """The client of the directory, with a token of HR."""
    return Directory(token_of(people.with_account(company["H001"], "hr")))


def sync() -> None:
    """What a worker does after each change."""
    assert apply_directory()
