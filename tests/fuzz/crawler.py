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
import threading
import venv
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests

from apps.localstack.paths import BASE_DIR
from tests.localstack.stack import RunningStack, data_folder, environment
from tests.unlimited import UNLIMITED

HOME = BASE_DIR / "var" / "fuzz"
READERS = ("employee", "manager", "hr")
# Modules that need nobody outside. The others ask a server of the crawler's makers, or guess names for hours.
MODULES = "xss,permanentxss,sql,exec,file,crlf,redirect,ldap,methods,htaccess,csrf,cookieflags,csp,http_headers"
# Signing out, another password and another language end the crawl; nothing else is spared.
SPARED = ("logout/", "password/", "i18n/setlang/", "login/")
# Without TLS, as a developer's machine serves it; `check --deploy` holds servers to them.
LOCAL_ONLY = {"Secure Flag cookie", "HTTP Strict Transport Security (HSTS)"}
TROUBLE = re.compile(r"^.*(?:Error [0-9a-f]+ at|Traceback|Internal Server Error).*$", re.MULTILINE)


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


def signed_in(house: RunningStack, who: dict[str, str]) -> str:
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
    with data_folder(f"fuzz-{reader}") as data:
        house = RunningStack(data, **UNLIMITED)
        try:
            house.wait_until_it_answers()
            asked = [sys.executable, str(BASE_DIR / "manage.py"), "demo_sign_ins", "--json"]
            told = subprocess.run(asked, env=environment(data), check=True, capture_output=True, text=True).stdout
            who = next(one for one in json.loads(told)["sign_ins"] if one["role"] == reader)
            yield from attack(reader, house.address, signed_in(house, who), seconds)
        finally:
            house.stop()
    yield from (f"{reader}: in the log: {line.strip()}" for line in TROUBLE.findall("".join(house.output)))


def attack(name: str, address: str, cookies: str, seconds: int) -> Iterator[str]:
    """What the crawler finds at an address, a line each."""
    report = HOME / f"{name}.json"
    report.unlink(missing_ok=True)
    command = [
        str(installed()), "-u", address, "-m", MODULES, "-f", "json", "-o", str(report), "-v", "0", "-t", "30",
        "--max-scan-time", str(seconds), "--max-attack-time", str(seconds), "--no-bugreport", "--flush-session",
        "--store-session", str(HOME / "sessions"),
    ]  # fmt: skip
    command += ["-C", cookies] if cookies else []
    command += [word for path in SPARED for word in ("-x", f"{address}{path}*")]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found = json.loads(report.read_text(encoding="utf-8"))
    pages = found["infos"].get("crawled_pages_nbr", 0)
    print(f"{name}: {pages} pages crawled", flush=True)
    if not pages:
        yield f"{name}: nothing was crawled"
    yield from _told(name, found)


class Careless(BaseHTTPRequestHandler):
    """A page that writes back what it is sent, and breaks on a quotation mark."""

    def do_GET(self) -> None:
        sought = parse_qs(urlsplit(self.path).query).get("q", [""])[0]
        self.send_response(500 if "'" in sought else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(f"<html><body><form><input name=q></form><p>{sought}</p></body></html>".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: thousands of requests come."""


def finds_what_is_there(seconds: int) -> bool:
    """Whether the crawler finds both faults of a careless page. If it does not, it finds nothing anywhere."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Careless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        found = list(attack("control", f"http://127.0.0.1:{server.server_address[1]}/", "", seconds))
    finally:
        server.shutdown()
    wanted = ("Reflected Cross Site Scripting", "Internal Server Error")
    return all(any(kind in line for line in found) for kind in wanted)


def _told(reader: str, found: dict[str, Any]) -> Iterator[str]:
    for group in ("vulnerabilities", "anomalies"):
        for kind, cases in found[group].items():
            if kind not in LOCAL_ONLY:
                for one in cases:
                    yield f"{reader}: {kind}: {one['method']} {one['path']} {one['parameter'] or ''}: {one['info']}"
