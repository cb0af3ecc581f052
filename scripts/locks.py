"""Writes the locks: `make locks`, or `make locks UPGRADE=1` for the newest versions that the requirements allow.

A lock names each package of a group and its dependencies: the exact version, and the hash of each of its files. An
installer then refuses any other file (`pip install --require-hashes`). Each group has one for each supported Python.
"""

import argparse
import subprocess
import sys

from scripts.bootstrap import GROUPS, NEWEST, OLDEST, ROOT

LOCKS = ROOT / "locks"
PYTHONS = [f"{OLDEST[0]}.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
# The largest first: the others take their versions from it.
REQUIREMENTS = {"dev": "requirements-dev.txt", "local": "requirements-local.txt", "server": "requirements.txt"}
OPTIONS = {"chat": "requirements-chat.txt"}


def make_lock(requirements: str, name: str, python: str, *options: str) -> None:
    """Write locks/NAME.txt; a version that stands there already is kept where the requirements allow it."""
    command = [
        sys.executable, "-m", "uv", "pip", "compile", "-q", "--universal", "--python-version", python,
        "--generate-hashes", "--no-annotate", "--no-header", "-o", f"locks/{name}.txt", *options, requirements,
    ]  # fmt: skip
    subprocess.run(command, check=True, cwd=ROOT)
    print(f"locks/{name}.txt", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.locks", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take the newest allowed versions")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    LOCKS.mkdir(exist_ok=True)
    make_lock("requirements-uv.txt", "uv", PYTHONS[0])
    for python in PYTHONS:
        as_largest = ["-c", f"locks/{GROUPS[-1]}-{python}.txt"]
        for group, requirements in (REQUIREMENTS | OPTIONS).items():
            options = upgrade if group == GROUPS[-1] else as_largest
            make_lock(requirements, f"{group}-{python}", python, *options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
