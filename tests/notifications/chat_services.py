"""Chat products on this machine: HTTP servers that follow the published interfaces, limits and errors of DingTalk and
Slack, keep what they receive, and fail as a test asks.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MAX_DINGTALK_BYTES = 2_048


@dataclass
class Call:
    """A request as the server got it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Reply:
    """`hang_up`: no answer, and the connection ends. `silent`: no answer until the test ends."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False
    silent: bool = False


class Service:
    """`calls`: all requests, in order. `failures`: for a path, what its next requests get in the place of an answer.

    `after`: with a failure, whether the service acts on the request before it fails.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.connections = 0
        self.failures: dict[str, deque[Reply]] = {}
        self.after = False
        self.end = Event()
        self.url = ""

    def fail(self, path: str, *replies: Reply, after: bool = False) -> None:
        self.failures.setdefault(path, deque()).extend(replies)
        self.after = after

    def paths(self) -> list[str]:
        return [call.path.rsplit("/", 1)[-1] for call in self.calls]

    def answer(self, call: Call) -> Reply:
        self.calls.append(call)
        waiting = self.failures.get(call.path)
        if not waiting:
            return Reply(self.act(call))
        if self.after:
            self.act(call)
        return waiting.popleft()

    def act(self, call: Call) -> dict[str, Any]:
        raise NotImplementedError


class DingTalkService(Service):
    """`sent`: (user, text) of every message that arrived. `users`: the userids of the company.

    `slow_results`: how many times the result of a message is still empty. `result_lists`: for a user, the list of the
    result, or a code of `forbidden_list`, that says why nothing was delivered.
    """

    key, secret, agent = "the-key", "the-secret", "4711"

    def __init__(self) -> None:
        super().__init__()
        self.users = {"alice-id", "alan-id", "bob-id"}
        self.sent: list[tuple[str, str]] = []
        self.tasks: dict[int, tuple[str, dict[str, Any]]] = {}
        self.slow_results = 0
        self.result_lists: dict[str, str] = {}
        self.tokens, self.lifetime = 0, 7_200

    @property
    def token(self) -> str:
        return f"token-{self.tokens}"

    def act(self, call: Call) -> dict[str, Any]:
        if call.path == "/gettoken":
            if (call.query["appkey"], call.query["appsecret"]) != (self.key, self.secret):
                return {"errcode": 40089, "errmsg": "the-secret is wrong"}
            self.tokens += 1
            return {"errcode": 0, "errmsg": "ok", "access_token": self.token, "expires_in": self.lifetime}
        if call.query.get("access_token") != self.token:
            return {"errcode": 88, "sub_code": "40014", "sub_msg": "不合法的access_token", "errmsg": "ding talk error"}
        if call.path.endswith("/asyncsend_v2"):
            return self._send(call.body)
        return self._result(call.body)

    def _send(self, body: dict[str, Any]) -> dict[str, Any]:
        text, [user] = body["msg"]["text"]["content"], body["userid_list"].split(",")
        if body["agent_id"] != self.agent:
            return {"errcode": 40056, "errmsg": "不合法的agentid"}
        if len(text.encode()) > MAX_DINGTALK_BYTES:
            return {"errcode": 40035, "errmsg": "参数错误"}
        if user not in self.users:
            result: dict[str, Any] = {"invalid_user_id_list": [user]}
        elif (user, text) in self.sent:
            result = self._forbidden(user, "143106")
        elif reason := self.result_lists.get(user):
            result = {reason: [user]} if reason.endswith("_list") else self._forbidden(user, reason)
        else:
            self.sent.append((user, text))
            result = {"unread_user_id_list": [user]}
        self.tasks[len(self.tasks) + 1] = user, result
        return {"errcode": 0, "errmsg": "ok", "task_id": len(self.tasks), "request_id": "r"}

    def _forbidden(self, user: str, code: str) -> dict[str, Any]:
        return {"forbidden_user_id_list": [user], "forbidden_list": [{"code": code, "count": 1, "userid": user}]}

    def _result(self, body: dict[str, Any]) -> dict[str, Any]:
        _user, result = self.tasks[body["task_id"]]
        empty: dict[str, Any] = {
            f"{kind}_user_id_list": [] for kind in ("invalid", "forbidden", "failed", "read", "unread")
        }
        if self.slow_results:
            self.slow_results -= 1
            result = {}
        return {"errcode": 0, "errmsg": "ok", "send_result": empty | result}


class SlackService(Service):
    """`sent`: (member, text) of every message. `members`: ids by e-mail address."""

    token = "xoxb-the-token"  # of the stand-in

    def __init__(self) -> None:
        super().__init__()
        self.members = {"alice@corp.example.com": "U0ALICE", "alan@corp.example.com": "W0ALAN"}
        self.sent: list[tuple[str, str]] = []

    def act(self, call: Call) -> dict[str, Any]:
        if call.headers.get("Authorization") != f"Bearer {self.token}":
            return {"ok": False, "error": "invalid_auth"}
        if call.path == "/users.lookupByEmail":
            member = self.members.get(call.query["email"])
            return {"ok": True, "user": {"id": member}} if member else {"ok": False, "error": "users_not_found"}
        if call.body["channel"] not in self.members.values():
            return {"ok": False, "error": "channel_not_found"}
        self.sent.append((call.body["channel"], call.body["text"]))
        return {"ok": True, "channel": "D1", "ts": "1503435956.000247"}


@contextmanager
def serve(service: Service) -> Iterator[None]:
    """Serve it at `service.url`, over HTTP/1.1 with connections that stay open."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=[0.01])
    thread.start()
    try:
        yield
    finally:
        service.end.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            service.connections += 1
            super().setup()

        def do_GET(self) -> None:
            self.reply()

        def do_POST(self) -> None:
            self.reply()

        def reply(self) -> None:
            address, length = urlsplit(self.path), int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            call = Call(self.command, address.path, dict(parse_qsl(address.query)), dict(self.headers), body)
            reply = service.answer(call)
            if reply.silent:
                service.end.wait(20)
            if reply.silent or reply.hang_up:
                self.close_connection = True
                return
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        log_message: Callable[..., None] = lambda *arguments: None  # of the base class

    return Handler
