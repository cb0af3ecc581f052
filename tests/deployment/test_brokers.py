"""The files for Valkey and RabbitMQ of docs/deployment in real servers: TLS, passwords, few rights."""

from __future__ import annotations

import contextlib
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import amqp
import kombu
import pytest
import redis

from apps.core.brokers import QUEUE, QUEUE_ARGUMENTS, transport_options
from tests import brokers, plugin
from tests.deployment.places import FILES, command_of, production, running, wait_for, write_chain

PASSWORD = "only-for-this-test"
# The packaged Valkey has no TLS.
SERVER = shutil.which("valkey-server") or shutil.which("redis-server")
CONTROL = brokers.RABBITMQ.with_name("rabbitmqctl")
pytestmark = pytest.mark.servers


class SecureValkey(brokers.Valkey):
    """The machine's Valkey or Redis with the files of the documentation."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.authority, certificate, key = write_chain(folder)
        options = f"?ssl_cert_reqs=required&ssl_ca_certs={self.authority}"
        self.url = f"rediss://hundred_broker:BROKER-PASSWORD@localhost:{self.port}/0{options}"
        self.cache_url = f"rediss://hundred_cache:CACHE-PASSWORD@localhost:{self.port}/1{options}"
        text = (FILES / "valkey" / "valkey.conf").read_text(encoding="utf-8")
        for before, after in {
            "bind * -::*": "bind 127.0.0.1", "tls-port 6380": f"tls-port {self.port}",
            "/etc/valkey/tls/ca.pem": str(self.authority), "/etc/valkey/tls/server.pem": str(certificate),
            "/etc/valkey/tls/server.key": str(key), "/etc/valkey/users.acl": str(folder / "users.acl"),
        }.items():  # fmt: skip
            assert before in text
            text = text.replace(before, after)
        (folder / "valkey.conf").write_text(f"{text}\ndir {folder}\n", encoding="utf-8")
        shutil.copy(FILES / "valkey" / "users.acl", folder)
        for path in folder.iterdir():
            plugin.PATHS.chown_to_server(path)

    def _command(self) -> list[str]:
        return [str(SERVER), str(self.folder / "valkey.conf")]

    def client(self, url: str) -> redis.Redis:
        return redis.Redis.from_url(url, socket_timeout=5)

    def answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.client(self.url).ping())
        return False


class SecureRabbitMQ(brokers.RabbitMQ):
    """The machine's RabbitMQ with the files of the documentation."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.authority, *_pair = write_chain(folder)
        for path in folder.iterdir():
            plugin.PATHS.chown_to_server(path)

    def _prepare(self) -> None:
        super()._prepare()
        text = (FILES / "rabbitmq" / "rabbitmq.conf").read_text(encoding="utf-8")
        text = text.replace("= 5671", f"= {self.port}").replace("/etc/rabbitmq/tls", str(self.folder))
        (self.folder / "rabbitmq.conf").write_text(text, encoding="utf-8")

    def answers(self) -> bool:
        """Whether the port speaks TLS: without a user it refuses."""
        try:
            self.connection("none", "none").connect()
        except amqp.AccessRefused:
            return True
        except (OSError, amqp.AMQPError):
            return False
        return True

    def connection(
        self, user: str, password: str, *, host: str = "localhost", trust: Path | None = None
    ) -> kombu.Connection:
        """As the address of the documentation connects."""
        url = f"amqps://{user}:{password}@{host}:{self.port}/hundred?ssl_ca_certs={trust or self.authority}"
        return kombu.Connection(url, connect_timeout=5, transport_options=transport_options(url))

    def make_users(self) -> None:
        """Run the script of the documentation, as its first lines say."""
        environment = self._environment() | {"PATH": f"{CONTROL.parent}:/usr/bin:/bin"}
        subprocess.run(
            [str(FILES / "rabbitmq" / "users.sh")], input=PASSWORD, env=environment, text=True, check=True,
            capture_output=True, cwd="/",
        )  # fmt: skip


@contextlib.contextmanager
def started(kind: type[brokers.Broker]) -> Iterator[brokers.Broker]:
    """A server of that kind in a folder of its own; it ends with all its data."""
    plugin.PATHS.create_data()
    folder = Path(tempfile.mkdtemp(prefix=f"{kind.kind}-", dir=plugin.PATHS.data))
    folder.chmod(0o700)
    plugin.PATHS.chown_to_server(folder)
    broker = kind(folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def valkey() -> Iterator[SecureValkey]:
    if SERVER is None:
        pytest.skip("Neither Valkey nor Redis with TLS is installed on this machine: apt-get install valkey-server")
    with started(SecureValkey) as server:
        yield cast("SecureValkey", server)


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[SecureRabbitMQ]:
    if reason := brokers.rabbitmq_missing():
        pytest.skip(reason)
    with started(SecureRabbitMQ) as server:
        rabbit = cast("SecureRabbitMQ", server)
        rabbit.make_users()
        yield rabbit


def test_tasks_pass_and_counters_count_on_a_valkey_with_tls(valkey: SecureValkey):
    with kombu.Connection(valkey.url, transport_options=transport_options(valkey.url)) as connection:
        queue = connection.SimpleQueue(QUEUE)
        queue.put({"wake": "up"})
        assert queue.get(timeout=10).payload == {"wake": "up"}
    with contextlib.closing(valkey.client(valkey.cache_url)) as cache:
        assert [cache.incr("hundred:1:count"), cache.incr("hundred:1:count")] == [1, 2]


@pytest.mark.parametrize(
    ("before", "after"),
    [("BROKER-PASSWORD", "guessed"), ("hundred_broker:BROKER-PASSWORD@", ""), ("rediss://", "redis://")],
    ids=["wrong password", "no user", "no TLS"],
)
def test_valkey_refuses_every_other_user(valkey: SecureValkey, before: str, after: str):
    """An attacker who can write to the broker can keep workers busy."""
    url = valkey.url.replace(before, after)
    url = url if url.startswith("rediss") else url.partition("?")[0]
    with contextlib.closing(valkey.client(url)) as client, pytest.raises(redis.RedisError):
        client.ping()


def test_the_user_of_the_cache_cannot_touch_the_queue(valkey: SecureValkey):
    with (
        contextlib.closing(valkey.client(valkey.cache_url)) as cache,
        pytest.raises(redis.exceptions.NoPermissionError),
    ):
        cache.get(QUEUE)


def test_tasks_pass_on_a_rabbitmq_with_tls(rabbitmq: SecureRabbitMQ):
    queue = kombu.Queue(QUEUE, kombu.Exchange(QUEUE), routing_key=QUEUE, queue_arguments=QUEUE_ARGUMENTS)
    with rabbitmq.connection("hundred", PASSWORD) as connection:
        channel = connection.channel()
        bound = queue(channel)
        kombu.Producer(channel).publish("wake up", exchange=QUEUE, routing_key=QUEUE, declare=[bound])
        message = bound.get()
        assert message.payload == "wake up"
        message.ack()


@pytest.mark.parametrize(("user", "password"), [("guest", "guest"), ("hundred", "guessed")])
def test_rabbitmq_refuses_every_other_user(rabbitmq: SecureRabbitMQ, user: str, password: str):
    with pytest.raises(amqp.AccessRefused):
        rabbitmq.connection(user, password).connect()


def test_the_user_of_rabbitmq_makes_no_other_queue(rabbitmq: SecureRabbitMQ):
    with rabbitmq.connection("hundred", PASSWORD) as connection, pytest.raises(amqp.AccessRefused):
        kombu.Queue("other")(connection.channel()).declare()


def test_a_certificate_for_another_host_is_refused(rabbitmq: SecureRabbitMQ):
    """Without the comparison any holder of any certificate could stand in for the broker."""
    with pytest.raises(ssl.SSLCertVerificationError, match="not valid for"):
        rabbitmq.connection("hundred", PASSWORD, host="127.0.0.2").connect()


def test_a_certificate_of_another_authority_is_refused(rabbitmq: SecureRabbitMQ, tmp_path: Path):
    stranger, *_pair = write_chain(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError, match=r"unable to get local issuer|self-signed|signature"):
        rabbitmq.connection("hundred", PASSWORD, trust=stranger).connect()


@pytest.mark.django_db(transaction=True)
def test_a_worker_gets_the_tasks_of_beat_with_the_rights_of_the_documentation(rabbitmq: SecureRabbitMQ, tmp_path: Path):
    """One missing right would stop every mark of an installation that looks healthy."""
    url = f"amqps://hundred:{PASSWORD}@localhost:{rabbitmq.port}/hundred?ssl_ca_certs={rabbitmq.authority}"
    environment = production(CELERY_BROKER_URL=url, SWEEP_INTERVAL="1")
    schedule = {"/var/lib/hundred-beat/schedule": str(tmp_path / "schedule")}
    with (
        running(command_of("hundred-worker.service"), tmp_path / "worker", environment) as worker,
        running(command_of("hundred-beat.service", **schedule), tmp_path / "beat", environment) as beat,
    ):
        wait_for("apps.operations.tasks.sweep", worker, beat)
        wait_for("succeeded in", worker, beat)
