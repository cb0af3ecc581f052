"""The software bill of materials is made from the lock that a server installs from."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import audit, sbom


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    made: list[list[str]] = []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        made.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(sbom, "installed", lambda: Path("/tools/bin/pip-audit"))
    monkeypatch.setattr(sbom.subprocess, "run", run)
    return made


def test_it_lists_the_packages_of_a_server(
    calls: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sbom", "--python", "3.12"])
    assert sbom.main() == 0
    (command,) = calls
    assert command[:2] == ["/tools/bin/cyclonedx-py", "requirements"]
    assert command[2].endswith("/locks/server-3.12.txt")
    assert "--output-reproducible" in command
    assert capsys.readouterr().out == "var/sbom-3.12.json\n"


def test_its_tool_is_pinned() -> None:
    assert "\ncyclonedx-bom==" in audit.OURS.read_text(encoding="utf-8")


def test_without_the_network_it_says_why(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def nothing() -> Path:
        raise audit.NoAnswer("pip-audit could not be installed.")

    monkeypatch.setattr(sbom, "installed", nothing)
    monkeypatch.setattr(sys, "argv", ["sbom"])
    assert sbom.main() == 2
    assert capsys.readouterr().err == "pip-audit could not be installed.\n"
