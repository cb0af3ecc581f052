"""Rates the pages with Lighthouse: `make lighthouse` writes var/lighthouse.json and prints a table.

Starts a separate server with a demo company, and with static files collected and compressed as in production. Opens
each page several times like a phone on a slow network (Lighthouse's usual simulation). The median counts: a single run
on a busy machine says little, so the load is printed too. Exit status 1: a page is below its mark.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import sync_playwright

from scripts.bootstrap import ROOT
from scripts.screenshots.servers import demo, free_port
from scripts.screenshots.taking import ARGUMENTS, sign_in

VERSION = "12.8.2"  # the newest that runs on Node 20
PLACE = ROOT / "var" / "node"
REPORT = ROOT / "var" / "lighthouse.json"
PAGES = {"/": "employee", "/contacts/": "employee", "/team/": "manager"}
MARKS = {"performance": 90, "accessibility": 95, "best-practices": 95}
MEASURES = {
    "first-contentful-paint": "FCP ms",
    "largest-contentful-paint": "LCP ms",
    "total-blocking-time": "TBT ms",
    "cumulative-layout-shift": "CLS",
    "total-byte-weight": "bytes",
}


class Run(NamedTuple):
    """One run of a page: scores out of 100, and measures in their units."""

    scores: dict[str, float]
    measures: dict[str, float]
    shortfalls: list[str]


def install() -> Path:
    """Lighthouse's program in a folder that git ignores; downloaded once."""
    program = PLACE / "node_modules" / ".bin" / "lighthouse"
    package = PLACE / "node_modules" / "lighthouse" / "package.json"
    if package.exists() and json.loads(package.read_text(encoding="utf-8"))["version"] == VERSION:
        return program
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit("This needs npm, which comes with Node 18 or later.")
    PLACE.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--prefix", str(PLACE), "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
    if subprocess.run([*command, f"lighthouse@{VERSION}"], check=False).returncode:
        raise SystemExit(f"npm could not install Lighthouse {VERSION}; see its output above.")
    return program


def open_page(program: Path, address: str, shown: str, port: int) -> Run:
    """One run in the browser that listens at this port; Lighthouse empties its cache first, but keeps its cookies.

    `shown` is the final address of the page: a manager's `/team/` redirects to the manager's own team.
    """
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "report.json"
        command = [str(program), address, "--quiet", "--output", "json", "--output-path", str(output)]
        command += ["--only-categories", ",".join(MARKS)]
        subprocess.run([*command, "--port", str(port)], check=True, cwd=folder)
        return read(json.loads(output.read_text(encoding="utf-8")), shown)


def read(report: dict[str, Any], shown: str) -> Run:
    """The relevant values of a report. A page other than the requested one (a sign-in, an error) is no measurement."""
    if report["finalDisplayedUrl"] != shown or report.get("runtimeError"):
        raise SystemExit(f"Lighthouse saw {report['finalDisplayedUrl']}: {report.get('runtimeError')}")
    audits, categories = report["audits"], report["categories"]
    referred = [audit["id"] for name in MARKS for audit in categories[name]["auditRefs"] if audit["weight"]]
    short = [
        name
        for name in referred
        if (audits[name]["score"] or 0) < 0.9 and audits[name]["scoreDisplayMode"] != "notApplicable"
    ]
    return Run(
        {name: 100 * categories[name]["score"] for name in MARKS},
        {name: audits[name]["numericValue"] for name in MEASURES},
        short,
    )


def summary(runs: list[Run]) -> dict[str, Any]:
    """The medians, and the audits failed in more than half of the runs."""
    names = {name for run in runs for name in run.shortfalls}
    return {
        "scores": {name: statistics.median(run.scores[name] for run in runs) for name in MARKS},
        "measures": {name: statistics.median(run.measures[name] for run in runs) for name in MEASURES},
        "runs": [run.scores["performance"] for run in runs],
        "short": sorted(name for name in names if 2 * sum(name in run.shortfalls for run in runs) > len(runs)),
    }


def misses(results: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{page}: {name} is {result['scores'][name]:.0f}, not {mark}"
        for page, result in results.items()
        for name, mark in MARKS.items()
        if result["scores"][name] < mark
    ]


def collected(folder: Path) -> dict[str, str]:
    """The static files as in production, and the settings to serve them."""
    environment = {"HUNDRED_LOCAL": "1", "HUNDRED_ENV_FILE": "", "STATIC_ROOT": str(folder)}
    command = [sys.executable, "-m", "django", "collectstatic", "--noinput", "--verbosity", "0"]
    settings = {"DJANGO_SETTINGS_MODULE": "config.settings"}
    subprocess.run(command, cwd=ROOT, env=os.environ | environment | settings, check=True)
    return {"STATIC_ROOT": str(folder)}


def measure(times: int, pages: list[str]) -> dict[str, dict[str, Any]]:
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        raise SystemExit("This needs Chromium: apt-get install chromium, or name it in CHROMIUM")
    program = install()
    static = ROOT / "var" / "lighthouse-static"
    with demo(**collected(static)) as house, sync_playwright() as playwright:
        port = free_port()
        # Started here: Lighthouse waits half a minute for a browser, which is too short on a busy machine.
        arguments = [*ARGUMENTS, f"--remote-debugging-port={port}"]
        # Lighthouse opens its tab in the browser's first context, so the user signs in there.
        with tempfile.TemporaryDirectory() as profile:
            context = playwright.chromium.launch_persistent_context(
                profile, executable_path=chromium, args=arguments, timeout=120_000
            )
            results = {}
            for page in pages:
                context.clear_cookies()
                sign_in(context, house, PAGES[page])
                tab, address = context.new_page(), house.address + page
                tab.goto(address)
                shown = tab.url
                tab.close()
                results[page] = summary([open_page(program, address, shown, port) for _ in range(times)])
            context.close()
    return results


def table(results: dict[str, dict[str, Any]]) -> str:
    lines = [" | ".join(["", "page", *MARKS, *MEASURES.values(), ""]).strip()]
    lines.append("|" + " --- |" * (1 + len(MARKS) + len(MEASURES)))
    for page, result in results.items():
        numbers = [f"{result['scores'][name]:.0f}" for name in MARKS]
        numbers += [
            f"{result['measures'][name]:,.3g}" if name.endswith("shift") else f"{result['measures'][name]:,.0f}"
            for name in MEASURES
        ]
        lines.append("| " + " | ".join([f"`{page}`", *numbers]) + " |")
    return "\n".join(lines)


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("--runs", type=int, default=5, help="how often each page; 5")
    reader.add_argument("--page", nargs="*", choices=[*PAGES], default=[*PAGES])
    chosen = reader.parse_args()
    results = measure(chosen.runs, chosen.page)
    load = " ".join(f"{result:.1f}" for result in os.getloadavg())
    machine = f"{os.cpu_count()} cores, {platform.machine()}, load {load}, Lighthouse {VERSION}"
    when = datetime.now(UTC).isoformat(timespec="minutes")
    REPORT.write_text(json.dumps({"at": when, "machine": machine, "pages": results}, indent=1), encoding="utf-8")
    print(f"Medians of {chosen.runs} runs, {when}, {machine}\n\n{table(results)}\n")
    for page, result in results.items():
        print(f"{page}: performance {result['runs']}; short of full marks: {', '.join(result['short']) or 'nothing'}")
    missed = misses(results)
    print("\n".join(missed) or "Every page is at its marks.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
