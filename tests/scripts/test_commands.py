"""The two commands before anything is installed, and the last lines after all checks."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from scripts import bootstrap, check


def lock(folder: Path, group: str) -> Path:
    return folder / "locks" / f"{group}-{sys.version_info.major}.{sys.version_info.minor}.txt"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like a fresh clone, with a pip and a uv that only record their calls."""
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "locks").mkdir()
    for group in bootstrap.GROUPS:
        lock(tmp_path, group).write_text(f"{group}==1\n", encoding="utf-8")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    return tmp_path


@pytest.fixture
def installed(clone: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The groups whose locks were installed, in order."""
    noted: list[str] = []

    def make_venv(uv: object) -> None:
        bootstrap.PYTHON.parent.mkdir(parents=True)
        bootstrap.PYTHON.symlink_to(sys.executable)

    monkeypatch.setattr(bootstrap, "make_venv", make_venv)
    monkeypatch.setattr(bootstrap, "install", lambda uv, lock: noted.append(Path(lock).name.partition("-")[0]))
    return noted


def test_a_current_environment_is_reused(installed: list[str]) -> None:
    bootstrap.prepare("local")
    bootstrap.prepare("local")
    assert installed == ["local"]


def test_a_changed_lock_is_installed(clone: Path, installed: list[str]) -> None:
    bootstrap.prepare("local")
    lock(clone, "local").write_text("more==1\n", encoding="utf-8")
    bootstrap.prepare("local")
    assert installed == ["local"] * 2


def test_the_development_environment_can_also_run_hundred(installed: list[str]) -> None:
    bootstrap.prepare("dev")
    bootstrap.prepare("local")
    assert installed == ["dev"]


def test_a_server_gets_no_embedded_servers_by_a_later_command(clone: Path, installed: list[str]) -> None:
    """`make backup` names no group, and an update installs the server's new lock."""
    bootstrap.main(["--server"])
    bootstrap.main([])
    lock(clone, "server").write_text("more==1\n", encoding="utf-8")
    bootstrap.main([])
    assert installed == ["server"] * 2
    bootstrap.main(["--local"])
    assert installed[2:] == ["local"]


def test_an_interrupted_install_starts_again(installed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(uv: object, lock: str) -> None:
        raise SystemExit(1)

    monkeypatch.setattr(bootstrap, "install", fail)
    with pytest.raises(SystemExit):
        bootstrap.prepare("local")
    monkeypatch.setattr(bootstrap, "install", lambda uv, lock: installed.append(lock))
    bootstrap.prepare("local")
    assert installed == [bootstrap.lock_of("local")]


def test_a_python_without_venv_names_the_missing_package(
    clone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "find_python", lambda: sys.executable)
    monkeypatch.setattr(bootstrap, "works", lambda *command: False)
    monkeypatch.setattr(bootstrap, "install_with_apt", lambda package: False)
    with pytest.raises(SystemExit):
        bootstrap.make_venv(None)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"sudo apt-get install python{version}-venv" in capsys.readouterr().err


def test_no_suitable_python_gives_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "works", lambda *command: False)
    with pytest.raises(SystemExit):
        bootstrap.find_python()
    assert capsys.readouterr().err.startswith("Python 3.11 to 3.13 is needed")


@pytest.mark.parametrize(("version", "good"), [((3, 10), False), ((3, 11), True), ((3, 13), True), ((3, 14), False)])
def test_which_pythons_are_suitable(version: tuple[int, int], good: bool) -> None:
    code = f"import sys; sys.version_info = {(*version, 0)}; {bootstrap.version_test()}"
    assert (subprocess.run([sys.executable, "-c", code], check=False).returncode == 0) is good


REPORT = """<testsuites><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="5">
    <testcase classname="tests.one" name="test_good"/><testcase classname="tests.two" name="test_better"/>
    <testcase classname="tests.one" name="test_wrong"><failure message="no"/></testcase>
    <testcase classname="tests.one" name="test_broken"><error message="no"/></testcase>
    <testcase classname="tests.one" name="test_left_out"><skipped message="why"/></testcase>
</testsuite></testsuites>"""


def test_the_totals_match_the_report_and_failures_are_named(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(REPORT, encoding="utf-8")
    totals, failed = check.read_report(tmp_path / "report.xml")
    assert totals == {"passed": 2, "failed": 2, "skipped": 1}
    assert failed == ["tests.one::test_wrong", "tests.one::test_broken"]
    assert check.read_report(tmp_path / "missing.xml") == ({}, [])


def test_the_last_lines_name_what_failed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Otherwise a reader of the last lines must run everything again to learn what failed."""
    monkeypatch.setattr(check.sys, "argv", ["check", "--fast"])
    monkeypatch.setattr(check, "checks", lambda **options: {"style": False, "form": True})
    monkeypatch.setattr(check, "tests", lambda **options: (Counter(passed=4, failed=1), ["tests.one::test_wrong"]))
    assert check.main() == 1
    took, totals = capsys.readouterr().out.splitlines()[-2:]
    assert took.endswith("; failed: style, tests.one::test_wrong")
    assert totals == "Totals: 5 passed, 2 failed, 0 skipped"


def test_a_run_without_a_report_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "REPORT", tmp_path / "report.xml")
    monkeypatch.setattr(check.sys, "executable", "/bin/false")
    totals, failed = check.tests(fast=True)
    assert totals["failed"] == 1
    assert failed


def test_a_failed_check_shows_its_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert not check.run("something", ["-c", "raise SystemExit('the reason')"])
    assert "the reason" in capsys.readouterr().out


def test_a_missing_browser_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check.shutil, "which", lambda name: None)
    monkeypatch.setattr(check, "install_with_apt", lambda package: False)
    assert not check.chromium_is_there()
    assert "sudo apt-get install chromium" in capsys.readouterr().out


@pytest.mark.skipif(os.geteuid() != 0, reason="others may not install anyway")
def test_apt_is_used_only_where_it_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    assert not bootstrap.install_with_apt("chromium")
