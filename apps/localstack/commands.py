"""Management commands in a separate process, which ends with this one."""

import signal
import subprocess
import sys
from typing import Any

from apps.localstack.paths import BASE_DIR
from apps.localstack.processes import die_with_parent


def start_command(*arguments: str, **options: Any) -> "subprocess.Popen[bytes]":
    """Start the command; `options` are Popen's."""
    command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
    return subprocess.Popen(command, preexec_fn=die_with_parent(signal.SIGTERM), **options)


def run_command(*arguments: str, **options: Any) -> bool:
    """Run the command to its end; True when it succeeded. It is killed when this process is interrupted."""
    with start_command(*arguments, **options) as command:
        try:
            return command.wait() == 0
        # Also for SIGTERM, which arrives as stop_signals.Stopped.
        except BaseException:
            command.kill()
            raise
