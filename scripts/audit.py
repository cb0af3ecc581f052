"""Checks the pinned versions for known weaknesses: `make audit`, with pip-audit, from the package index or OSV.

It needs the network, and its result changes daily without a change here, so it is not part of `make test`. A package
that cannot be checked is a finding too, and so is a service that does not know a well-known weakness.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.bootstrap import ROOT

HOME = ROOT / "var" / "audit"
OURS = ROOT / "requirements-audit.txt"
PINS = ROOT / "locks" / "dev-3.11.txt"
# Its templates can run programs (CVE-2019-10906): every service should know that permanently.
WEAK = "jinja2==2.10"


class NoAnswer(Exception):
    """The service could not be asked or did not answer; the text is a sentence."""


def installed() -> Path:
    """pip-audit's program. The first call, and each after a change of the pins, installs it and cyclonedx-bom."""
    program, made_from = HOME / "bin" / "pip-audit", HOME / "made-from.txt"
    pins = OURS.read_text(encoding="utf-8")
    if not made_from.exists() or made_from.read_text(encoding="utf-8") != pins:
        print("Installing pip-audit and cyclonedx-bom into var/audit, once", flush=True)
        venv.create(HOME, with_pip=True, clear=True)
        pip = [str(HOME / "bin" / "python"), "-m", "pip", "install", "-q", "--no-deps", "-r", str(OURS)]
        if subprocess.run(pip, check=False).returncode:
            raise NoAnswer("pip-audit could not be installed; see pip's output above.")
        made_from.write_text(pins, encoding="utf-8")
    return program


def query(program: Path, pins: Path, service: str) -> list[dict[str, Any]]:
    """The known weaknesses of each pinned package, in the form of pip-audit's JSON. Raises NoAnswer."""
    command = [
        str(program), "--requirement", str(pins), "--no-deps", "--disable-pip", "--vulnerability-service", service,
        "--format", "json", "--progress-spinner", "off",
    ]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    try:
        # pip-audit ends with 1 both for findings and for failures.
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, LookupError) as error:
        last = (done.stderr.strip() or "no output").splitlines()[-1]
        raise NoAnswer(f"pip-audit could not ask {service}: {last}") from error
    return packages


def weaknesses(packages: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each known weakness, and for each package that could not be checked."""
    for package in packages:
        if "skip_reason" in package:
            yield f"{package['name']}: not checked. {package['skip_reason']}"
        for weakness in package.get("vulns", ()):
            names = ", ".join([weakness["id"], *weakness.get("aliases", ())])
            fixed_in = ", ".join(weakness["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {names}; fixed in {fixed_in}"


def knows_an_old_weakness(program: Path, service: str) -> bool:
    """Whether the service finds a weakness that is years old. If not, its silence means nothing."""
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text(f"{WEAK}\n", encoding="ascii")
        (package,) = query(program, pins, service)
    if "skip_reason" in package:
        raise NoAnswer(f"{service} does not answer here: {package['skip_reason']}")
    return any("CVE-2019-10906" in line for line in weaknesses([package]))


def audit(program: Path, pins: Path, service: str) -> int:
    """Print the findings; returns 0 when every pin was checked and none is weak."""
    if not knows_an_old_weakness(program, service):
        raise NoAnswer(f"{service} does not know the weaknesses of {WEAK}: its other answers mean nothing.")
    packages = query(program, pins, service)
    lines = list(weaknesses(packages))
    for line in lines:
        print(line, flush=True)
    print(f"{len(packages)} packages, {len(lines)} findings")
    return 1 if lines or not packages else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.audit", description=__doc__)
    parser.add_argument("--service", choices=["pypi", "osv"], default="pypi", help="the service to query")
    chosen = parser.parse_args()
    try:
        return audit(installed(), PINS, chosen.service)
    except NoAnswer as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
