"""The actions of employees and their programs over HTTP: pages with a session, the API with a token."""

from __future__ import annotations

import csv
import http.client
import io
import json
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

from apps.accounts.api_tokens import create_token
from apps.accounts.models import Account
from apps.accounts.services import account_for
from apps.accounts.sessions import SessionStore
from apps.employees.models import Employee
from tests.people import TESTER

CSRF = "c" * 32
PATIENCE = 60.0
SEEN = re.compile(r'name="seen" value="(\d+)"')


class NoAnswer(Exception):
    """The connection was refused or ended before a response: the outcome of the request is unknown."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def redirected_to(self) -> str:
        """The path of the address it sends to."""
        return self.headers["location"].partition("?")[0]

    @property
    def is_ours(self) -> bool:
        """Neither an internal error nor a response with 503 and Retry-After."""
        return self.status < 500

    @property
    def says_when(self) -> bool:
        """503 with the time to come back."""
        return self.status == 503 and bool(self.headers.get("retry-after"))


@dataclass(frozen=True)
class UserClient:
    """One user of the web interface and API."""

    host: str
    staff_no: str
    session: str
    token: str
    patience: float = PATIENCE

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        """One request. Raises NoAnswer."""
        connection = http.client.HTTPConnection(self.host, timeout=self.patience)
        try:
            connection.request(method, path, body or None, {"Host": "localhost", **headers})
            response = connection.getresponse()
            told = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, told, response.read().decode())
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()

    # -- pages

    def _cookies(self) -> dict[str, str]:
        return {"Cookie": f"sessionid={self.session}; csrftoken={CSRF}"}

    def page(self, path: str) -> Answer:
        return self.ask("GET", path, self._cookies())

    def form(self, path: str, **fields: str) -> Answer:
        body = urlencode({"csrfmiddlewaretoken": CSRF, **fields}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, self._cookies() | kind, body)

    def upload(self, text: str) -> Answer:
        """Upload a file for a preview; the response has the address of the preview."""
        edge = uuid.uuid4().hex
        parts = [f'name="csrfmiddlewaretoken"\r\n\r\n{CSRF}']
        parts.append(f'name="file"; filename="guests.csv"\r\nContent-Type: text/csv\r\n\r\n{text}')
        body = "".join(f"--{edge}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + f"--{edge}--\r\n"
        kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
        return self.ask("POST", "/contacts/import/", self._cookies() | kind, body.encode())

    def hand_in(self, text: str) -> Answer:
        """Send a file and confirm it; return the address of its report."""
        looked = self.upload(text)
        return self.confirm(looked) if looked.status == 302 else looked

    def confirm(self, looked: Answer) -> Answer:
        """Confirm an upload after a worker has read it; return the address of its report.

        The 404 of an upload that later ones of the same user have replaced is the answer too.
        """
        path = looked.redirected_to
        page = self._read_page(path)
        seen = SEEN.search(page.text)
        return self.form(path + "confirm/", seen=seen[1]) if seen else page

    def previewed(self, path: str) -> str:
        """The version of a preview, once a worker has made it. Raises NoAnswer."""
        if found := SEEN.search(self._read_page(path).text):
            return found[1]
        raise NoAnswer(f"{path} is gone")

    def _read_page(self, path: str) -> Answer:
        """The page of an upload once a worker has read it, or its 404. Raises NoAnswer."""
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            page = self.page(path)
            if page.status == 404 or SEEN.search(page.text):
                return page
            time.sleep(0.05)
        raise NoAnswer(f"no worker has read {path}")

    # -- the API

    def api(self, method: str, path: str, body: Any = None, key: str = "") -> Answer:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        return self.ask(method, f"/api/v1/{path}", headers, b"" if body is None else json.dumps(body).encode())

    def add(self, key: str = "", **person: str) -> Answer:
        return self.api("POST", "contacts/", person, key)

    def own_csv(self) -> tuple[Answer, dict[str, str]]:
        """The response, and the one row of the own standing."""
        answer = self.page("/exports/my-standing.csv")
        rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))) if answer.status == 200 else []
        return answer, rows[0] if rows else {}


def client_of(host: str, employee: Employee) -> UserClient:
    """The employee signed in, and with a token."""
    account = account_for(employee)
    _made, secret = create_token(account=account, name="faults", scopes=["own"], by=TESTER)
    return UserClient(host, employee.staff_no, _session(account), secret)


def _session(account: Account) -> str:
    store = SessionStore()
    store[SESSION_KEY] = str(account.pk)
    store[BACKEND_SESSION_KEY] = "apps.accounts.backends.EmployeeBackend"
    store[HASH_SESSION_KEY] = account.get_session_auth_hash()
    store.create()
    return str(store.session_key)
