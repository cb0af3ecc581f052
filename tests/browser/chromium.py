"""Starts the Chromium of the machine for a test: no download, no network of its own."""

import os
import shutil

from playwright.sync_api import Browser, Playwright

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def program() -> str:
    """Where Chromium is; `CHROMIUM` names another one."""
    found = shutil.which(os.environ.get("CHROMIUM", "chromium")) or shutil.which("chromium-browser")
    if not found:
        raise AssertionError("Chromium is missing: apt-get install chromium, or set CHROMIUM")
    return found


def launch(playwright: Playwright) -> Browser:
    """A browser of its own, headless."""
    return playwright.chromium.launch(executable_path=program(), args=ARGUMENTS)
