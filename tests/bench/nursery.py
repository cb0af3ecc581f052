"""Processes to measure, forked from one in which Django is ready: a start takes longer than most work.

A copy receives a line of JSON with the arguments of `python -m tests.bench.MODULE`, and returns its output. Its memory
peak is its own, above Django and the apps.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from typing import Any

import django

from apps.localstack.paths import BASE_DIR
from apps.localstack.processes import die_with_parent, set_parent_death_signal


class Nursery:
    """One parent of such processes; it ends with its user."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.nursery"], cwd=BASE_DIR, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=die_with_parent(signal.SIGKILL),
        )  # fmt: skip

    def run(self, module: str, words: Sequence[object]) -> dict[str, Any]:
        """The JSON object that this module of tests.bench prints. Raises RuntimeError when it fails."""
        if self._parent.stdin is None or self._parent.stdout is None:
            raise RuntimeError("the nursery has no pipes")
        self._parent.stdin.write(json.dumps([module, *map(str, words)]) + "\n")
        self._parent.stdin.flush()
        said = self._parent.stdout.readline()
        if not said or (result := json.loads(said)) is None:
            raise RuntimeError(f"{module} {' '.join(map(str, words))} failed; see the reason above")
        found: dict[str, Any] = result
        return found


def main() -> None:
    django.setup()
    for line in sys.stdin:
        read, write = os.pipe()
        parent = os.getpid()
        if not (child := os.fork()):
            os.close(read)
            set_parent_death_signal(signal.SIGKILL, parent)
            _work(*json.loads(line), to=write)
        os.close(write)
        with os.fdopen(read, encoding="utf-8") as pipe:
            said = pipe.read()
        _pid, status = os.waitpid(child, 0)
        sys.stdout.write(f"{said.strip() if status == 0 else 'null'}\n")
        sys.stdout.flush()


def _work(module: str, *words: str, to: int) -> None:
    """Do it and end this copy: nothing of its parent's is closed or written a second time."""
    status = 1
    try:
        with os.fdopen(to, "w", encoding="utf-8") as pipe, contextlib.redirect_stdout(pipe):
            importlib.import_module(f"tests.bench.{module}").main(*words)
        status = 0
    except BaseException:  # the copy ends here in any case
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main()
