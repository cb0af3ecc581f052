"""A search of the own contacts, as the page does it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.test import Client

from apps.dashboard import sought
from apps.employees.models import Employee
from apps.quotas import services


def search(client: Client, q: str, **filters: str) -> Any:
    """The list, after the form above it was sent with this text."""
    return client.post("/contacts/search/", {"q": q, **filters}, follow=True)


def address(reader: Employee, q: str, **filters: str) -> str:
    """Where such a search leads this reader."""
    token = sought.seal(q, reader=reader, at=services.db_now())
    return f"/contacts/?{urlencode({'sought': token, **filters})}"
