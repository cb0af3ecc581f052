"""A crawler from the package index over a running house: it follows every link, fills in every form, and attacks both.

Signed in as an employee, a manager and HR of the demo, each in a house of its own. It looks for what was sent coming
back as markup, for statements, commands, files and headers that it could slip in, and for server errors; the house's
log is read for errors besides. Its packages stand in requirements-fuzz.txt and go into var/fuzz.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

from config.places import BASE_DIR
from tests.config.house import House, data_folder, environment
from tests.unlimited import UNLIMITED

HOME = BASE_DIR / "var" / "fuzz"
READERS = ("employee", "manager", "hr")
# Modules that need nobody outside. The others ask a server of the crawler's makers, or guess names for hours.
MODULES = "xss,permanentxss,sql,exec,file,crlf,redirect,ldap,methods,htaccess,csrf,cookieflags,csp,http_headers"
# Signing out, another password and another language end the crawl; nothing else is spared.
SPARED = ("logout/", "password/", "i18n/setlang/", "login/")
# Without TLS, as a developer's machine serves it; `check --deploy` holds servers to them.
LOCAL_ONLY = {"Secure Flag cookie", "HTTP Strict Transport Security (HSTS)"}
TROUBLE = re.compile(r"^.*(?:Trouble [0-9a-f]+ at|Traceback|Internal Server Error).*$", re.MULTILINE)


def installed() -> Path:
    """The crawler's program; the first call installs it."""
    program = HOME / "bin" / "wapiti"
    if not program.exists():
        print("Installing the crawler, once", flush=True)
        venv.create(HOME, with_pip=True, clear=True)
        pip = [
            str(HOME / "bin" / "python"),
            "-m",
            "pip",
            "install",
            "-q",
            "-r",
            str(BASE_DIR / "requirements-fuzz.txt"),
        ]
        subprocess.run(pip, check=True)
    return program


def signed_in(house: House, who: dict[str, str]) -> str:
    """The cookies of somebody of the demo, as a header has them."""
    session = requests.Session()
    page = session.get(f"{house.address}login/", timeout=30).text
    token = page.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    fields = {"username": who["login"], "password": who["password"], "csrfmiddlewaretoken": token}
    done = session.post(f"{house.address}login/", fields, headers={"Referer": house.address}, timeout=30)
    if done.url.endswith("/login/"):
        raise RuntimeError(f"{who['role']} could not sign in")
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in session.cookies)


def crawl(reader: str, seconds: int) -> Iterator[str]:
    """What was found as this reader, a line each; `seconds` bound the crawl, and each kind of attack."""
    program = installed()
    with data_folder(f"fuzz-{reader}") as data:
        house = House(data, **UNLIMITED)
        try:
            house.wait_until_it_answers()
            asked = [sys.executable, str(BASE_DIR / "manage.py"), "demo_sign_ins", "--json"]
            told = subprocess.run(asked, env=environment(data), check=True, capture_output=True, text=True).stdout
            who = next(one for one in json.loads(told)["sign_ins"] if one["role"] == reader)
            report = HOME / f"{reader}.json"
            report.unlink(missing_ok=True)
            command = [
                str(program), "-u", house.address, "-C", signed_in(house, who), "-m", MODULES, "-f", "json",
                "-o", str(report), "--max-scan-time", str(seconds), "--max-attack-time", str(seconds), "-v", "0",
                "--flush-session", "--store-session", str(HOME / "sessions"), "--no-bugreport", "-t", "30",
            ]  # fmt: skip
            command += [word for path in SPARED for word in ("-x", f"{house.address}{path}*")]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            found = json.loads(report.read_text(encoding="utf-8"))
        finally:
            house.stop()
    pages = found["infos"].get("crawled_pages_nbr", 0)
    print(f"{reader}: {pages} pages crawled", flush=True)
    if not pages:
        yield f"{reader}: nothing was crawled"
    yield from _told(reader, found)
    yield from (f"{reader}: in the log: {line.strip()}" for line in TROUBLE.findall("".join(house.said)))


def _told(reader: str, found: dict[str, Any]) -> Iterator[str]:
    for group in ("vulnerabilities", "anomalies"):
        for kind, cases in found[group].items():
            if kind not in LOCAL_ONLY:
                for one in cases:
                    yield f"{reader}: {kind}: {one['method']} {one['path']} {one['parameter'] or ''}: {one['info']}"
