"""Runs every check of Hundred: `python -m scripts.check [--fast | --lint]`.

Ends with two lines: the duration and the names of failed checks, and the totals.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET  # nosec B405 # reads what pytest has just written
from collections import Counter
from pathlib import Path

from scripts.bootstrap import ROOT, install_with_apt

REPORT = ROOT / "var" / "tests.xml"
# Strong enough for the deployment check, and useless otherwise: it never opens a connection.
PRODUCTION = {
    "SECRET_KEY": "only-for-the-deployment-check-0123456789-abcdefghijklmnopqrstuvwxyz",  # nosec B105 # useless elsewhere
    "IDENTITY_KEY": "only-for-the-deployment-check-0123456789-abcdefghijklmnopqrstuvwxyz",
    "SIGNING_KEY": "b25seS1mb3ItdGhlLWRlcGxveW1lbnQtY2hlY2stMDE",
    "ALLOWED_HOSTS": "hundred.example.com",
    "BASE_URL": "https://hundred.example.com",
    "DATABASE_URL": "postgres://app@/hundred?host=/nonexistent",
    "DATABASE_OWNER_URL": "postgres://owner@/hundred?host=/nonexistent",
    "CELERY_BROKER_URL": "redis://localhost/0",
    "HUNDRED_ENV_FILE": "",
}


def sql_files() -> list[str]:
    """The files of whole statements, whose sections end with a semicolon; sqlfluff cannot parse parts of statements."""
    files = sorted(ROOT.glob("apps/*/queries/*.sql"))
    sections = {path: path.read_text(encoding="utf-8").split("-- name: ")[1:] for path in files}
    return [str(path) for path in files if all(text.rstrip().endswith(";") for text in sections[path])]


LINT = {
    "style": ["-m", "ruff", "check", "--output-format", "concise", "."],
    "form": ["-m", "ruff", "format", "--check", "."],
    "words": ["-m", "scripts.words"],
    "sql": ["-m", "sqlfluff", "lint", "--disable-progress-bar", *sql_files()],
    "types": ["-m", "mypy"],
    "security": ["-m", "bandit", "-c", "pyproject.toml", "-q", "-r", "apps", "config", "scripts", "manage.py"],
    "import contracts": ["-c", "from importlinter.cli import lint_imports_command as run; run()"],
}
SLOW_MARKS = " and ".join(
    f"not {mark}" for mark in ("browser", "everywhere", "faults", "fuzz", "plans", "servers", "stack")
)


def run(name: str, arguments: list[str], **environment: str) -> bool:
    """Run one check: silent when it passes, with its whole output when it fails."""
    began = time.monotonic()
    clean = {key: value for key, value in os.environ.items() if key.removesuffix("_FILE") not in PRODUCTION}
    clean["HUNDRED_ENV_FILE"] = ""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=clean | environment, check=False, capture_output=True, text=True
    )
    passed = done.returncode == 0
    print(f"{'ok  ' if passed else 'FAIL'} {name} ({time.monotonic() - began:.1f} s)", flush=True)
    if not passed:
        print(done.stdout + done.stderr, flush=True)
    return passed


def checks(*, fast: bool, lint: bool) -> dict[str, bool]:
    """Run the checks; returns by name whether each passed."""
    selected = {name: command for name, command in LINT.items() if not fast or name in ("style", "form", "words")}
    results = {name: run(name, command) for name, command in selected.items()}
    if not fast and not lint:
        manage = str(ROOT / "manage.py")
        results["missing migrations"] = run("missing migrations", [manage, "makemigrations", "--check", "--dry-run"])
        deploy = [manage, "check", "--deploy", "--fail-level", "WARNING"]
        results["production settings"] = run("production settings", deploy, **PRODUCTION)
    return results


def chromium_is_there() -> bool:
    """Whether browser tests can run; installs Chromium where that is allowed."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser")
    if any(shutil.which(name) for name in names if name) or install_with_apt("chromium"):
        return True
    print(
        "Browser tests need Chromium, and it cannot be installed from here. Debian: sudo apt-get install chromium. "
        "Elsewhere: set CHROMIUM to the program. Without it: make test-fast"
    )
    return False


def tests(*, fast: bool) -> tuple[Counter[str], list[str]]:
    """Run the tests; returns the numbers of passed, failed and skipped, and the names of the failed.

    A run that broke counts as failed.
    """
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-q", f"--junit-xml={REPORT}", "-n", "2", "--dist", "loadgroup"]
    command += ["-m", SLOW_MARKS] if fast else []
    status = subprocess.run(command, cwd=ROOT, check=False).returncode
    totals, failed = read_report(REPORT)
    if status != 0 and not totals["failed"]:
        totals["failed"] += 1
        failed.append("the tests' run")
    return totals, failed


def read_report(path: Path) -> tuple[Counter[str], list[str]]:
    """The counts and the failed tests of pytest's report; nothing when the report is missing."""
    totals: Counter[str] = Counter()
    failed: list[str] = []
    if path.exists():
        root = ET.parse(path).getroot()  # noqa: S314 # nosec B314
        for suite in root.iter("testsuite"):
            count = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
            totals["failed"] += count["failures"] + count["errors"]
            totals["skipped"] += count["skipped"]
            totals["passed"] += count["tests"] - count["failures"] - count["errors"] - count["skipped"]
        failed = [
            f"{case.get('classname')}::{case.get('name')}"
            for case in root.iter("testcase")
            if case.find("failure") is not None or case.find("error") is not None
        ]
    return totals, failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--lint", action="store_true")
    options = parser.parse_args()
    began = time.monotonic()
    results = checks(fast=options.fast, lint=options.lint)
    failed = [name for name, passed in results.items() if not passed]
    totals = Counter(passed=len(results) - len(failed), failed=len(failed), skipped=0)
    if not options.lint:
        if not options.fast and not chromium_is_there():
            totals["failed"] += 1
            failed.append("Chromium")
        else:
            counts, names = tests(fast=options.fast)
            totals, failed = totals + counts, failed + names
    # Repeated at the end for readers of the last lines only.
    failures = f"; failed: {', '.join(failed)}" if failed else ""
    print(f"{len(results)} checks, then the tests, in {time.monotonic() - began:.0f} s{failures}")
    print(f"Totals: {totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped", flush=True)
    return 1 if totals["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
