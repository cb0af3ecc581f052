"""The supervisor process of the embedded PostgreSQL, which keeps it running while a process uses it.

`make run`, `manage.py` and the tests hold a shared lock on one file while they work; the kernel releases it however
they end. The supervisor is PostgreSQL's parent. It restarts a server that died, and stops it once it gets that lock
exclusively, that is, when the last user is gone. So no server outlives its users, not even after `kill -9`.

Run as `python -m apps.localstack.postgres_supervisor [--disposable]` by apps.localstack.embedded, which passes a locked
file descriptor. While the supervisor lives no other process can lock that file, so there is never a second one.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

import psycopg2
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT

from apps.localstack.embedded import EmbeddedError, major_version, plain_environment, refuse_other_major
from apps.localstack.file_locks import FileLock
from apps.localstack.paths import APPLICATION, InstallPaths, account_name, write_private
from apps.localstack.processes import die_with_parent

POLL_SECONDS = 0.1
MAX_RESTARTS = 5  # restarts in a row
HEALTHY_AFTER_SECONDS = 60.0  # a server that ran this long counts as healthy again
# Logs must not contain personal data: no statements, no details, no parameters.
LOG_NO_VALUES = {
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
DISPOSABLE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


def _buffers_mb() -> int:
    """PostgreSQL's shared buffers in megabytes: an eighth of the machine's memory, at most two gigabytes.

    Lookups of identities read all over their indexes; pages that do not fit are read and written repeatedly. PostgreSQL
    takes only the memory that it uses.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(128, min(2048, memory // 8 // 2**20))


class PostgresSupervisor:
    def __init__(self, paths: InstallPaths, *, disposable: bool) -> None:
        self.paths = paths
        self.disposable = disposable
        self.users_lock = FileLock(paths.data / "holders.lock")
        self.stop_requested = False
        self.server: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._on_signal)
        # Its users decide when it ends, and each of them handles Ctrl-C itself.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if not (self.paths.cluster / "PG_VERSION").exists():
            self._make_cluster()
        try:
            refuse_other_major(self.paths)
        except EmbeddedError as error:
            say(str(error))
            # Its caller made the same check; the packages may have been updated in between.
            return 3
        self._end_orphan()
        failures = 0
        while failures < MAX_RESTARTS:
            started_at = time.monotonic()
            self._start()
            if self._serve():
                self._stop()
                return 0
            # A server that ran for a while failed for a new reason, so counting begins again.
            failures = 1 if time.monotonic() - started_at > HEALTHY_AFTER_SECONDS else failures + 1
            say(f"PostgreSQL ended by itself with status {self._status()}. This is start {failures + 1}.")
            time.sleep(min(0.2 * 2**failures, 5))
        say("PostgreSQL keeps stopping. It is no longer restarted.")
        return 1

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.stop_requested = True

    def _status(self) -> int | None:
        return self.server.returncode if self.server else None

    def _make_cluster(self) -> None:
        """Run initdb in a separate folder, then rename it: an interrupted start leaves no incomplete cluster."""
        unfinished = self.paths.data / "postgres.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self.paths.chown_to_server(unfinished)
        command = [str(self.paths.binaries / "initdb"), "-D", str(unfinished), "-U", "owner", "--auth=peer"]
        # Sorted by code point on every machine, so that indexes survive a move. The wheel has no ICU, and PostgreSQL
        # before 17 no builtin locale.
        command += ["-E", "UTF8", "--locale=C"]
        builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += builtin if major_version(self.paths) >= 17 else ["--lc-ctype=C.UTF-8"]
        command += ["--no-sync"] if self.disposable else []
        subprocess.run(command, check=True, cwd="/", stdout=subprocess.DEVNULL, **self.paths.server_user())
        # Atomic: the folder exists complete or not at all.
        unfinished.rename(self.paths.cluster)

    def _end_orphan(self) -> None:
        """Stop a server that lost its supervisor; ignore a process number that now belongs to another program."""
        pid_file = self.paths.cluster / "postmaster.pid"
        if not pid_file.exists():
            return
        pid = pid_file.read_text(encoding="utf-8").partition("\n")[0]
        command_line = Path(f"/proc/{pid}/cmdline")
        # Without /proc (macOS) the owner of the number is unknown, and pg_ctl checks the file by itself.
        if not Path("/proc/self/cmdline").exists() or (
            command_line.exists() and os.fsencode(self.paths.cluster) in command_line.read_bytes()
        ):
            say(f"Stopping a PostgreSQL that an earlier run left behind (process {pid}).")
            stop = [str(self.paths.binaries / "pg_ctl"), "stop", "-D", str(self.paths.cluster), "-m", "fast", "-w"]
            subprocess.run(stop, check=False, cwd="/", stdout=sys.stderr, **self.paths.server_user())
        else:
            pid_file.unlink(missing_ok=True)

    def _write_access(self) -> dict[str, str]:
        """Write the access rules into files that the server cannot change; returns the settings that name them.

        The application's account (apps.localstack.paths) can never become the owner of the tables.
        """
        pairs = [(account_name(), role) for role in ("owner", "app")]
        pairs += [(APPLICATION, "app")] if os.geteuid() == 0 else []
        quoted = [(name.replace('"', '""'), role) for name, role in pairs]
        files = {
            "hba_file": ("pg_hba.conf", "local all all peer map=hundred\n"),
            "ident_file": ("pg_ident.conf", "".join(f'hundred "{name}" {role}\n' for name, role in quoted)),
        }
        for name, text in files.values():
            write_private(self.paths.data / name, text)
            (self.paths.data / name).chmod(0o644)
        return {setting: str(self.paths.data / name) for setting, (name, _text) in files.items()}

    def _start(self) -> None:
        settings = {"listen_addresses": "", "unix_socket_directories": str(self.paths.sockets), **self._write_access()}
        # As root in a folder with the application's group (apps.localstack.paths).
        permissions = "0770" if os.geteuid() == 0 else "0700"
        # The port is only a part of the socket's name: the server listens to no network.
        settings |= {"port": "5432", "unix_socket_permissions": permissions, "max_connections": "100", **LOG_NO_VALUES}
        settings |= {"shared_buffers": f"{_buffers_mb()}MB", "max_wal_size": "4GB", "checkpoint_timeout": "15min"}
        settings |= DISPOSABLE_SETTINGS if self.disposable else {}
        command = [str(self.paths.binaries / "postgres"), "-D", str(self.paths.cluster)]
        for name, value in settings.items():
            # As arguments, because they win over postgresql.conf, also in a folder that an older version made.
            command += ["-c", f"{name}={value}"]
        self.server = subprocess.Popen(
            command, cwd="/", env=plain_environment(), stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent(signal.SIGINT), **self.paths.server_user(),
        )  # fmt: skip

    def _serve(self) -> bool:
        """True when the last user has gone, False when the server died."""
        ready = False
        while self.server and self.server.poll() is None:
            # Exclusive only when no process holds it shared: the last user has gone.
            if self.stop_requested or self.users_lock.try_exclusive():
                return True
            if not ready:
                ready = self._prepare()
            time.sleep(POLL_SECONDS if ready else POLL_SECONDS / 4)
        return False

    def _prepare(self) -> bool:
        """Create the application's role and the database if they are missing; False while the server starts."""
        address = {"host": str(self.paths.sockets), "port": "5432", "user": "owner"}
        try:
            connection = psycopg2.connect(dbname="postgres", **address)
        except psycopg2.OperationalError:
            return False
        connection.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = 'app'")
            if cursor.fetchone() is None:
                cursor.execute("CREATE ROLE app LOGIN")
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = 'hundred'")
            if cursor.fetchone() is None:
                # Last: EmbeddedDatabase._wait_until_ready takes it as the sign that all the rest exists.
                cursor.execute("CREATE DATABASE hundred OWNER owner")
        return True

    def _stop(self) -> None:
        """Fast shutdown, immediate when that takes too long: no user is left to wait for it."""
        if self.server is None:
            return
        for number, patience in ((signal.SIGINT, 6.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, None)):
            self.server.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.server.wait(patience)
                break
        if self.disposable:
            for folder in (self.paths.sockets, self.paths.data):
                shutil.rmtree(folder, ignore_errors=True)


def say(sentence: str) -> None:
    print(time.strftime("%Y-%m-%d %H:%M:%S"), sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    if os.fork():  # the process that started it need not wait for it or be its parent
        os._exit(0)
    sys.exit(PostgresSupervisor(InstallPaths.from_environment(), disposable="--disposable" in sys.argv[1:]).run())
