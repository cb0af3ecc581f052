"""Asks whether a pinned version has a known weakness: `make audit`, by pip-audit, of the package index or of OSV.

It needs the network, and its answer changes from day to day with nothing changed here: it is none of the checks of
`make test`. What it cannot ask about is a finding too, and so is one who does not know a weakness that everybody knows.
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
PINS = ROOT / "constraints.txt"
# It lets texts of templates run programs (CVE-2019-10906), and will be known for that for as long as anybody asks.
WEAK = "jinja2==2.10"


class NoAnswer(Exception):
    """Nothing was asked, or nobody answered; the text is a sentence."""


def installed() -> Path:
    """pip-audit's program; installed by the first call, and anew when its pins have changed."""
    program, made_from = HOME / "bin" / "pip-audit", HOME / "made-from.txt"
    pins = OURS.read_text(encoding="utf-8")
    if not made_from.exists() or made_from.read_text(encoding="utf-8") != pins:
        print("Installing pip-audit into var/audit, once", flush=True)
        venv.create(HOME, with_pip=True, clear=True)
        pip = [str(HOME / "bin" / "python"), "-m", "pip", "install", "-q", "--no-deps", "-r", str(OURS)]
        if subprocess.run(pip, check=False).returncode:
            raise NoAnswer("pip-audit could not be installed; what pip said stands above.")
        made_from.write_text(pins, encoding="utf-8")
    return program


def ask(program: Path, pins: Path, service: str) -> list[dict[str, Any]]:
    """What is known of each pinned package, as pip-audit's JSON has it. Raises NoAnswer."""
    command = [
        str(program), "--requirement", str(pins), "--no-deps", "--disable-pip", "--vulnerability-service", service,
        "--format", "json", "--progress-spinner", "off",
    ]  # fmt: skip
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    try:
        # It ends with 1 both when it found something and when it failed.
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, LookupError) as error:
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise NoAnswer(f"pip-audit could not ask {service}: {last}") from error
    return found


def weaknesses(found: list[dict[str, Any]]) -> Iterator[str]:
    """A line for each known weakness, and for each package that nobody could be asked about."""
    for package in found:
        if "skip_reason" in package:
            yield f"{package['name']}: not asked. {package['skip_reason']}"
        for one in package.get("vulns", ()):
            names = ", ".join([one["id"], *one.get("aliases", ())])
            mended = ", ".join(one["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {names}; mended in {mended}"


def knows_what_everybody_knows(program: Path, service: str) -> bool:
    """Whether a weakness that is years old is found. If not, finding none says nothing."""
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text(f"{WEAK}\n", encoding="ascii")
        (found,) = ask(program, pins, service)
    if "skip_reason" in found:
        raise NoAnswer(f"{service} does not answer here: {found['skip_reason']}")
    return any("CVE-2019-10906" in line for line in weaknesses([found]))


def audit(program: Path, pins: Path, service: str) -> int:
    """Print what there is; returns 0 when every pin was asked about and none is weak."""
    if not knows_what_everybody_knows(program, service):
        raise NoAnswer(f"{service} does not know the weaknesses of {WEAK}: what it says of others means nothing.")
    found = ask(program, pins, service)
    lines = list(weaknesses(found))
    for line in lines:
        print(line, flush=True)
    print(f"{len(found)} packages, {len(lines)} findings")
    return 1 if lines or not found else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.audit", description=__doc__)
    parser.add_argument("--service", choices=["pypi", "osv"], default="pypi", help="who is asked")
    chosen = parser.parse_args()
    try:
        return audit(installed(), PINS, chosen.service)
    except NoAnswer as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
