"""A broker in hostile hands (T2): a writer to it can only request work that is due."""

import base64
import json
import os
import random
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import redis
from kombu.transport.virtual import Message

from apps.accounts.services import account_for
from apps.campaigns.models import Campaign
from apps.core.brokers import QUEUE
from apps.core.task_messages import ARGUMENT_CHECKS, MESSAGE_ERRORS, sanitise_message
from apps.employees.models import Employee
from apps.localstack.paths import BASE_DIR
from apps.standings.models import Standing
from config.celery import app
from tests import hostile, people, plugin
from tests.hostile import FOREIGN, entry, signature
from tests.localstack.stack import eventually

SEED = int(os.environ.get("FUZZ_SEED") or 20261130)
CASES = int(os.environ.get("FUZZ_CASES") or 150)
MARK = "apps.operations.tasks.mark_touched"
MAIL = "apps.operations.tasks.mail_link"
EXPORT = "apps.operations.tasks.make_export"


class Channel:
    def decode_body(self, body: str, encoding: str) -> bytes:
        return base64.b64decode(body)


def received(raw: dict[str, Any]) -> Message:
    app.loader.import_default_modules()
    return Message(raw, channel=Channel())


def test_every_task_declares_its_parameter_types() -> None:
    """A task with parameters that no check covers could receive anything."""
    app.loader.import_default_modules()
    ours = {name: task for name, task in app.tasks.items() if name.startswith("apps.")}
    assert MAIL in ours
    for task in ours.values():
        hints = {name: kind for name, kind in get_type_hints(task.run).items() if name != "return"}
        assert set(hints.values()) <= set(ARGUMENT_CHECKS), task.name


def test_the_applications_own_messages_are_accepted() -> None:
    app.loader.import_default_modules()
    task_id = str(uuid.uuid4())
    sent = app.amqp.as_task_v2(task_id, MAIL, (1, 2, "zh-hans"), {}, expires=60.0)
    message = received(entry(MAIL, body=json.dumps(sent.body).encode()) | {"headers": sent.headers})
    sanitise_message(message, app.tasks)
    assert (message.headers["task"], message.headers["id"]) == (MAIL, task_id)
    assert message.headers["expires"] == sent.headers["expires"]
    assert json.loads(message.body)[:2] == [[1, 2, "zh-hans"], {}]


REFUSED = [
    *(entry(name) for name in hostile.NOT_OURS),
    entry(["apps.operations.tasks.mark_touched"]),
    entry({}),
    entry(None),
    entry(MARK, named={"anything": 1}),
    entry(MARK, [1]),
    entry(MAIL, [1, 2]),
    entry(MAIL, [1, 2, FOREIGN * 5]),
    entry(MAIL, [1, 2, "en\nBcc: mallory@evil.example"]),
    entry(MAIL, [1, 2, "en", FOREIGN]),
    entry(MAIL, ["1", 2, "en"]),
    entry(MAIL, [True, 2, "en"]),
    entry(MAIL, [1.0, 2, "en"]),
    entry(MAIL, [2**63, 2, "en"]),
    entry(MAIL, [-1, 2, "en"]),
    entry(EXPORT, ["../../etc/passwd"]),
    entry(EXPORT, [{"__type__": "uuid", "__value__": "0" * 32}]),
    entry(MARK, body=b"[" * 100_000),
    entry(MARK, body=b"{}"),
    entry(MARK, body=b'[[], {}, {}, "more"]'),
    entry(MARK, body=b"\xff"),
    entry(MARK, body=json.dumps([[], {}, {"callbacks": "x" * 20_000}]).encode()),
    entry(MARK, type="application/x-python-serialize"),
    entry(MARK, type="application/x-yaml"),
    entry(MARK, expires=5),
    entry(MARK, expires="never"),
    entry(MARK, id="no-uuid"),
    entry(MARK, id=None),
]


@pytest.mark.parametrize("raw", REFUSED, ids=range(len(REFUSED)))
def test_a_message_for_an_unknown_task_or_argument_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(MESSAGE_ERRORS):
        sanitise_message(received(raw), app.tasks)


def test_other_fields_of_a_message_never_reach_the_request() -> None:
    follower = signature(MAIL, 1, 1, "en")
    headers: dict[str, Any] = {
        "timelimit": ["a", 1], "retries": -1, "eta": "1999", "group": "g", "stamps": {"on_replace": 1},
        "replaced_task_nesting": "x", "argsrepr": "13812345678", "origin": "evil", "ignore_result": False,
        "shadow": "x", "chord": follower,
    }  # fmt: skip
    message = received(
        entry(MARK, embedded={"callbacks": [follower], "chain": [follower], "chord": follower}, **headers)
    )
    message.properties["reply_to"] = "celery"
    sanitise_message(message, app.tasks)
    assert not any(value in json.dumps([message.headers, message.properties]) for value in ("evil", "1381234", "1999"))
    assert json.loads(message.body) == [[], {}, dict.fromkeys(("callbacks", "errbacks", "chain", "chord"))]
    assert message.headers["timelimit"] == [None, None]
    assert message.properties["reply_to"] is None


# -- a worker -------------------------------------------------------------------------------------------------------

START = """
import django
from config.celery import app
django.setup()
{broken}
app.worker_main(["worker", "-c", "1", "--loglevel", "INFO"])
"""
# The same without the protection.
PICKLE_IS_TAKEN = (
    "app.conf.update(accept_content=['json', 'pickle'], worker_consumer='celery.worker.consumer:Consumer')\n"
)
ALL_IS_HEEDED = "app.conf.worker_consumer = 'celery.worker.consumer:Consumer'\n"
KOMBU_READS = (
    "from kombu.transport import TRANSPORT_ALIASES as aliases; aliases['redis'] = 'kombu.transport.redis:Transport'\n"
)


class Worker:
    """A worker on the tests' database and on a broker that anyone can write to."""

    def __init__(self, folder: Path, broker: str, broken: str) -> None:
        self.mails, self.log = folder / "mails", folder / "worker.log"
        self.mails.mkdir(exist_ok=True)
        own = {
            "DATABASE_URL": plugin.PATHS.database_url("app", plugin.DATABASE), "CELERY_BROKER_URL": broker,
            "DJANGO_SETTINGS_MODULE": "config.settings", "EMAIL_URL": f"filemail:///{self.mails}", "C_FORCE_ROOT": "1",
        }  # fmt: skip
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START.format(broken=broken)], env=os.environ | own, cwd=BASE_DIR, stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        self.client = redis.Redis(unix_socket_path=broker.removeprefix("redis+socket://"))

    def send(self, *entries: dict[str, Any] | bytes) -> None:
        for item in entries:
            self.client.lpush(QUEUE, item if isinstance(item, bytes) else json.dumps(item))

    def is_idle(self) -> bool:
        return not self.client.exists(QUEUE, "unacked")

    def runs(self) -> bool:
        return self.process.poll() is None

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def mailed(self) -> str:
        return "".join(path.read_text(encoding="utf-8") for path in self.mails.iterdir())

    def stop(self) -> None:
        self.client.close()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, 9)
        self.process.wait()


@contextmanager
def working(folder: Path, broker: str, broken: str = "") -> Iterator[Worker]:
    worker = Worker(folder, broker, broken)
    try:
        eventually(lambda: "ready." in worker.log_text() or not worker.runs())
        assert worker.runs(), worker.log_text()
        yield worker
    finally:
        worker.stop()


def verdicts() -> list[tuple[Any, ...]]:
    return list(Standing.objects.order_by("pk").values_list("employee_id", "counted", "target", "red", "exempt"))


def tasks() -> list[str]:
    app.loader.import_default_modules()
    return sorted(name for name in app.tasks if name.startswith("apps."))


@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
class TestWorker:
    def test_the_worker_survives_any_message_and_does_only_due_work(
        self, alice: Employee, campaign: Campaign, valkey: str, tmp_path: Path
    ) -> None:
        chance, before = random.Random(SEED), verdicts()
        assert before
        with working(tmp_path, valkey) as worker:
            assert worker.client.pubsub_numpat() == 0, "a broadcast controls the worker"
            follow_up(worker, alice)
            assert worker.mailed() == "", "other fields of a message had an effect"
            # Delivered before and never acknowledged: kombu would restore an invalid message again and again.
            worker.client.zadd("unacked_index", {f"tag{number}": 1.0 for number in range(3)})
            worker.client.hset("unacked", mapping={"tag0": b"\xff", "tag1": b"[1]", "tag2": b'[{}, "", "hundred"]'})
            worker.send(hostile.pickled(tmp_path / "bomb"), hostile.pickled(tmp_path / "bomb", compression="zlib"))
            worker.send(*REFUSED)
            for _case in range(CASES):
                worker.send(hostile.malformed(chance), hostile.misused(chance, tasks()))
            secret = {"headers": [], "properties": "x", "body": "restored-secret"}
            worker.client.zadd("unacked_index", {"tag3": 1.0})
            worker.client.hset("unacked", "tag3", json.dumps([secret, "", QUEUE]))
            eventually(lambda: worker.is_idle() or not worker.runs(), within=60 + CASES / 10)
            assert worker.runs(), (SEED, worker.log_text()[-3000:])
            people.record(alice)
            worker.send(entry(MARK))
            eventually(lambda: people.standing(campaign, alice).counted == 1)
            log = worker.log_text()
        assert not (tmp_path / "bomb").exists()
        assert "evil" not in worker.mailed()
        assert [row for row in verdicts() if row[0] != alice.pk] == [row for row in before if row[0] != alice.pk]
        assert "restored-secret" not in log, "an entry of the broker is in the log"
        assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]

    def test_mutant_plain_celery_follows_the_other_fields_of_a_message(
        self, alice: Employee, campaign: Campaign, valkey: str, tmp_path: Path
    ) -> None:
        with working(tmp_path, valkey, ALL_IS_HEEDED) as worker:
            follow_up(worker, alice)
            eventually(lambda: "set-password" in worker.mailed(), within=20)

    def test_mutant_with_pickle_a_message_runs_code(
        self, alice: Employee, campaign: Campaign, valkey: str, tmp_path: Path
    ) -> None:
        with working(tmp_path, valkey, PICKLE_IS_TAKEN) as worker:
            worker.send(hostile.pickled(tmp_path / "bomb"))
            eventually(lambda: (tmp_path / "bomb").exists())

    def test_the_worker_starts_and_continues_with_wrong_keys_in_the_broker(
        self, alice: Employee, campaign: Campaign, valkey: str, tmp_path: Path
    ) -> None:
        """Otherwise four writes to the broker keep every worker from starting until an operator deletes the keys."""
        client = redis.Redis(unix_socket_path=valkey.removeprefix("redis+socket://"))
        take_places(client)
        with client, working(tmp_path, valkey) as worker:
            people.record(alice)
            eventually(lambda: not client.exists("unacked_index") or not worker.runs(), within=30)
            worker.send(entry(MARK))
            eventually(lambda: people.standing(campaign, alice).counted == 1 or not worker.runs())
            take_places(client, "unacked", "unacked_index")
            people.record(alice)
            worker.send(entry(MARK))
            eventually(lambda: people.standing(campaign, alice).counted == 2 or not worker.runs(), within=30)
            assert worker.runs(), worker.log_text()[-3000:]
            assert "CRITICAL" not in worker.log_text()

    def test_mutant_plain_kombu_ends_at_a_key_of_another_type(
        self, alice: Employee, campaign: Campaign, valkey: str, tmp_path: Path
    ) -> None:
        with redis.Redis(unix_socket_path=valkey.removeprefix("redis+socket://")) as client:
            take_places(client)
        worker = Worker(tmp_path, valkey, KOMBU_READS)
        try:
            eventually(lambda: not worker.runs(), within=30)
            assert "WRONGTYPE" in worker.log_text()
        finally:
            worker.stop()

    def test_mutant_plain_kombu_ends_at_an_invalid_entry(
        self, alice: Employee, campaign: Campaign, valkey: str, tmp_path: Path
    ) -> None:
        with working(tmp_path, valkey, KOMBU_READS) as worker:
            worker.send(b"no message")
            eventually(lambda: not worker.runs())


def take_places(client: redis.Redis, *keys: str) -> None:
    """Put a key of another type in the place of kombu's own."""
    for key in keys or (QUEUE, "unacked", "unacked_index", f"_kombu.binding.{QUEUE}"):
        client.delete(key)
        client.set(key, "x")


def follow_up(worker: Worker, employee: Employee) -> None:
    """Send messages with embedded tasks that would mail a link, and wait until they are done."""
    link = signature(MAIL, account_for(employee).pk, employee.pk, "en", routing_key=QUEUE)
    worker.send(*hostile.followed_by(link))
    eventually(worker.is_idle)
    time.sleep(0.5)
    eventually(worker.is_idle)
