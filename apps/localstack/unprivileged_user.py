"""Drops root: web, worker and beat of `make run` use an account without rights on the database's files (ADR 67).

The program, its packages and its Python may be below directories that are closed to other users, as a clone in /root
is. No directory is opened for that. The process gets its own mount namespace, in which a closed directory contains only
the program's directories.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from apps.localstack.paths import APPLICATION, BASE_DIR
from apps.localstack.processes import die_with_parent

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
# Imports everything that a web process needs at its start.
TRIAL = "import django; django.setup(); import gunicorn, celery"


def leave_root() -> Callable[[], None]:
    """A preexec_fn for Popen, called before the death signal is set: become the application's account permanently."""
    account = pwd.getpwnam(APPLICATION)
    visible_paths = _visible_paths_by_directory(
        [BASE_DIR, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent]
    )

    def leave() -> None:
        if visible_paths:
            _hide_all_but(visible_paths)
        # Groups first: without root's rights they can no longer be dropped.
        os.setgroups([])
        os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
        os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)

    return leave


def can_run_as_account(leave: Callable[[], None], environment: dict[str, str]) -> bool:
    """Whether the program can be read and started that way here; a container may forbid mounts."""
    try:
        return not subprocess.run(  # noqa: S603
            [sys.executable, "-c", TRIAL], cwd=BASE_DIR, env=environment, check=False, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent(signal.SIGKILL, first=leave),
        ).returncode  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return False


def _visible_paths_by_directory(paths: list[Path]) -> dict[Path, list[Path]]:
    """The paths below each closed directory."""
    by_closed: dict[Path, list[Path]] = {}
    for path in paths:
        closed = [above for above in reversed(path.parents) if not above.stat().st_mode & stat.S_IXOTH]
        if closed:
            by_closed.setdefault(closed[0], []).append(path)
    return by_closed


def _hide_all_but(visible_paths: dict[Path, list[Path]]) -> None:
    """For this process and its children only: hide everything in each closed directory except these paths."""
    _call("unshare", CLONE_NEWNS)
    # Private: otherwise these mounts would also appear in the namespace of the machine.
    _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    # The directories made below must be passable for the account, whatever the umask.
    umask = os.umask(0o022)
    for closed, paths in visible_paths.items():
        # Opened before the mount hides them; mounting /proc/self/fd/N brings back exactly these directories.
        descriptors = [(path, os.open(path, os.O_PATH | os.O_DIRECTORY)) for path in paths]
        _call("mount", b"hundred", os.fsencode(closed), b"tmpfs", 0, b"mode=755,size=64k")
        for path, descriptor in descriptors:
            path.mkdir(parents=True, exist_ok=True)
            _call("mount", b"/proc/self/fd/%d" % descriptor, os.fsencode(path), None, MS_BIND | MS_REC, None)
            os.close(descriptor)
    os.umask(umask)


def _call(name: str, *arguments: object) -> None:
    if LIBC is None or getattr(LIBC, name)(*arguments):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
