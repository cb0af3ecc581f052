"""P1 of a running house: whom somebody hands in or searches for is in no access log, in nothing that Valkey is told, in
no log of its processes, and after an erasure in no dump of its database.
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

from apps.backups.pg_tools import fitting
from apps.localstack.paths import BASE_DIR, InstallPaths
from tests.canary import EMAIL, HANDLE, NAME, PHONE, SIGNS, SPELLED, signs_in
from tests.localstack.stack import House, data_folder, environment, eventually

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]
TOLD = f"{SPELLED}\n{EMAIL}\n{HANDLE}\n"
BASE64 = re.compile(rb"[A-Za-z0-9+/]{16,}")


def spelled() -> Iterator[bytes]:
    """Every sign as it may stand in a log, a message or a dump: plain, in an address, in two-byte texts, in hex."""
    for sign in SIGNS:
        for text in (sign, sign.capitalize(), urllib.parse.quote(sign), urllib.parse.quote_plus(sign)):
            yield text.encode()
            for codec in ("utf-8", "utf-16-le", "utf-16-be"):
                yield text.encode(codec)
                yield text.encode(codec).hex().encode()


def shown(content: bytes) -> set[bytes]:
    """The signs that bytes show, also inside the base64 that task messages are sent in."""
    inner = [base64.b64decode(part[: len(part) // 4 * 4]) for part in BASE64.findall(content)]
    return {sign for sign in spelled() for text in (content, *inner) if sign in text}


class Reader:
    """Somebody of the demo company, with a session."""

    def __init__(self, address: str, login: str, password: str) -> None:
        self.address, self.jar = address.rstrip("/"), CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.ask("/login/")
        self.form("/login/", username=login, password=password)

    def ask(self, path: str, body: bytes | None = None, **headers: str) -> tuple[str, str]:
        """Where it ended and what came back, redirects followed; a refusal is an answer."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        address = path if "://" in path else self.address + path
        request = urllib.request.Request(address, data=body, headers=told)  # noqa: S310  (of the house)
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

    def hand_in(self, text: str) -> str:
        """The address of the report of a file that was looked at and confirmed."""
        edge = uuid.uuid4().hex
        parts = [f'name="csrfmiddlewaretoken"\r\n\r\n{self.csrf}']
        parts.append(f'name="file"; filename="{NAME}.csv"\r\nContent-Type: text/csv\r\n\r\n{text}')
        body = "".join(f"--{edge}\r\nContent-Disposition: form-data; {part}\r\n" for part in parts) + f"--{edge}--\r\n"
        kind = f"multipart/form-data; boundary={edge}"
        looked, _page = self.ask("/contacts/import/", body.encode(), Content_Type=kind)
        path = urllib.parse.urlsplit(looked).path
        eventually(lambda: SEEN.search(self.ask(path)[1]))
        version = SEEN.search(self.ask(path)[1])
        return self.form(path + "confirm/", seen=version[1] if version else "")[0]


SEEN = re.compile(r'name="seen" value="(\d+)"')


class Listener(threading.Thread):
    """Writes down everything Valkey is told: messages of tasks, counters, whatever is cached."""

    def __init__(self, client: redis.Redis) -> None:
        super().__init__(daemon=True)
        self.client, self.heard = client, list[str]()
        self.start()

    def run(self) -> None:
        # Until the house ends.
        with suppress(redis.ConnectionError), self.client.monitor() as monitor:
            for one in monitor.listen():
                self.heard.append(one["command"])


def held_by(client: redis.Redis) -> bytes:
    """Every key with its value."""
    readers = {b"string": client.get, b"list": lambda key: client.lrange(key, 0, -1), b"hash": client.hgetall}
    readers |= {b"set": client.smembers, b"zset": lambda key: client.zrange(key, 0, -1, withscores=True)}
    return b"\n".join(key + repr(readers[client.type(key)](key)).encode() for key in client.scan_iter())


class Lived:
    """What is left of a house in which the canary was handed in, searched for and erased."""

    def __init__(self, data: Path, valkey: str) -> None:
        self.data = data
        # A Valkey that answers everybody: nobody may listen to the one that the house brings.
        told = {"CELERY_BROKER_URL": valkey, "GUNICORN_CMD_ARGS": "--access-logfile -"}
        self.house = House(data, SWEEP_INTERVAL="5", LOG_LEVEL="DEBUG", **told)
        self.house.wait_until_it_answers()
        self.places = InstallPaths(data=data.resolve(), log=data.resolve() / "log")
        self.log = self.places.log / "web.log"
        socket = valkey.removeprefix("redis+socket://")
        self.valkey, self.cache = (redis.Redis(unix_socket_path=socket, db=number) for number in (0, 1))
        # Nothing may be said for a while.
        self.listener = Listener(redis.Redis(unix_socket_path=socket, socket_timeout=None))

    def command(self, *words: str, told: str = "") -> str:
        return subprocess.run(
            [sys.executable, str(BASE_DIR / "manage.py"), *words], env=environment(self.data), input=told, check=True,
            capture_output=True, text=True,
        ).stdout  # fmt: skip

    def hand_in(self) -> None:
        sign_ins = json.loads(self.command("demo_sign_ins", "--json"))["sign_ins"]
        who = next(one for one in sign_ins if one["role"] == "employee")
        reader = Reader(self.house.address, who["login"], who["password"])
        reader.form("/contacts/add/", name=NAME, reach=SPELLED, key=str(uuid.uuid4()))
        reader.form("/contacts/add/", name="", reach=f"{NAME} {EMAIL}\n{NAME} 12", key=str(uuid.uuid4()))
        report = reader.hand_in(f"name,handle,phone\n{NAME},{HANDLE},\n{NAME},,12\n")
        eventually(lambda: "rejects.csv" in reader.ask(report)[1])
        for typed in (NAME, PHONE, SPELLED, EMAIL, HANDLE):
            self.found = reader.form("/contacts/search/", q=typed, sort="name")
            assert NAME in self.found[1], "else nobody was searched for"
            self.told = reader.send("/api/v1/contacts/search/", {"q": typed})
            assert NAME in self.told[1]
        reader.ask(self.found[0])
        reader.send("/api/v1/contacts/", {"name": NAME, "email": f"api.{EMAIL}"})
        for path in ("/contacts/export.csv", "/contacts/export.vcf", "/contacts/"):
            assert NAME in reader.ask(path)[1]
        self.reader = reader

    def dump(self) -> bytes:
        """What PostgreSQL's own program writes of the whole database."""
        address = f"host={self.places.sockets} port=5432 user=owner dbname=hundred"
        return subprocess.run(
            [str(fitting("pg_dump", 0)), "--dbname", address], check=True, capture_output=True
        ).stdout  # fmt: skip

    def accessed(self) -> bytes:
        return self.log.read_bytes()


@pytest.fixture(scope="module")
def lived(valkey_server: str) -> Iterator[Lived]:
    with data_folder("quiet") as data:
        one = Lived(data, valkey_server)
        try:
            one.hand_in()
            yield one
        finally:
            with closing(one.valkey), closing(one.cache):
                one.house.stop()


def test_no_access_log_shows_who_was_handed_in_or_searched_for(lived: Lived) -> None:
    log = eventually(lambda: lived.accessed() if b"/contacts/export.vcf" in lived.accessed() else b"")
    assert b"POST /contacts/search/" in log
    assert b"GET /contacts/?sought=" in log
    assert b"POST /api/v1/contacts/search/" in log
    assert shown(log) == set()


def test_valkey_is_told_of_nobody(lived: Lived) -> None:
    eventually(lambda: any("hundred" in one for one in lived.listener.heard), within=30)
    heard = "\n".join(lived.listener.heard).encode()
    assert b"BRPOP" in heard, "else no worker asked for work"
    assert b"LPUSH" in heard, "else no doorbell rang"
    assert shown(heard) == set()
    held = held_by(lived.valkey) + held_by(lived.cache)
    assert held_by(lived.cache), "else nothing was kept"
    assert shown(held) == set()


def test_a_dump_shows_them_before_they_are_erased_and_nothing_afterwards(lived: Lived) -> None:
    assert {b"Quokka", b"13912344321", b"zanzibar"} <= shown(lived.dump())
    told = lived.command("erase_contact", "--reason", "by letter, passport seen", "--yes", "--json", told=TOLD)
    assert signs_in(told) == []
    api = lived.command(
        "erase_contact", "--reason", "by letter, passport seen", "--yes", told=f"api.{EMAIL}\n"
    )  # fmt: skip
    assert signs_in(api) == []
    assert shown(lived.dump()) == set()
    assert shown(held_by(lived.valkey)) == set()


def test_no_process_of_the_house_has_said_who(lived: Lived) -> None:
    logs = [path for path in lived.places.log.rglob("*") if path.is_file()]
    assert {"web.log", "worker.log", "beat.log", "postgres.log"} <= {path.name for path in logs}
    for path in logs:
        assert shown(path.read_bytes()) == set(), path.name


def test_each_of_these_would_be_seen(lived: Lived) -> None:
    """The mutants: the search as it was, a task that carries its person, a value that is cached."""
    lived.reader.ask(f"/contacts/?q={urllib.parse.quote(PHONE)}")
    assert eventually(lambda: shown(lived.accessed()))
    message = json.dumps({"body": base64.b64encode(json.dumps([[PHONE], {}]).encode()).decode()})
    lived.valkey.set("planted", message, ex=30)
    assert shown(held_by(lived.valkey))
    end = time.monotonic() + 20
    while not shown("\n".join(lived.listener.heard).encode()):
        assert time.monotonic() < end
        time.sleep(0.2)
