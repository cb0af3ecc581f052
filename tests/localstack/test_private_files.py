"""Privacy of a running stack: recorded or searched people appear in no access log, no message to Valkey and no process
log, and after an erasure in no dump of the database.
"""

import base64
import json
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
import redis

from apps.backups.pg_tools import find_program
from apps.localstack.paths import BASE_DIR, InstallPaths
from tests.canary import EMAIL, HANDLE, NAME, PHONE, SIGNS, SPELLED, signs_in
from tests.localstack.stack import RunningStack, data_folder, environment, eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]
TYPED_PERSON = f"{SPELLED}\n{EMAIL}\n{HANDLE}\n"
BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}")


def spelled() -> Iterator[bytes]:
    """Every form of the marker texts in a log, a message or a dump: plain, in a URL, in two-byte texts, in hex."""
    for sign in SIGNS:
        for text in (sign, sign.capitalize(), urllib.parse.quote(sign), urllib.parse.quote_plus(sign)):
            yield text.encode()
            for codec in ("utf-8", "utf-16-le", "utf-16-be"):
                yield text.encode(codec)
                yield text.encode(codec).hex().encode()


def shown(content: bytes) -> set[bytes]:
    """The marker texts in some bytes, also inside the base64 of task messages."""
    inner = [base64.b64decode(part[: len(part) // 4 * 4]) for part in BASE64.findall(content)]
    return {sign for sign in spelled() for text in (content, *inner) if sign in text}


class Reader:
    """A user of the demo company, with a session."""

    def __init__(self, address: str, login: str, password: str) -> None:
        self.address, self.jar = address.rstrip("/"), CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.ask("/login/")
        self.form("/login/", username=login, password=password)

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[str, str]:
        """The final address and the response, with redirects followed; a refusal counts as a response."""
        headers_sent = {name.replace("_", "-"): value for name, value in headers.items()}
        address = path if "://" in path else self.address + path
        request = urllib.request.Request(address, data=body, headers=headers_sent)  # noqa: S310  (of the house)
        try:
            answer = self.opener.open(request, timeout=120)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            text = answer.read().decode("utf-8", "replace")
        assert answer.status < 500, (path, text)
        return answer.geturl(), text

    @property
    def csrf(self) -> str:
        return next(cookie.value or "" for cookie in self.jar if cookie.name == "csrftoken")

    def form(self, path: str, **fields: str) -> tuple[str, str]:
        return self.ask(path, urllib.parse.urlencode({"csrfmiddlewaretoken": self.csrf, **fields}).encode())

    def send(self, path: str, body: Any) -> tuple[str, str]:
        return self.ask(path, json.dumps(body).encode(), Content_Type="application/json", X_CSRFToken=self.csrf)

    def submit(self, text: str) -> str:
        """The address of the report on a file that was previewed and confirmed."""
        edge = uuid.uuid4().hex
        parts = [f'name="csrfmiddlewaretoken"\r\n\r\n{self.csrf}']
        parts.append(f'name="file"; filename="{NAME}.csv"\r\nContent-Type: text/csv\r\n\r\n{text}')
        body = "".join(f"--{edge}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + f"--{edge}--\r\n"
        kind = f"multipart/form-data; boundary={edge}"
        looked, _page = self.ask("/contacts/import/", body.encode(), Content_Type=kind)
        path = urllib.parse.urlsplit(looked).path
        eventually(lambda: VERSION_FIELD.search(self.ask(path)[1]))
        version = VERSION_FIELD.search(self.ask(path)[1])
        return self.form(path + "confirm/", seen=version[1] if version else "")[0]


VERSION_FIELD = re.compile(r'name="seen" value="(\d+)"')


class Listener(threading.Thread):
    """Records everything sent to Valkey: task messages, counters, cached values."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__(daemon=True)
        self.client, self.heard = client, list[str]()
        self.start()

    def run(self) -> None:
        # Until the stack ends.
        with suppress(redis.ConnectionError), self.client.monitor() as monitor:
            for message in monitor.listen():
                self.heard.append(message["command"])


def held_by(client: redis.Redis) -> bytes:
    """Every key with its value."""
    readers = {b"string": client.get, b"list": lambda key: client.lrange(key, 0, -1), b"hash": client.hgetall}
    readers |= {b"set": client.smembers, b"zset": lambda key: client.zrange(key, 0, -1, withscores=True)}
    return b"\n".join(key + repr(readers[client.type(key)](key)).encode() for key in client.scan_iter())


class Lived:
    """The traces of a stack in which the marked person was recorded, searched for and erased."""

    def __init__(self, data: Path, valkey: str) -> None:
        self.data = data
        # A Valkey without passwords: the tests cannot listen to the one that Hundred brings.
        environment_of = {"CELERY_BROKER_URL": valkey, "GUNICORN_CMD_ARGS": "--access-logfile -"}
        self.house = RunningStack(data, SWEEP_INTERVAL="5", LOG_LEVEL="DEBUG", **environment_of)
        self.house.wait_until_it_answers()
        self.paths = InstallPaths(data=data.resolve(), log=data.resolve() / "log")
        self.log = self.paths.log / "web.log"
        socket = valkey.removeprefix("redis+socket://")
        self.valkey, self.cache = (redis.Redis(unix_socket_path=socket, db=number) for number in (0, 1))
        # No output is expected for a while.
        self.listener = Listener(redis.Redis(unix_socket_path=socket, socket_timeout=None))

    def command(self, *words: str, typed: str = "") -> str:
        return subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), *words], env=environment(self.data), input=typed, check=True,
            capture_output=True, text=True,
        ).stdout  # fmt: skip

    def submit(self) -> None:
        sign_ins = json.loads(self.command("demo_sign_ins", "--json"))["sign_ins"]
        account = next(account for account in sign_ins if account["role"] == "employee")
        reader = Reader(self.house.address, account["login"], account["password"])
        reader.form("/contacts/add/", name=NAME, reach=SPELLED, key=str(uuid.uuid4()))
        reader.form("/contacts/add/", name="", reach=f"{NAME} {EMAIL}\n{NAME} 12", key=str(uuid.uuid4()))
        report = reader.submit(f"name,handle,phone\n{NAME},{HANDLE},\n{NAME},,12\n")
        eventually(lambda: "rejects.csv" in reader.ask(report)[1])
        for typed in (NAME, PHONE, SPELLED, EMAIL, HANDLE):
            self.found = reader.form("/contacts/search/", q=typed, sort="name")
            assert NAME in self.found[1], "otherwise there was no search"
            self.told = reader.send("/api/v1/contacts/search/", {"q": typed})
            assert NAME in self.told[1]
        reader.ask(self.found[0])
        reader.send("/api/v1/contacts/", {"name": NAME, "email": f"api.{EMAIL}"})
        for path in ("/contacts/export.csv", "/contacts/export.vcf", "/contacts/"):
            assert NAME in reader.ask(path)[1]
        self.reader = reader

    def dump(self) -> bytes:
        """The output of pg_dump for the whole database."""
        address = f"host={self.paths.sockets} port=5432 user=owner dbname=hundred"
        return subprocess.run(
            [str(find_program("pg_dump", 0)), "--dbname", address], check=True, capture_output=True
        ).stdout  # fmt: skip

    def accessed(self) -> bytes:
        return self.log.read_bytes()


@pytest.fixture(scope="module")
def lived(valkey_server: str) -> Iterator[Lived]:
    with data_folder("quiet") as data:
        traces = Lived(data, valkey_server)
        try:
            traces.submit()
            yield traces
        finally:
            with closing(traces.valkey), closing(traces.cache):
                traces.house.stop()


def test_no_access_log_shows_recorded_or_searched_people(lived: Lived) -> None:
    log = eventually(lambda: lived.accessed() if b"/contacts/export.vcf" in lived.accessed() else b"")
    assert b"POST /contacts/search/" in log
    assert b"GET /contacts/ 200" in log
    assert b"POST /api/v1/contacts/search/" in log
    assert shown(log) == set()


def test_valkey_receives_no_personal_data(lived: Lived) -> None:
    eventually(lambda: any("hundred" in message for message in lived.listener.heard), within=30)
    heard = "\n".join(lived.listener.heard).encode()
    assert b"BRPOP" in heard, "otherwise no worker fetched work"
    assert b"LPUSH" in heard, "otherwise no task was enqueued"
    assert shown(heard) == set()
    stored = held_by(lived.valkey) + held_by(lived.cache)
    assert held_by(lived.cache), "otherwise nothing was cached"
    assert shown(stored) == set()


def test_a_dump_shows_people_only_before_their_erasure(lived: Lived) -> None:
    assert {b"Quokka", b"13912344321", b"zanzibar"} <= shown(lived.dump())
    output = lived.command(
        "erase_contact", "--reason", "by letter, passport seen", "--yes", "--json", typed=TYPED_PERSON
    )
    assert signs_in(output) == []
    api = lived.command(
        "erase_contact", "--reason", "by letter, passport seen", "--yes", typed=f"api.{EMAIL}\n"
    )  # fmt: skip
    assert signs_in(api) == []
    assert shown(lived.dump()) == set()
    assert shown(held_by(lived.valkey)) == set()


def test_no_process_log_shows_people(lived: Lived) -> None:
    logs = [path for path in lived.paths.log.rglob("*") if path.is_file()]
    assert {"web.log", "worker.log", "beat.log", "postgres.log"} <= {path.name for path in logs}
    for path in logs:
        assert shown(path.read_bytes()) == set(), path.name


def test_mutants_each_of_these_leaks_would_be_detected(lived: Lived) -> None:
    """The mutants: a person in an address, a task with personal data, a cached value."""
    lived.reader.ask(f"/contacts/{urllib.parse.quote(PHONE)}/")
    assert eventually(lambda: shown(lived.accessed()))
    message = json.dumps({"body": base64.b64encode(json.dumps([[PHONE], {}]).encode()).decode()})
    lived.valkey.set("planted", message, ex=30)
    assert shown(held_by(lived.valkey))
    end = time.monotonic() + 20
    while not shown("\n".join(lived.listener.heard).encode()):
        assert time.monotonic() < end
        time.sleep(0.2)
