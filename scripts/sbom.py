"""Writes the software bill of materials: `make sbom`, CycloneDX 1.6 as JSON, into var/, as sbom-3.13.json.

It lists what a server installs by the lock of one Python version: versions and hashes of all files. It has no date, so
the same commit gives the same file. Licences are not listed: a lock names none.
"""

import argparse
import subprocess
import sys

from scripts.audit import NoAnswer, installed
from scripts.bootstrap import ROOT
from scripts.locks import PYTHONS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.sbom", description=__doc__)
    parser.add_argument("--python", choices=PYTHONS, default=PYTHONS[-1], help="the Python whose lock is listed")
    python = parser.parse_args().python
    try:
        tool = installed().with_name("cyclonedx-py")
    except NoAnswer as error:
        print(error, file=sys.stderr)
        return 2
    output = ROOT / "var" / f"sbom-{python}.json"
    command = [
        str(tool), "requirements", str(ROOT / "locks" / f"server-{python}.txt"), "--pyproject",
        str(ROOT / "pyproject.toml"), "--output-reproducible", "--of", "JSON", "-o", str(output), "--validate",
    ]  # fmt: skip
    # Not shown when it succeeds: it always warns that a list of packages has no dependency graph.
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return 1
    print(output.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
