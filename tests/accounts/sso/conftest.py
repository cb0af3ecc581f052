"""Fixtures: a fake OpenID provider, settings that use it, and a browser's sign-in through it."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client

from tests.accounts.sso.forger import CLIENT, SECRET, Forger, serving
from tests.dashboard.strict import StrictClient

BACK = "/login/company/back/"


@pytest.fixture
def client() -> StrictClient:
    return StrictClient()


@pytest.fixture
def forger(settings: Any) -> Iterator[Forger]:
    """A fake provider, configured with the staff number claim."""
    with serving() as provider:
        settings.OIDC_ISSUER, settings.OIDC_NAME = provider.issuer, "Acme"
        settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT, SECRET
        settings.OIDC_STAFF_NO_CLAIM = "staff_no"
        yield provider


def sent(client: Client, wanted: str = "") -> dict[str, str]:
    """The query parameters of the redirect to the provider."""
    answer: Any = client.get("/login/company/", {"next": wanted} if wanted else {})
    assert answer.status_code == 302, answer.content.decode()
    return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}


def back(client: Client, **query: str) -> Any:
    """The response to the browser's return with these parameters."""
    return client.get(f"{BACK}?{urlencode(query)}")


def signed_in_as(client: Client) -> str:
    """The staff number of the signed-in user; an empty text without one."""
    user = client.get("/login/").wsgi_request.user
    return user.employee.staff_no if user.is_authenticated else ""


Trip = Callable[..., Any]


@pytest.fixture
def trip(forger: Forger, client: StrictClient) -> Trip:
    """`trip(sub="s1", staff_no="A001")`: a whole sign-in, with an ID token of these claims."""

    def made(wanted: str = "", browser: Client = client, **claims: Any) -> Any:
        forger.claims = claims
        query = sent(browser, wanted)
        return back(browser, code=forger.code_for(query["nonce"]), state=query["state"])

    return made
