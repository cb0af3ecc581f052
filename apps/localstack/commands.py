"""Management commands in a process of their own, which ends with ours."""

import signal
import subprocess
import sys
from typing import Any

from apps.localstack.paths import BASE_DIR
from apps.localstack.processes import die_with_parent


def start_command(*arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
    """Start it; `options` are Popen's."""
    command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
    return subprocess.Popen(command, preexec_fn=die_with_parent(signal.SIGTERM), **options)


def run_command(*arguments: str, **options: Any) -> bool:
    """Run it to its end; True when it says that it worked. Killed when we are interrupted."""
    with start_command(*arguments, **options) as command:
        try:
            return command.wait() == 0
        except BaseException:
            command.kill()
            raise
