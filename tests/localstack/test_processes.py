"""Processes never outlive their parent, and locks never outlive their holder."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from apps.localstack.file_locks import FileLock
from apps.localstack.processes import GaveUpError, ManagedProcess, describe_exit, open_log, rotate_log, stop_children
from tests.localstack.stack import eventually


def child(tmp_path: Path, code: str) -> ManagedProcess:
    return ManagedProcess("child", [sys.executable, "-c", code], tmp_path / "child.log", os.environ)


def test_a_process_that_never_stays_up_is_given_up_with_the_end_of_its_log(tmp_path: Path) -> None:
    failing = child(tmp_path, "raise SystemExit('the reason')")
    failing.deaths = 4  # four deaths in a row already; the pauses between are not tested here
    failing.start()
    eventually(lambda: not failing.alive)
    assert failing.restart_if_dead() == "The process child ended with status 1. It is being restarted."
    eventually(lambda: (failing.restart_if_dead() is None and failing.alive) or failing.restart_at is None)
    eventually(lambda: not failing.alive)
    with pytest.raises(GaveUpError, match=r"ended 6 times in a row(?s:.*)the reason"):
        failing.restart_if_dead()


def test_a_process_that_ignores_signals_is_killed_with_its_children(tmp_path: Path) -> None:
    stubborn = child(
        tmp_path,
        "import signal, subprocess, sys, time\n"
        "for n in (signal.SIGTERM, signal.SIGQUIT): signal.signal(n, signal.SIG_IGN)\n"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True)\n"
        "time.sleep(60)",
    )
    stubborn.start()
    grandchild = int(eventually(stubborn.log.read_text))
    stop_children([stubborn], [(signal.SIGTERM, 0.2), (signal.SIGQUIT, 0.2)])
    assert not stubborn.alive
    eventually(lambda: not is_running(grandchild))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a child when its parent dies")
def test_a_child_dies_with_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import signal, subprocess, sys\n"
        "from apps.localstack.processes import die_with_parent\n"
        "c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'],"
        " preexec_fn=die_with_parent(signal.SIGTERM))\n"
        "print(c.pid, flush=True)\n"
        "c.wait()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        parent.kill()
    eventually(lambda: not is_running(pid))


def test_a_long_log_is_rotated_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.localstack.processes.MAX_LOG_BYTES", 10)
    log = tmp_path / "web.log"
    log.write_text("short", encoding="utf-8")
    rotate_log(log)
    assert log.exists()
    log.write_text("much longer than that", encoding="utf-8")
    rotate_log(log)
    assert not log.exists()
    assert (tmp_path / "web.log.1").read_text(encoding="utf-8") == "much longer than that"


def test_only_the_owner_can_read_a_log_whatever_its_earlier_rights(tmp_path: Path) -> None:
    """It may contain the output of a failing program."""
    for name, before in (("new.log", None), ("old.log", 0o644)):
        log = tmp_path / name
        if before:
            log.write_text("before\n", encoding="utf-8")
            log.chmod(before)
        umask = os.umask(0)
        try:
            with open_log(log) as file:
                file.write(b"more\n")
        finally:
            os.umask(umask)
        assert log.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "old.log").read_text(encoding="utf-8") == "before\nmore\n"


def test_only_its_user_can_read_the_files_of_a_child(tmp_path: Path) -> None:
    writer = child(tmp_path, f"open({str(tmp_path / 'written')!r}, 'w').close()")
    writer.start()
    eventually(lambda: not writer.alive)
    assert (tmp_path / "written").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("status", "words"), [(0, "with status 0"), (-9, "by SIGKILL"), (-999, "by signal 999")])
def test_the_end_of_a_process_is_described_in_words(status: int, words: str) -> None:
    assert describe_exit(status) == words


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = "from apps.localstack.file_locks import FileLock; from pathlib import Path; import time\n"
    code += f"l = FileLock(Path({str(path)!r})); "
    code += "assert l.try_exclusive(); print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == "held\n"
        lock = FileLock(path)
        began = time.monotonic()
        assert not lock.shared(within=0.2)
        assert time.monotonic() - began >= 0.2
        holder.kill()
    assert lock.exclusive(within=5)
    lock.release()
    lock.release()


def is_running(pid: int) -> bool:
    """Whether it still runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
