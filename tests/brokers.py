"""Brokers for the tests: a Valkey and a RabbitMQ on free ports with their own data, to start, kill, wipe and stop.

RabbitMQ comes from the machine's package. Where it is missing, `rabbitmq_missing()` gives the reason, and the test is
skipped with it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import amqp
import pytest
import redis
from kombu import pools

from apps.core.brokers import QUEUE, transport_options
from apps.localstack.processes import die_with_parent
from config.celery import app
from tests import plugin
from tests.localstack.stack import free_port

# A small busy machine needs a while for an Erlang node.
START_TIMEOUT_SECONDS = 120.0
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
SETTINGS = """
listeners.tcp.1 = 127.0.0.1:{port}
distribution.listener.interface = 127.0.0.1
log.console = false
log.file.level = warning
vm_memory_high_watermark.absolute = 512MB
disk_free_limit.absolute = 50MB
"""


@contextlib.contextmanager
def broker_at(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process publish to `url` over new connections; afterwards to the tests' broker again, over new ones.

    A pool that is only closed stays closed for every later test.
    """
    options = app.conf.get("broker_transport_options")
    with monkeypatch.context() as patched:
        # Set the environment, which Celery reads first: a patch of its layered settings could not be undone.
        for name in ("CELERY_BROKER_URL", "CELERY_BROKER_WRITE_URL"):
            patched.setenv(name, url)
        _reconnect(transport_options(url))
        yield
        pools.reset()
    _reconnect(options)


@contextlib.contextmanager
def no_broker() -> Iterator[None]:
    """Let this process publish to a broker that is not there.

    The test's own monkeypatch, undone after `broker_at`, would restore the address of that broker for all later tests.
    """
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("CELERY_BROKER_WRITE_URL", "redis+socket:///nonexistent/valkey.sock")
        yield


def _reconnect(options: dict[str, Any]) -> None:
    app.conf.update(broker_transport_options=options)
    app._pool = app.amqp._producer_pool = None


class Broker:
    """One server in its own folder. A test may kill it and start it again with the same data."""

    kind = ""
    url = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when it answers. Raises RuntimeError with the end of its log when it does not."""
        self._prepare()
        self.process = self._run(self._command(), self._environment())
        end = time.monotonic() + START_TIMEOUT_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                log = (self.folder / "out").read_text(encoding="utf-8", errors="replace")
                self.kill()
                raise RuntimeError(f"{self.kind} did not start:\n{log[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it at once, like a power failure; its data on disk stay."""
        _end(self.process)
        self.process = None

    def stop(self) -> None:
        """End it and its child processes."""
        self.kill()

    def pause(self) -> None:
        """It accepts connections and answers nothing, until `resume`."""
        self._signal(signal.SIGSTOP)
        end = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._stands_still() and time.monotonic() < end:
            time.sleep(0.01)

    def _stands_still(self) -> bool:
        """Whether every thread has stopped: a busy one continues for a moment."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/stat") if self.process else []
        return all(thread.read_text().rpartition(")")[2].split()[0] == "T" for thread in threads)

    def resume(self) -> None:
        """Continue after `pause`."""
        self._signal(signal.SIGCONT)

    def answers(self) -> bool:
        """Whether clients can use it now."""
        raise NotImplementedError

    def wipe(self) -> None:
        """Delete all its data: queues, messages, and messages that workers have not acknowledged."""
        raise NotImplementedError

    def waiting(self, queue: str) -> int:
        """The number of undelivered messages in a queue."""
        raise NotImplementedError

    def _signal(self, number: signal.Signals) -> None:
        if self.process is None:
            raise RuntimeError(f"{self.kind} does not run")
        os.killpg(self.process.pid, number)

    def _prepare(self) -> None:
        pass

    def _command(self) -> list[str]:
        raise NotImplementedError

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def _run(self, command: list[str], environment: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / "out").open("ab") as out:
            return subprocess.Popen(
                command, cwd="/", env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                preexec_fn=die_with_parent(signal.SIGKILL), **plugin.PATHS.server_user(),
            )  # fmt: skip


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class Valkey(Broker):
    """The packaged Valkey; its data survive a kill."""

    kind = "valkey"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"

    def _command(self) -> list[str]:
        settings = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder, "appendonly": "yes", "save": ""}
        settings["loglevel"] = "warning"
        flags = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        return [str(plugin.PATHS.valkey_server), *flags]

    def _client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=5)

    def answers(self) -> bool:
        with contextlib.closing(self._client()) as client, contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False

    def wipe(self) -> None:
        with contextlib.closing(self._client()) as client:
            client.flushall()

    def waiting(self, queue: str) -> int:
        with contextlib.closing(self._client()) as client:
            return int(client.llen(queue))  # type: ignore[arg-type]


class RabbitMQ(Broker):
    """The machine's RabbitMQ as a separate node with its own name server."""

    kind = "rabbitmq"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port, self.names_port, self.node_port = free_port(), free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self.port}//"
        self.names: subprocess.Popen[bytes] | None = None

    def _prepare(self) -> None:
        (self.folder / "rabbitmq.conf").write_text(SETTINGS.format(port=self.port), encoding="utf-8")
        (self.folder / "plugins").write_text("[].\n", encoding="utf-8")
        if self.names is None:
            names = ["epmd", "-port", str(self.names_port), "-address", "127.0.0.1"]
            self.names = self._run(names, dict(os.environ))

    def _command(self) -> list[str]:
        return [str(RABBITMQ)]

    def _environment(self) -> dict[str, str]:
        places = {
            "HOME": "", "RABBITMQ_MNESIA_BASE": "data", "RABBITMQ_LOG_BASE": "log",
            "RABBITMQ_ENABLED_PLUGINS_FILE": "plugins", "RABBITMQ_CONFIG_FILE": "rabbitmq.conf",
        }  # fmt: skip
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ")}
        return inherited | {name: str(self.folder / place) for name, place in places.items()} | {
            "RABBITMQ_NODENAME": f"hundred{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self.node_port),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput +S 2:2 +sbwt none",
            "ERL_EPMD_PORT": str(self.names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Then the script becomes the server instead of waiting for it: one process to end.
            "RUNNING_UNDER_SYSTEMD": "1",
        }  # fmt: skip

    def stop(self) -> None:
        super().stop()
        _end(self.names)
        self.names = None

    @contextlib.contextmanager
    def channel(self) -> Iterator[Any]:
        """A channel of a new connection."""
        with amqp.Connection(f"127.0.0.1:{self.port}", connect_timeout=5, read_timeout=5, write_timeout=5) as opened:
            yield opened.channel()

    def answers(self) -> bool:
        with contextlib.suppress(OSError, amqp.AMQPError), self.channel():
            return True
        return False

    def wipe(self, *queues: str) -> None:
        """Delete the named queues, by default those of the tasks; their next user declares them again."""
        with self.channel() as channel:
            for queue in queues or (QUEUE,):
                channel.queue_delete(queue)

    def waiting(self, queue: str) -> int:
        with self.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).message_count)


def rabbitmq_missing() -> str:
    """Why RabbitMQ cannot be started; empty where it can."""
    for program in (RABBITMQ, shutil.which("epmd")):
        if program is None or not Path(program).exists():
            return "RabbitMQ is not installed on this machine: apt-get install rabbitmq-server"
    return ""


KINDS: dict[str, type[Broker]] = {"valkey": Valkey, "rabbitmq": RabbitMQ}


@contextlib.contextmanager
def running(kind: str) -> Iterator[Broker]:
    """A broker of that kind that answers; it ends with all its data. Skips the test where the machine has none."""
    if kind == RabbitMQ.kind and (reason := rabbitmq_missing()):
        pytest.skip(reason)
    plugin.PATHS.create_data()
    folder = Path(tempfile.mkdtemp(prefix=f"{kind}-", dir=plugin.PATHS.data))
    folder.chmod(0o700)
    plugin.PATHS.chown_to_server(folder)
    broker = KINDS[kind](folder)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)
