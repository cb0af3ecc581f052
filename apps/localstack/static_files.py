"""The static files of `make run`: named by their hashes and compressed, as on a server, so that browsers keep them.

They are collected again after a change of the program, which costs seconds: beside the start of the database.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from apps.localstack.commands import start_command
from apps.localstack.paths import BASE_DIR, InstallPaths, write_private

# What decides which files there are, and what is in them.
SOURCES = ("static/**/*", "apps/*/static/**/*", "config/settings.py", "requirements.txt")


class StaticFiles:
    """The folder of one installation. `start`, then `wait`, then the folder is complete."""

    def __init__(self, paths: InstallPaths) -> None:
        self.folder = Path(os.environ.get("STATIC_ROOT") or paths.data / "static")
        self.note = paths.data / "static.sha256"
        self.fingerprint = ""
        self.command: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin to collect the files, unless the collected ones are those of this program."""
        self.fingerprint = _fingerprint(self.folder)
        if self.note.exists() and self.note.read_text(encoding="utf-8") == self.fingerprint and self.folder.exists():
            return
        # The web process may run as another user, and the files hold no secret.
        environment = os.environ | {"STATIC_ROOT": str(self.folder)}
        self.command = start_command("collectstatic", "--noinput", "--verbosity", "0", env=environment, umask=0o022)

    def wait(self) -> bool:
        """Wait until the files are there; False when they could not be collected."""
        if self.command is None:
            return True
        if self.command.wait() != 0:
            return False
        # After the files: an interrupted collection is begun again.
        write_private(self.note, self.fingerprint)
        return True

    def stop(self) -> None:
        if self.command:
            self.command.kill()
            self.command.wait()


def _fingerprint(folder: Path) -> str:
    files = sorted(file for pattern in SOURCES for file in BASE_DIR.glob(pattern) if file.is_file())
    facts = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    known = [str(folder), sys.prefix, os.environ.get("PLOTLY_BUNDLE", "")]
    return hashlib.sha256(repr([facts, known]).encode()).hexdigest()
