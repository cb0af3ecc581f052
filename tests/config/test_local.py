"""`make run`: from nothing to a page, and nothing left behind, however it ends."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.places import BASE_DIR, Places
from tests.config.house import House, data_folder, environment, eventually, names_of, processes_of

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A folder with a space in its name in which the house has been started once, from nothing."""
    with data_folder("a house") as folder:
        first = House(folder)
        try:
            first.wait_until_it_answers()
            answer = first.is_ready()
        finally:
            first.stop()
        assert answer == {
            "status": "ok",
            "checks": {"database": "ok", "migrations": "ok", "drift": "ok", "signing": "ok", "broker": "ok"},
        }
        assert any("demo company" in line for line in first.said)
        assert not processes_of(folder)
        yield folder


@pytest.fixture(scope="module")
def street(data: Path) -> Iterator[list[House]]:
    """The house that runs now, if one does: starting it for every test would take minutes."""
    running: list[House] = []
    yield running
    for house in running:
        house.stop()


@pytest.fixture
def no_house(street: list[House]) -> None:
    while street:
        house = street.pop()
        if house.runs:
            house.stop()


@pytest.fixture
def house(data: Path, street: list[House]) -> House:
    """The house, started again when the test before has ended it."""
    if not street or not street[0].runs:
        street[:] = [House(data)]
        street[0].wait_until_it_answers()
    return street[0]


def employees(data: Path) -> str:
    command = [sys.executable, str(BASE_DIR / "manage.py"), "shell", "-v", "0", "-c"]
    command += ["from apps.employees.models import Employee as E; print(E.objects.count())"]
    done = subprocess.run(command, env=environment(data), check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.usefixtures("no_house")
def test_the_second_start_finds_the_people_of_the_first(data: Path, street: list[House]) -> None:
    house = House(data)
    street.append(house)
    house.wait_until_it_answers()
    assert not any("demo company" in line for line in house.said)
    assert int(employees(data)) > 0
    status, text = house.get("/login/")
    assert status == 200
    assert "<form" in text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_within_ten_seconds(house: House, data: Path, number: signal.Signals) -> None:
    assert house.stop(number) < 10
    assert house.process.returncode == 0
    assert names_of(data) == {}


def test_nothing_outlives_a_killed_supervisor_and_the_next_start_recovers(house: House, data: Path) -> None:
    house.process.kill()
    house.last_words()
    eventually(lambda: not processes_of(data), within=10)
    again = House(data)
    again.wait_until_it_answers()
    assert again.is_ready()
    again.stop()


@pytest.mark.parametrize("victim", ["gunicorn", "celery -A config.celery worker", "celery -A config.celery beat"])
def test_a_dead_door_is_opened_again(house: House, data: Path, victim: str) -> None:
    killed = eventually(lambda: [pid for pid, name in names_of(data).items() if victim in name])
    os.kill(min(killed), signal.SIGKILL)
    eventually(lambda: [pid for pid, name in names_of(data).items() if victim in name and pid not in killed])
    assert house.is_ready()


@pytest.mark.parametrize("victim", ["valkey-server", "bin/postgres -D", "config.keeper"])
def test_a_dead_service_is_started_again(house: House, data: Path, victim: str) -> None:
    killed = eventually(lambda: [pid for pid, name in names_of(data).items() if victim in name])
    os.kill(min(killed), signal.SIGKILL)
    eventually(lambda: [pid for pid, name in names_of(data).items() if victim in name and pid not in killed])
    eventually(lambda: (house.is_ready() or {}).get("status") == "ok")


def test_a_second_start_in_the_same_folder_says_where_the_first_answers(house: House, data: Path) -> None:
    second = House(data)
    assert second.last_words().strip() == f"Hundred already runs from this folder, at {house.address}"
    assert second.process.returncode == 1
    assert house.is_ready()


@pytest.mark.usefixtures("no_house")
def test_a_taken_port_gives_way_to_the_next_free_one(data: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        house = House(data, PORT=str(port))
        address = house.wait_until_it_answers()
        house.stop()
    assert address != f"http://127.0.0.1:{port}/"
    assert f"Port {port} is taken; using the next free one\n" in house.said


@pytest.mark.usefixtures("no_house")
def test_a_port_that_is_none_is_refused_before_anything_starts(data: Path) -> None:
    house = House(data, PORT="eight thousand")
    assert house.last_words() == "PORT=eight thousand is no port: it takes a number from 1 to 65535\n"
    assert house.process.returncode == 1
    assert not processes_of(data)


def test_no_service_listens_where_other_users_of_the_machine_could_knock(house: House, data: Path) -> None:
    """Only the pages have a port; database and queue have sockets in a folder that is closed to everybody else."""
    sockets = Places(data=data, log=data / "log").sockets
    assert sockets.stat().st_mode & 0o077 == 0
    inodes = {
        str(link.readlink()).removeprefix("socket:[").rstrip("]")
        for pid in processes_of(data)
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if link.is_symlink() and str(link.readlink()).startswith("socket:[")
    }
    listening = [
        line.split()
        for name in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{name}").read_text(encoding="ascii").splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[9] in inodes
    ]
    port = int(house.address.rsplit(":", 1)[1].rstrip("/"))
    assert [fields[1] for fields in listening] == [f"0100007F:{port:04X}"]
