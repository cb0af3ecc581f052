"""What pip-audit says becomes a verdict: silence, a gap or a service that knows nothing must never look like health."""

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
# Like the real one: JSON on standard output, and 1 also when it only found something.
PROGRAM = """#!{python}
import json, sys
pins = open(sys.argv[sys.argv.index("--requirement") + 1]).read()
found = {known!r} if pins == "jinja2==2.10\\n" else {found!r}
if isinstance(found, str):
    sys.exit("ERROR: " + found)
print(json.dumps({{"dependencies": found, "fixes": []}}))
sys.exit(any(one.get("vulns") for one in found))
"""


def verdict(folder: Path, found: Any, known: Any = (JINJA,)) -> int:
    """What comes of it when pip-audit says `found` of the pins, and `known` of the version that everybody knows."""
    program, pins = folder / "pip-audit", folder / "pins.txt"
    program.write_text(PROGRAM.format(python=sys.executable, known=known, found=found), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    pins.write_text("django==5.2.9\n", encoding="utf-8")
    return audit.audit(program, pins, "pypi")


def test_pins_without_a_known_weakness_are_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(tmp_path, [CLEAN]) == 0
    assert capsys.readouterr().out == "1 packages, 0 findings\n"


def test_a_weakness_is_named_with_the_version_that_mends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    weak = {"id": "PYSEC-1", "fix_versions": [], "aliases": []}
    assert verdict(tmp_path, [CLEAN, JINJA, {**CLEAN, "name": "celery", "vulns": [weak]}]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "jinja2 2.10: PYSEC-2019-217, CVE-2019-10906; fixed in 2.10.1",
        "celery 5.2.9: PYSEC-1; fixed in no version yet",
        "3 packages, 2 findings",
    ]


def test_a_package_that_nobody_was_asked_about_is_a_finding(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(tmp_path, [CLEAN, {"name": "kombu", "skip_reason": "Dependency not found on PyPI"}]) == 1
    assert "kombu: not checked. Dependency not found on PyPI" in capsys.readouterr().out


def test_no_packages_at_all_are_not_health(tmp_path: Path) -> None:
    assert verdict(tmp_path, []) == 1


def test_who_does_not_know_what_everybody_knows_is_not_believed(tmp_path: Path) -> None:
    with pytest.raises(audit.NoAnswer, match="mean nothing"):
        verdict(tmp_path, [CLEAN], [{**JINJA, "vulns": []}])
    with pytest.raises(audit.NoAnswer, match="pypi does not answer here: not found"):
        verdict(tmp_path, [CLEAN], [{"name": "jinja2", "skip_reason": "not found"}])


def test_a_program_that_fails_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(audit.NoAnswer, match=re.escape("pip-audit could not ask pypi: ERROR: no route")):
        verdict(tmp_path, "no route")
    with pytest.raises(audit.NoAnswer, match="no route"):
        verdict(tmp_path, [CLEAN], "no route")


def test_nobody_is_told_health_when_there_was_no_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nothing() -> Path:
        raise audit.NoAnswer("pip-audit could not be installed.")

    monkeypatch.setattr(audit, "installed", nothing)
    monkeypatch.setattr(sys, "argv", ["audit"])
    assert audit.main() == 2
    assert capsys.readouterr().err == "pip-audit could not be installed.\n"


def test_what_asks_is_pinned_whole_and_what_is_asked_about_is_every_pin() -> None:
    """Without versions of its own it would be another program on another day."""
    for path in (audit.OURS, audit.PINS):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        assert len(lines) > 20
        assert [line for line in lines if not re.fullmatch(r"[\w.\-]+==[\w.]+( ; .+)?", line)] == [], path.name
    assert any(line.startswith("pip-audit==") for line in audit.OURS.read_text(encoding="utf-8").splitlines())


def test_the_checks_that_need_no_network_do_not_ask() -> None:
    for path in ("scripts/check.py", ".ci/run"):
        assert "audit" not in (ROOT / path).read_text(encoding="utf-8")
