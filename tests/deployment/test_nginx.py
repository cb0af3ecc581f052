"""The nginx file of docs/deployment in a real nginx, before a web process as its unit starts it."""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.deployment.places import FILES, HOST, command_of, production, running, wait_for, write_chain
from tests.localstack.stack import free_port

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
MAIN = """
user root;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    include {folder}/hundred.conf;
}}
"""
pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(not NGINX, reason="nginx is not installed on this machine: apt-get install nginx"),
]


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


@dataclass
class Site:
    """A running nginx: its ports without and with TLS, the authority of its certificate, its log."""

    plain: int
    tls: int
    authority: Path
    log: Path

    def ask(self, path: str, *, tls: bool = True, headers: dict[str, str] | None = None, method: str = "GET") -> Answer:
        """One request on a connection of its own, without a body."""
        connection = http.client.HTTPConnection(HOST, timeout=30)
        connection.sock = socket.create_connection(("127.0.0.1", self.tls if tls else self.plain), timeout=30)
        if tls:
            context = ssl.create_default_context(cafile=str(self.authority))
            connection.sock = context.wrap_socket(connection.sock, server_hostname=HOST)
        with contextlib.closing(connection):
            connection.putrequest(method, path)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())


def configuration(folder: Path, *, web: int, plain: int, tls: int) -> tuple[Path, Path]:
    """The file of the documentation with this test's ports and paths: (nginx.conf, the certificate's authority)."""
    authority, certificate, key = write_chain(folder, HOST)
    text = (FILES / "nginx" / "hundred.conf").read_text(encoding="utf-8")
    # Not every machine has IPv6.
    text = re.sub(r"^ +listen \[::\].*\n", "", text, flags=re.MULTILINE)
    changes = {
        "listen 80;": f"listen 127.0.0.1:{plain};", "listen 443 ssl;": f"listen 127.0.0.1:{tls} ssl;",
        "server 127.0.0.1:8000;": f"server 127.0.0.1:{web};", "/etc/ssl/hundred/fullchain.pem": str(certificate),
        "/etc/ssl/hundred/key.pem": str(key), "/var/log/nginx/hundred.log": str(folder / "access.log"),
    }  # fmt: skip
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    (folder / "hundred.conf").write_text(text, encoding="utf-8")
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder), encoding="utf-8")
    return folder / "nginx.conf", authority


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("nginx")
    web, plain, tls = free_port(), free_port(), free_port()
    main, authority = configuration(folder, web=web, plain=plain, tls=tls)
    command = command_of("hundred-web.service", **{"127.0.0.1:8000": f"127.0.0.1:{web}", "--workers 3": "--workers 1"})
    assert NGINX
    nginx = [NGINX, "-p", str(folder), "-c", str(main), "-e", str(folder / "error.log"), "-g", "daemon off;"]
    with running(command, folder / "web.log", production()) as log, running(nginx, folder / "nginx.log"):
        wait_for("Booting worker", log)
        wait_for("", folder / "access.log")
        yield Site(plain, tls, authority, folder / "access.log")


def test_nginx_accepts_the_file_without_a_warning(tmp_path: Path):
    main, _authority = configuration(tmp_path, web=8000, plain=free_port(), tls=free_port())
    assert NGINX
    command = [NGINX, "-t", "-p", str(tmp_path), "-c", str(main), "-e", str(tmp_path / "error.log")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_a_page_arrives_over_tls(site: Site):
    """Without the forwarded headers pages would redirect for ever."""
    assert site.ask("/health/ready").status == 200
    response = site.ask("/")
    assert (response.status, response.headers["Location"]) == (302, "/login/?next=/")
    assert "max-age=" in response.headers["Strict-Transport-Security"]


def test_a_page_without_tls_is_redirected_and_the_api_is_refused(site: Site):
    response = site.ask("/contacts/?q=Ann", tls=False)
    assert (response.status, response.headers["Location"]) == (301, f"https://{HOST}/contacts/?q=Ann")
    # A redirect would hide that a token went over the wire.
    assert site.ask("/api/v1/contacts/", tls=False).status == 403
    assert site.ask("/api/v1/contacts/").status == 401
    assert site.ask("/scim/v2/Users", tls=False).status == 403
    assert site.ask("/scim/v2/Users").status == 401


def test_the_metrics_are_closed_to_the_internet(site: Site):
    response = site.ask("/metrics")
    assert (response.status, b"nginx" in response.body) == (404, True)


def test_each_request_has_one_id_that_no_client_chooses(site: Site):
    """An operator finds the lines of a request, and no client can add lines to another's request."""
    response = site.ask("/health/live?q=Ann-Example", headers={"X-Request-ID": "forged"})
    [given] = response.headers.get_all("X-Request-ID") or []
    assert re.fullmatch(r"[0-9a-f]{32}", given)
    wait_for(given, site.log)
    log = site.log.read_text(encoding="utf-8")
    assert "forged" not in log
    assert "Ann-Example" not in log


def test_a_huge_body_is_refused_before_it_is_sent(site: Site):
    response = site.ask("/contacts/import/", method="POST", headers={"Content-Length": str(60_000_000)})
    assert response.status == 413
