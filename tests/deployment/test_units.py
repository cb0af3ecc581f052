"""The systemd units of docs/deployment: what an operator copies starts, and is confined as the page says."""

import re
import subprocess
import sys
from ctypes.util import find_library
from pathlib import Path

import pytest

from apps.localstack.paths import BASE_DIR
from tests.deployment.confined import ANALYZE, allowed_calls, values
from tests.deployment.places import UNITS, command_of, production, running, wait_for

SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
STARTED = ["hundred-beat.service", "hundred-web.service", "hundred-worker.service"]
needs_systemd = pytest.mark.skipif(
    not (Path(ANALYZE).exists() and find_library("seccomp")), reason="systemd is not installed on this machine"
)


def test_every_process_has_a_unit():
    expected = ["hundred-backup.service", *STARTED]
    assert expected == SERVICES


def test_the_units_start_the_same_processes_as_the_first_steps():
    """Otherwise an operator who follows the first steps tries other processes than those that run later."""
    page = (BASE_DIR / "docs" / "deployment.md").read_text(encoding="utf-8")
    first_steps = re.findall(r"^ +\.venv/bin/((?:gunicorn|celery) .+?)(?: --schedule \S+)?$", page, flags=re.MULTILINE)
    units = [values(UNITS / name, "ExecStart")[0] for name in STARTED]
    started = [re.sub(r" --schedule \S+$", "", line).removeprefix("/opt/hundred/.venv/bin/") for line in units]
    assert sorted(first_steps) == sorted(started)


@needs_systemd
def test_systemd_accepts_every_unit(tmp_path: Path):
    """A misspelled setting is ignored by systemd with a warning: the process would run without that protection."""
    for path in (*UNITS.glob("*.service"), *UNITS.glob("*.timer")):
        programs = path.read_text(encoding="utf-8").replace(
            "/opt/hundred/.venv/bin/", f"{Path(sys.executable).parent}/"
        )
        (tmp_path / path.name).write_text(programs.replace("=/opt/hundred\n", f"={BASE_DIR}\n"), encoding="utf-8")
    units = sorted(map(str, tmp_path.iterdir()))
    done = subprocess.run(
        [ANALYZE, "verify", "--man=no", "--recursive-errors=no", *units],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_the_exposure_is_the_one_of_the_page(name: str):
    """An operator's audit asks for this figure; the page gives it."""
    command = [ANALYZE, "security", "--offline=true", "--no-pager", "--threshold=12", str(UNITS / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    page = (BASE_DIR / "docs" / "deployment.md").read_text(encoding="utf-8")
    assert re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)[1] in page  # type: ignore[index]


@needs_systemd
@pytest.mark.parametrize("name", SERVICES)
def test_dangerous_system_calls_are_not_left(name: str):
    assert not {"mount", "ptrace", "bpf", "kexec_load", "setuid", "chown", "reboot"} & allowed_calls(UNITS / name)


@pytest.mark.parametrize("name", STARTED)
def test_only_the_backup_knows_the_owner(name: str):
    """The owner of the tables could drop the triggers that protect the audit trail."""
    assert "owner" not in "".join(values(UNITS / name, "LoadCredential") + values(UNITS / name, "Environment"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_copy_of_the_example_has_no_value_that_a_unit_reads_from_a_file(name: str):
    """Both forms stop the start: no backup would be made, and the copy looks right."""
    example = (BASE_DIR / ".env.example").read_text(encoding="utf-8")
    read = re.findall(r"(\w+)_FILE=%d", " ".join(values(UNITS / name, "Environment")))
    assert [variable for variable in read if re.search(rf"^{variable}=.", example, re.MULTILINE)] == []


@needs_systemd
@pytest.mark.servers
@pytest.mark.django_db(transaction=True)
def test_worker_and_beat_start_under_their_filters(tmp_path: Path):
    """Otherwise nothing is marked on a server where everything looks installed."""
    environment = production(CELERY_BROKER_URL="memory://")
    schedule = {"/var/lib/hundred-beat/schedule": str(tmp_path / "schedule")}
    with (
        running(command_of("hundred-worker.service"), tmp_path / "worker", environment) as worker,
        running(command_of("hundred-beat.service", **schedule), tmp_path / "beat", environment) as beat,
    ):
        wait_for("ready.", worker)
        wait_for("Sending due task", beat)


@needs_systemd
def test_a_filter_refuses_what_is_not_left():
    """The trial above would prove nothing with a filter that lets everything pass."""
    command = command_of("hundred-beat.service")[:4]
    probe = "import os\ntry: os.chown('.', 0, 0)\nexcept PermissionError: print('refused')"
    done = subprocess.run(
        [*command, sys.executable, "-c", probe], cwd=BASE_DIR, capture_output=True, text=True, check=True
    )
    assert done.stdout == "refused\n"
