"""The library's own suites: the contract of a storage, and the checks of scim2-tester against the application."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_models import ScimProvider
from scim2_server.testing import ScimStorageContract
from scim2_tester import Status, check_server

from apps.api.scim.schemas import provider
from apps.api.scim.storage import DirectoryStorage
from apps.core.audit import Actor
from apps.employees.models import Employee
from tests import people
from tests.api.scim.conftest import token_of

pytestmark = pytest.mark.django_db


class TestStorage(ScimStorageContract):
    supports_root_search = False

    @pytest.fixture
    def provider(self) -> ScimProvider:
        return provider()

    @pytest.fixture(autouse=True)
    def _tolerance(self, provider: ScimProvider) -> Iterator[None]:
        """Attributes that Hundred does not keep are dropped, as in a request."""
        with provider:
            yield

    @pytest.fixture
    def storage(self) -> DirectoryStorage:
        return DirectoryStorage(provider(), Actor(1, "test"))


@pytest.fixture
def one_connection() -> Iterator[None]:
    """As Django's own client: the end of a request does not close the connection of the test."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def test_each_check_of_the_tester_passes(company: dict[str, Employee], by_scim: None, one_connection: None) -> None:
    secret = token_of(people.with_account(company["H001"], "hr"))
    client: Any = WSGISCIMClient(
        WSGIHandler(), base_url="http://testserver/scim/v2", headers={"Authorization": f"Bearer {secret}"}
    )
    client.discover()
    results = check_server(client)
    passed = (Status.SUCCESS, Status.COMPLIANT, Status.SKIPPED)
    failed = [f"{result.title}: {result.reason}" for result in results if result.status not in passed]
    assert not failed, "\n".join(failed)
    assert len(results) >= 85
