"""The servers for the screenshots: one with the demo company, one with the test company."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from scripts.bootstrap import ROOT


class Server(NamedTuple):
    """A running server: its address, login and password by user, and the values for placeholders in addresses."""

    address: str
    sign_ins: dict[str, tuple[str, str]]
    filled: dict[str, object]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def demo(**more: str) -> Iterator[Server]:
    """The demo company of `make run` on a separate server, with `more` in its environment."""
    folder = Path(tempfile.mkdtemp(prefix="hundred-screenshots-"))
    folder.chmod(0o711)
    places = {"HUNDRED_DATA": str(folder / "house"), "HUNDRED_ENV_FILE": "", "PORT": str(free_port())}
    environment = os.environ | places | more
    with subprocess.Popen(
        [sys.executable, "-m", "apps.localstack.local_stack"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        try:
            address = next((line for line in running.stdout or [] if " is running at " in line), "").partition(" at ")[
                2
            ]
            if not address:
                raise SystemExit("The server did not start; see its output above.")
            command = [sys.executable, str(ROOT / "manage.py"), "demo_sign_ins", "--json"]
            accounts = json.loads(subprocess.check_output(command, env=environment, cwd=ROOT))["sign_ins"]
            sign_ins = {account["role"]: (account["login"], account["password"]) for account in reversed(accounts)}
            yield Server(address.split()[0].rstrip("/"), sign_ins, {})
        finally:
            running.terminate()
            running.wait(timeout=30)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def company() -> Iterator[tuple[Server, Callable[[], dict[str, object]]]]:
    """The company of tests/pages on a separate server with only its roster, and a function that fills it.

    Its clock is in November 2026. From here on this process and its child processes use a separate database.
    """
    from tests import plugin  # its import sets the address of that database in the environment

    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    plugin.create_database()
    try:
        import django

        django.setup()
        from tests import people
        from tests.pages import company as made
        from tests.pages import serving, states

        sign_ins = {name: (number, people.PASSWORD) for name, number in made.READERS.items()}
        sign_ins[made.OPERATOR] = (made.OPERATOR, people.PASSWORD)
        with serving.served() as (address, clock):
            yield Server(address, sign_ins, {}), lambda: states.fill(clock)
    finally:
        plugin.pytest_unconfigure()
