"""Production settings: everything is closed unless the operator opens it, never by an omission."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from apps.localstack.paths import BASE_DIR
from scripts.check import PRODUCTION
from tests import plugin

COOKIES = ("SESSION", "CSRF", "LANGUAGE")
SETTINGS = [
    "DEBUG",
    "SECURE_SSL_REDIRECT",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "SECURE_HSTS_SECONDS",
    "SESSION_COOKIE_HTTPONLY",
    "CSRF_COOKIE_HTTPONLY",
    "ALLOWED_HOSTS",
    "DATABASES",
    "CONTENT_SECURITY_POLICY",
    "STORAGES",
    "CELERY_TASK_IGNORE_RESULT",
    "EMAIL_BACKEND",
]
SETTINGS += [f"{cookie}_COOKIE_{what}" for cookie in COOKIES for what in ("NAME", "SECURE", "HTTPONLY", "SAMESITE")]
SETTINGS += [f"{cookie}_COOKIE_{what}" for cookie in COOKIES for what in ("PATH", "DOMAIN")]
SHOW = (
    f"import json; from django.conf import settings as s; print(json.dumps({{n: getattr(s, n) for n in {SETTINGS}}}))"
)
REQUIRED = ["SECRET_KEY", "IDENTITY_KEY", "ALLOWED_HOSTS", "BASE_URL", "DATABASE_URL"]


# Without compression, which takes brotli a minute: these tests only check presence and names.
COLLECT = """
from django.conf import settings
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
import django
django.setup()
from django.core.management import call_command
call_command("collectstatic", interactive=False, verbosity=0)
"""


# With compression, for the two files whose delivery is tested: Plotly's script, here a small one, and a page's.
SERVE = """
import json
from django.conf import settings
settings.STATICFILES_FINDERS = ["apps.core.static_finders.PlotlyFinder"]
settings.SECURE_SSL_REDIRECT = False
import django
django.setup()
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import Client
call_command("collectstatic", interactive=False, verbosity=0)
address = staticfiles_storage.url("vendor/plotly.min.js")
client = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
answers = {}
for coding in ("br", "gzip", "identity"):
    answer = client.get(address, headers={"accept-encoding": coding})
    headers = {name.lower(): value for name, value in answer.headers.items()}
    answers[coding] = {"status": answer.status_code, "size": len(answer.getvalue()), **headers}
print(json.dumps({"address": address, "answers": answers}))
"""


# Without a database: a redirect to TLS, a file, a page without queries, and an error.
HEADERS = """
import json, tempfile
from pathlib import Path
from django.conf import settings
folder = Path(tempfile.mkdtemp())
(folder / "picture.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
settings.STATIC_ROOT = str(folder)
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
import django
django.setup()
from django.test import Client
client = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
answers = {}
for address, secure in (("/", False), ("/static/picture.svg", True), ("/health/live", True), ("/x%00", True)):
    answer = client.get(address, secure=secure)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    answers[address] = {"status": answer.status_code, **headers}
print(json.dumps(answers))
"""


def settings(**environment: str) -> "subprocess.CompletedProcess[str]":
    return run(SHOW, **environment)


def run(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if name not in plugin.OURS}
    clean |= {"DJANGO_SETTINGS_MODULE": "config.settings"} | environment
    return subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, env=clean, check=False, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def production() -> dict[str, Any]:
    done = settings(**PRODUCTION)
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


@pytest.mark.parametrize("name", REQUIRED)
def test_production_does_not_start_without(name: str) -> None:
    done = settings(**{key: value for key, value in PRODUCTION.items() if key != name})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f"{name} is not set. See .env.example; `make run` needs none of it.")


def test_an_empty_secret_stops_the_start() -> None:
    assert settings(**PRODUCTION | {"SECRET_KEY": ""}).returncode == 1


def test_the_local_mode_uses_no_well_known_secrets() -> None:
    code = "from django.conf import settings as s; print(s.SECRET_KEY, s.IDENTITY_KEY)"
    first, second = (run(code, HUNDRED_LOCAL="1", HUNDRED_ENV_FILE="").stdout.split() for _ in range(2))
    assert len({*first, *second}) == 4


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_OWNER_URL", "DATABASE_REPLICA_URL"])
def test_a_database_other_than_postgresql_is_refused(name: str) -> None:
    done = settings(**PRODUCTION | {name: "sqlite:///hundred.db"})
    assert done.returncode == 1
    assert f"{name} must name a PostgreSQL database" in done.stderr


def test_a_replica_is_read_only_and_soon_given_up_when_unreachable(production: dict[str, Any]) -> None:
    assert "replica" not in production["DATABASES"]
    done = settings(**PRODUCTION | {"DATABASE_REPLICA_URL": "postgres://app@standby/hundred?keepalives_idle=60"})
    options = json.loads(done.stdout)["DATABASES"]["replica"]["OPTIONS"]
    assert options.pop("options").endswith("-c statement_timeout=30000 -c default_transaction_read_only=on")
    assert options == {
        "connect_timeout": "2", "tcp_user_timeout": "3000", "keepalives_idle": 60, "keepalives_interval": "1",
        "keepalives_count": "3", "target_session_attrs": "any",
    }  # fmt: skip


def test_nothing_is_open_by_default(production: dict[str, Any]) -> None:
    assert production["DEBUG"] is False
    for name in SETTINGS[1:7]:
        assert production[name], name
    assert production["ALLOWED_HOSTS"] == ["hundred.example.com"]
    assert production["EMAIL_BACKEND"].endswith("smtp.EmailBackend")


@pytest.mark.parametrize("cookie", COOKIES)
def test_cookies_belong_to_this_host_only_and_not_to_scripts(production: dict[str, Any], cookie: str) -> None:
    cookies = {
        what: production[f"{cookie}_COOKIE_{what}"] for what in ("SECURE", "HTTPONLY", "SAMESITE", "PATH", "DOMAIN")
    }
    assert cookies == {"SECURE": True, "HTTPONLY": True, "SAMESITE": "Lax", "PATH": "/", "DOMAIN": None}
    assert production[f"{cookie}_COOKIE_NAME"].startswith("__Host-")


def test_every_response_has_the_security_headers() -> None:
    """Pages, files, errors and the redirect to TLS: a file opened on its own is a document too."""
    done = run(HEADERS, **PRODUCTION)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert [answer["status"] for answer in answers.values()] == [301, 200, 200, 400]
    for address, answer in answers.items():
        assert "frame-ancestors 'none'" in answer["content-security-policy"], address
        assert "access-control-allow-origin" not in answer, address
        if answer["status"] == 200:
            assert answer["strict-transport-security"] == "max-age=31536000; includeSubDomains; preload", address
            assert answer["x-content-type-options"] == "nosniff", address
            assert "camera=()" in answer["permissions-policy"], address
            assert answer["referrer-policy"] == "same-origin", address
            assert answer["cross-origin-opener-policy"] == "same-origin", address


def test_the_content_policy_has_no_hole(production: dict[str, Any]) -> None:
    directives = production["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]
    assert directives["default-src"] == ["'none'"]
    assert directives["script-src"] == ["'self'"]
    assert len(directives["style-src"]) == 2
    assert directives["style-src"][1].startswith("'sha256-")
    for sources in directives.values():
        assert not any(re.search(r"unsafe|\*|^https?:", source) for source in sources)


def test_every_database_wait_of_a_page_has_a_limit(production: dict[str, Any]) -> None:
    assert production["DATABASES"]["default"]["OPTIONS"]["options"].split(" -c ") == [
        "-c random_page_cost=1.1", "jit=off", "client_connection_check_interval=1000",
        "lock_timeout=10000", "statement_timeout=30000",
    ]  # fmt: skip
    assert "statement_timeout=0" in production["DATABASES"]["owner"]["OPTIONS"]["options"]


def test_env_example_explains_every_variable_in_use() -> None:
    example = (BASE_DIR / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    read = set()
    for path in [*(BASE_DIR / "config").glob("*.py"), *(BASE_DIR / "apps" / "localstack").glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        read |= set(re.findall(r"""(?:env\.\w+|_required|environ(?:\.get)?)[(\[]\s*"([A-Z_]+)""", text))
    internal = {"HUNDRED_LOCAL", "HUNDRED_LOG", "HUNDRED_ENV_FILE", "HUNDRED_MAILS", "DJANGO_SETTINGS_MODULE"}
    assert read - internal <= named
    assert named <= read | {"CHROMIUM"}


def test_env_example_is_a_working_file(tmp_path: Path) -> None:
    filled = (BASE_DIR / ".env.example").read_text(encoding="utf-8")
    for name in ("SECRET_KEY", "IDENTITY_KEY"):
        filled = filled.replace(f"\n{name}=\n", f"\n{name}={'x' * 20}\n")
    filled = re.sub(r"^#([A-Z_]+=)", r"\1", filled, flags=re.MULTILINE)
    filled = filled.replace("\nOIDC_CLIENT_SECRET=\n", "\nOIDC_CLIENT_SECRET=secret\n")
    (tmp_path / "plotly.js").write_text("plotly.js", encoding="utf-8")
    filled = re.sub(r"^PLOTLY_BUNDLE=.*$", f"PLOTLY_BUNDLE={tmp_path / 'plotly.js'}", filled, flags=re.MULTILINE)
    (tmp_path / "env").write_text(filled, encoding="utf-8")
    done = settings(HUNDRED_ENV_FILE=str(tmp_path / "env"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ALLOWED_HOSTS"] == ["hundred.example.com"]


@pytest.fixture(scope="module")
def static_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that `collectstatic` collected."""
    folder = tmp_path_factory.mktemp("static")
    done = run(COLLECT, STATIC_ROOT=str(folder), **PRODUCTION)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_static_file_named_by_a_page_is_collected(static_root: Path) -> None:
    collected = json.loads((static_root / "staticfiles.json").read_text(encoding="utf-8"))["paths"]
    templates = [*(BASE_DIR / "templates").rglob("*.html"), *(BASE_DIR / "apps").rglob("*.html")]
    named = {
        name
        for path in templates
        for name in re.findall(r"""\{%\s*static\s+["']([^"']+)["']""", path.read_text(encoding="utf-8"))
    }
    assert named
    assert named - set(collected) == set()
    assert "vendor/plotly.min.js" in collected


def test_the_chart_library_is_served_compressed_and_cached_permanently(tmp_path: Path) -> None:
    """Otherwise every visit to a page with charts costs megabytes, or an update leaves old scripts in browsers."""
    script = "/* plotly.js */ " + "var a = [1, 2, 3];" * 2000
    (tmp_path / "plotly.js").write_text(script, encoding="utf-8")
    chosen = {"STATIC_ROOT": str(tmp_path / "static"), "PLOTLY_BUNDLE": str(tmp_path / "plotly.js")}
    done = run(SERVE, **chosen, **PRODUCTION)
    assert done.returncode == 0, done.stderr
    response = json.loads(done.stdout)
    digest = hashlib.md5(script.encode(), usedforsecurity=False).hexdigest()[:12]
    assert response["address"] == f"/static/vendor/plotly.min.{digest}.js"
    for coding, answer in response["answers"].items():
        assert answer["status"] == 200
        assert answer["cache-control"] == "max-age=315360000, public, immutable"
        assert answer["vary"] == "Accept-Encoding"
        assert answer.get("content-encoding", "identity") == coding
        assert answer["content-type"].startswith("text/javascript")
    assert response["answers"]["br"]["size"] < response["answers"]["gzip"]["size"] < len(script) / 20
    assert response["answers"]["identity"]["size"] == len(script)


def test_a_missing_chosen_library_stops_the_start() -> None:
    done = settings(**PRODUCTION | {"PLOTLY_BUNDLE": "/nowhere/plotly.js"})
    assert done.returncode == 1
    assert "PLOTLY_BUNDLE cannot be read" in done.stderr.splitlines()[-1]


def test_a_web_process_without_static_files_names_the_command_and_starts(tmp_path: Path) -> None:
    """Otherwise a worker that starts during an update would stop all others."""
    done = run("import config.wsgi; print('up')", STATIC_ROOT=str(tmp_path / "empty"), **PRODUCTION)
    assert (done.returncode, done.stdout) == (0, "up\n")
    assert "A page cannot be drawn; `manage.py collectstatic` collects what pages need" in done.stderr
    assert "Missing staticfiles manifest entry for" in done.stderr


def test_a_missing_list_of_leaked_passwords_stops_the_web_process(tmp_path: Path, static_root: Path) -> None:
    """gunicorn runs no system checks: the first user who sets a password would notice the mistake."""
    script = "print([one['NAME'] for one in s.AUTH_PASSWORD_VALIDATORS if 'Breached' in one['NAME']])"
    code = f"import config.wsgi; from django.conf import settings as s; {script}"
    unnamed = PRODUCTION | {"STATIC_ROOT": str(static_root)}
    assert run(code, **unnamed).stdout == "[]\n"
    (tmp_path / "known").write_text(f"{'0' * 40}:3\n", encoding="ascii")
    named = unnamed | {"BREACHED_PASSWORDS": str(tmp_path / "known")}
    assert run(code, **named).stdout == "['apps.accounts.password_validators.BreachedValidator']\n"
    (tmp_path / "known").unlink()
    for start in (code, "import sys; sys.argv = ['manage.py', 'check']; import manage; manage.main()"):
        done = run(start, **named)
        assert (done.returncode, done.stdout) == (1, "")
        assert f"BREACHED_PASSWORDS: {tmp_path / 'known'} cannot be read: No such file or directory." in done.stderr


def test_the_local_mode_serves_a_named_folder_of_collected_files(tmp_path: Path) -> None:
    code = (
        "from django.conf import settings as s; print(s.WHITENOISE_USE_FINDERS, s.STORAGES['staticfiles']['BACKEND'])"
    )
    assert run(code, HUNDRED_LOCAL="1", HUNDRED_ENV_FILE="").stdout.startswith("True django.")
    named = run(code, HUNDRED_LOCAL="1", HUNDRED_ENV_FILE="", STATIC_ROOT=str(tmp_path))
    assert named.stdout.startswith("False whitenoise.storage.Compressed")
