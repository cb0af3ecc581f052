"""JSON over HTTPS for chat products: one connection for a batch, no redirects, and what a broken request means.

No error holds an address or an answer's text: a product may want its secret in the address, and answers name people.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from apps.notifications.channels.base import RateLimitFailure, TemporaryFailure, UncertainFailure

TIMEOUT_SECONDS = 10
MAX_ANSWER_BYTES = 1_000_000
# The pause after a refusal for too many requests that names no time, and the longest that a service may ask for.
PAUSE_SECONDS, MAX_PAUSE_SECONDS = 60, 3_600
TOO_MANY_REQUESTS, SERVER_ERROR = 429, 500


@dataclass(frozen=True)
class Request:
    """`delivers`: the service may deliver a message when it gets this request, so a broken one is not just repeated."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delivers: bool = False


class JsonConnection:
    """A connection to the service at `base_url`, opened with the first request."""

    def __init__(self, base_url: str) -> None:
        address = urlsplit(base_url)
        self.base_path = address.path.rstrip("/")
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        self.connection = kind(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)

    def close(self) -> None:
        self.connection.close()

    def send(self, request: Request) -> dict[str, Any]:
        """The JSON object of an answer with status 200. Raises TemporaryFailure or UncertainFailure."""
        self._connect()
        target = self.base_path + request.path + (f"?{urlencode(request.query)}" if request.query else "")
        headers = {"Content-Type": "application/json; charset=utf-8", "Accept": "application/json", **request.headers}
        body = None if request.body is None else json.dumps(request.body).encode()
        try:
            self.connection.request(request.method, target, body, headers)
            response = self.connection.getresponse()
            text = response.read(MAX_ANSWER_BYTES)
        except ValueError:
            # A secret that no header can carry: nothing was sent.
            self.close()
            raise TemporaryFailure("request: ValueError", affects_all=True) from None
        except (OSError, HTTPException) as error:
            self.close()
            raise _broken(request, type(error).__name__) from None
        if not response.isclosed():
            # The rest of a longer answer would be read as the next one.
            self.close()
        _raise_for_status(request, response)
        return _object(request, text)

    def _connect(self) -> None:
        if self.connection.sock is not None:
            return
        try:
            self.connection.connect()
        except OSError as error:
            self.close()
            raise TemporaryFailure(f"connect: {type(error).__name__}", affects_all=True) from None


def code_of(value: object) -> str:
    """An error code of a service as it may be stored: a short word or number, `unknown` for anything else."""
    code = str(value)
    return (
        code if code.isascii() and code.replace("_", "").replace("-", "").isalnum() and len(code) <= 60 else "unknown"
    )


def _broken(request: Request, why: str) -> TemporaryFailure | UncertainFailure:
    return (
        UncertainFailure(f"answer: {why}") if request.delivers else TemporaryFailure(f"answer: {why}", affects_all=True)
    )


def _raise_for_status(request: Request, response: HTTPResponse) -> None:
    status = response.status
    if status == TOO_MANY_REQUESTS:
        asked = response.headers.get("Retry-After", "")
        seconds = int(asked) if asked.isascii() and asked.isdigit() else PAUSE_SECONDS
        raise RateLimitFailure(f"http: {status}", seconds=min(max(seconds, 1), MAX_PAUSE_SECONDS))
    if status >= SERVER_ERROR:
        raise _broken(request, str(status))
    # A redirect too: the secret goes to the configured address alone.
    if status != 200:
        raise TemporaryFailure(f"http: {status}", affects_all=True)


def _object(request: Request, text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise _broken(request, "no JSON")
    return value
