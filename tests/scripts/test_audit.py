"""The verdict on pip-audit's output: silence, gaps and an uninformed service must never pass."""

import re
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import audit
from scripts.bootstrap import ROOT

OLD = {"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": ["CVE-2019-10906"]}
JINJA = {"name": "jinja2", "version": "2.10", "vulns": [OLD]}
CLEAN = {"name": "django", "version": "5.2.9", "vulns": []}
# Like the real one: JSON on standard output, and exit status 1 also for findings.
PROGRAM = """#!{python}
import json, sys
pins = open(sys.argv[sys.argv.index("--requirement") + 1]).read()
packages = {control!r} if pins == "jinja2==2.10\\n" else {packages!r}
if isinstance(packages, str):
    sys.exit("ERROR: " + packages)
print(json.dumps({{"dependencies": packages, "fixes": []}}))
sys.exit(any(package.get("vulns") for package in packages))
"""


def verdict(folder: Path, packages: Any, control: Any = (JINJA,)) -> int:
    """The verdict when pip-audit returns `packages` for the pins and `control` for the weak version."""
    program, pins = folder / "pip-audit", folder / "pins.txt"
    program.write_text(PROGRAM.format(python=sys.executable, control=control, packages=packages), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    pins.write_text("django==5.2.9\n", encoding="utf-8")
    return audit.audit(program, pins, "pypi")


def test_pins_without_a_known_weakness_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(tmp_path, [CLEAN]) == 0
    assert capsys.readouterr().out == "1 packages, 0 findings\n"


def test_a_weakness_is_named_with_the_fixed_version(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weak = {"id": "PYSEC-1", "fix_versions": [], "aliases": []}
    assert verdict(tmp_path, [CLEAN, JINJA, {**CLEAN, "name": "celery", "vulns": [weak]}]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "jinja2 2.10: PYSEC-2019-217, CVE-2019-10906; fixed in 2.10.1",
        "celery 5.2.9: PYSEC-1; fixed in no version yet",
        "3 packages, 2 findings",
    ]


def test_an_unchecked_package_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(tmp_path, [CLEAN, {"name": "kombu", "skip_reason": "Dependency not found on PyPI"}]) == 1
    assert "kombu: not checked. Dependency not found on PyPI" in capsys.readouterr().out


def test_an_empty_list_of_packages_does_not_pass(tmp_path: Path) -> None:
    assert verdict(tmp_path, []) == 1


def test_a_service_without_a_well_known_weakness_is_not_trusted(tmp_path: Path) -> None:
    with pytest.raises(audit.NoAnswer, match="mean nothing"):
        verdict(tmp_path, [CLEAN], [{**JINJA, "vulns": []}])
    with pytest.raises(audit.NoAnswer, match="pypi does not answer here: not found"):
        verdict(tmp_path, [CLEAN], [{"name": "jinja2", "skip_reason": "not found"}])


def test_a_failed_program_is_not_a_result(tmp_path: Path) -> None:
    with pytest.raises(audit.NoAnswer, match=re.escape("pip-audit could not ask pypi: ERROR: no route")):
        verdict(tmp_path, "no route")
    with pytest.raises(audit.NoAnswer, match="no route"):
        verdict(tmp_path, [CLEAN], "no route")


def test_without_an_answer_the_audit_does_not_pass(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing() -> Path:
        raise audit.NoAnswer("pip-audit could not be installed.")

    monkeypatch.setattr(audit, "installed", nothing)
    monkeypatch.setattr(sys, "argv", ["audit"])
    assert audit.main() == 2
    assert capsys.readouterr().err == "pip-audit could not be installed.\n"


def test_the_audit_tool_is_pinned_and_checks_every_pin() -> None:
    """Without pinned versions it would be a different program every day."""
    for path in (audit.OURS, audit.PINS):
        text = path.read_text(encoding="utf-8").replace(" \\\n    --hash", " --hash")
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        assert len(lines) > 20
        assert [
            line for line in lines if not re.fullmatch(r"[\w.\-]+==[\w.]+( ; [^-]+?)?( --hash=\S+)*", line)
        ] == [], path.name
    assert any(line.startswith("pip-audit==") for line in audit.OURS.read_text(encoding="utf-8").splitlines())


def test_the_offline_checks_do_not_run_the_audit() -> None:
    for path in ("scripts/check.py", ".ci/run"):
        assert "audit" not in (ROOT / path).read_text(encoding="utf-8")
