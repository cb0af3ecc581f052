"""A search of the own contacts, as the page does it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.test import Client

from apps.core import clock
from apps.dashboard import encrypted_search
from apps.employees.models import Employee


def search(client: Client, q: str, **filters: str) -> Any:
    """The list after the search form was sent with this text."""
    return client.post("/contacts/search/", {"q": q, **filters}, follow=True)


def address(reader: Employee, q: str, **filters: str) -> str:
    """The address of such a search for this user."""
    token = encrypted_search.encrypt_search(q, reader=reader, at=clock.db_now())
    return f"/contacts/?{urlencode({'sought': token, **filters})}"
