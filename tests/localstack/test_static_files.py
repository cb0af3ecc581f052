"""The static files of `make run` are collected when the program has changed, and only then."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from apps.localstack import static_files
from apps.localstack.paths import InstallPaths
from apps.localstack.static_files import StaticFiles


@pytest.fixture
def collections(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """The exit codes of the next collections; each is taken when one begins."""
    codes: list[int] = []
    program = tmp_path / "program"
    (program / "static").mkdir(parents=True)
    (program / "static" / "page.css").write_text("a")
    monkeypatch.setattr(static_files, "BASE_DIR", program)
    monkeypatch.delenv("STATIC_ROOT", raising=False)

    def start(*command: str, env: dict[str, str], **options: Any) -> "subprocess.Popen[bytes]":
        Path(env["STATIC_ROOT"]).mkdir(exist_ok=True)
        return subprocess.Popen([sys.executable, "-c", f"raise SystemExit({codes.pop()})"])

    monkeypatch.setattr(static_files, "start_command", start)
    return codes


def collect(data: Path) -> bool:
    files = StaticFiles(InstallPaths(data=data, log=data))
    files.start()
    return files.wait()


def test_they_are_collected_once_and_after_a_change(collections: list[int], tmp_path: Path) -> None:
    collections += [0, 0]
    assert collect(tmp_path)
    assert collect(tmp_path)
    assert collections == [0], "the second start finds them"
    (tmp_path / "program" / "static" / "page.css").write_text("changed")
    assert collect(tmp_path)
    assert collections == []


def test_a_collection_that_failed_is_begun_again(collections: list[int], tmp_path: Path) -> None:
    collections += [0, 1]
    assert not collect(tmp_path)
    assert collect(tmp_path)
    assert collections == []
