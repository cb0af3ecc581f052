"""The sign-in against an independent provider implementation in its own process."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from apps.accounts.models import ProviderSubject, Role
from apps.employees.models import Employee
from apps.localstack.processes import die_with_parent
from tests.accounts.sso.conftest import BACK, signed_in_as
from tests.dashboard.strict import StrictClient, words

pytestmark = pytest.mark.django_db

USERS: list[dict[str, Any]] = [
    {"sub": "s1", "staff_no": "A001", "email": "alice@corp.example.com", "groups": ["hundred-hr"]},
    {"sub": "s9", "staff_no": "X999", "email": "eve@elsewhere.example.org"},
]


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """`oidc-provider-mock` at a local address; it requires a nonce."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce"]
    for user in USERS:
        command += ["--user-claims", json.dumps(user)]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent(signal.SIGKILL)
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address, process)
        yield address
    finally:
        process.kill()
        process.wait()


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 30
    while True:
        try:
            requests.get(f"{address}/jwks", timeout=5)
            return
        except requests.ConnectionError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)


@pytest.fixture(autouse=True)
def _configured(issuer: str, settings: Any) -> None:
    settings.OIDC_ISSUER, settings.OIDC_NAME = issuer, "Acme"
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = "hundred", "secret"
    settings.OIDC_STAFF_NO_CLAIM = "staff_no"
    settings.OIDC_GROUPS_CLAIM, settings.OIDC_HR_GROUP = "groups", "hundred-hr"


def comes_by(client: StrictClient, **chosen: str) -> Any:
    """The response to a browser that made this choice on the provider's page."""
    there = client.get("/login/company/?next=/contacts/")["Location"]
    assert "Authorize" in requests.get(there, timeout=10).text
    done = requests.post(there, data=chosen, timeout=10, allow_redirects=False)
    address = urlsplit(done.headers["Location"])
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"http://testserver{BACK}"
    return client.get(f"{BACK}?{address.query}")


def test_somebody_of_the_roster_comes_in_with_the_role_of_their_group(client: StrictClient, alice: Employee) -> None:
    assert comes_by(client, sub="s1")["Location"] == "/contacts/"
    assert signed_in_as(client) == "A001"
    assert Role.objects.get().role == "hr"
    assert ProviderSubject.objects.get().subject == "s1"


def test_somebody_else_does_not(client: StrictClient, alice: Employee) -> None:
    assert "matches no employee on the roster" in words(comes_by(client, sub="s9"))
    assert signed_in_as(client) == ""


def test_a_no_on_its_page_is_no_sign_in(client: StrictClient, alice: Employee) -> None:
    """The provider drops the state on a refusal, so the page only reports that the sign-in failed."""
    assert comes_by(client, action="deny").status_code == 403
    assert signed_in_as(client) == ""


def test_a_code_is_good_for_once(client: StrictClient, alice: Employee) -> None:
    there = client.get("/login/company/")["Location"]
    done = requests.post(there, data={"sub": "s1"}, timeout=10, allow_redirects=False)
    query = {name: values[0] for name, values in parse_qs(urlsplit(done.headers["Location"]).query).items()}
    client.get(BACK, query)
    thief = StrictClient()
    state = parse_qs(urlsplit(thief.get("/login/company/")["Location"]).query)["state"][0]
    assert thief.get(BACK, {"code": query["code"], "state": state}).status_code == 403
    assert signed_in_as(thief) == ""
