"""Where the pictures are taken: in the demo company, and in one made for looking, each in a house of its own."""

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


class House(NamedTuple):
    """A running one: its address, login and password by reader, and what stands for the names in addresses."""

    address: str
    sign_ins: dict[str, tuple[str, str]]
    filled: dict[str, object]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def demo(**more: str) -> Iterator[House]:
    """The demo company of `make run`, beside a running one, `more` in its environment."""
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
            address = next((line for line in running.stdout or [] if " answers at " in line), "").partition(" at ")[2]
            if not address:
                raise SystemExit("The house did not start; what it said stands above.")
            command = [sys.executable, str(ROOT / "manage.py"), "demo_sign_ins", "--json"]
            found = json.loads(subprocess.check_output(command, env=environment, cwd=ROOT))["sign_ins"]
            sign_ins = {one["role"]: (one["login"], one["password"]) for one in reversed(found)}
            yield House(address.split()[0].rstrip("/"), sign_ins, {})
        finally:
            running.terminate()
            running.wait(timeout=30)
    shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def company() -> Iterator[tuple[House, Callable[[], dict[str, object]]]]:
    """The company of tests/pages on a server of its own, with nothing but its roster, and what fills it.

    Its clock then stands in November 2026. From here on this process, and what it starts, has a database of its own.
    """
    from tests import plugin  # at its import it says in the environment where that database is

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
            yield House(address, sign_ins, {}), lambda: states.fill(clock)
    finally:
        plugin.pytest_unconfigure()
