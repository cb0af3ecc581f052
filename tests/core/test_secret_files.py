"""Secrets from files: the file's value, or a sentence that names the variable; never another value."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.backups import keys
from apps.localstack import embedded_runtime
from apps.localstack.local_stack import LocalStack
from apps.localstack.paths import BASE_DIR, InstallPaths
from scripts.check import PRODUCTION
from tests import plugin
from tests.localstack.stack import data_folder

# Every variable in docs/configuration.md that holds or may hold a secret.
SECRETS = {
    "SECRET_KEY": "secret-key-" * 5,
    "IDENTITY_KEY": "identity-key-" * 5,
    "SIGNING_KEY": "b25seS1mb3ItdGhlLWRlcGxveW1lbnQtY2hlY2stMDE",
    "DATABASE_URL": "postgres://app:one@db/hundred",
    "DATABASE_OWNER_URL": "postgres://owner:two@db/hundred",
    "DATABASE_REPLICA_URL": "postgres://app:three@standby/hundred",
    "CELERY_BROKER_URL": "redis://:four@queue/0",
    "CACHE_URL": "redis://:five@queue/1",
    "EMAIL_URL": "smtp+tls://hundred:six@mail:587",
    "OIDC_CLIENT_SECRET": "seven",
}
WHERE = {"ALLOWED_HOSTS": "hundred.example.com", "BASE_URL": "https://hundred.example.com"}
PROVIDER = {"OIDC_ISSUER": "https://login.example.com", "OIDC_CLIENT_ID": "hundred"}
SHOW = """
import json
from django.conf import settings as s
passwords = [s.DATABASES[alias]["PASSWORD"] for alias in ("default", "owner", "replica")]
keys = [s.SECRET_KEY, s.IDENTITY_KEY, s.SIGNING_KEY]
others = [s.CELERY_BROKER_URL, s.CACHES["default"]["LOCATION"], s.EMAIL_HOST_PASSWORD, s.OIDC_CLIENT_SECRET]
print(json.dumps(keys + passwords + others))
"""


def settings(environment: dict[str, str], code: str = SHOW) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if name not in plugin.OURS}
    clean |= {"DJANGO_SETTINGS_MODULE": "config.settings", "HUNDRED_ENV_FILE": ""} | environment
    return subprocess.run(
        [sys.executable, "-c", code], cwd=BASE_DIR, env=clean, check=False, capture_output=True, text=True
    )


def refusal(environment: dict[str, str]) -> str:
    done = settings(environment)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.splitlines()[-1].removeprefix("django.core.exceptions.ImproperlyConfigured: ")


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in PRODUCTION.items() if key != name}


def read_all(done: "subprocess.CompletedProcess[str]") -> list[Any]:
    assert done.returncode == 0, done.stderr
    read: list[Any] = json.loads(done.stdout)
    return read


def test_every_secret_can_come_from_a_file(tmp_path: Path) -> None:
    named = {}
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(f"{value}\n", encoding="utf-8")
        named[f"{name}_FILE"] = str(tmp_path / name)
    plainly = settings({**WHERE, **PROVIDER, **SECRETS})
    by_files = settings({**WHERE, **PROVIDER, **named})
    assert read_all(by_files) == read_all(plainly)
    assert [text for text in SECRETS.values() if text in by_files.stdout][:3] == list(SECRETS.values())[:3]


def test_the_env_file_can_name_secret_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("out of a file", encoding="utf-8")
    lines = [f"{name}={value}" for name, value in without("SECRET_KEY").items() if name != "HUNDRED_ENV_FILE"]
    # As in a copy of .env.example.
    lines += ["SECRET_KEY=", f"SECRET_KEY_FILE={tmp_path / 'key'}"]
    (tmp_path / "env").write_text("\n".join(lines), encoding="utf-8")
    done = settings(
        {"HUNDRED_ENV_FILE": str(tmp_path / "env")}, "from django.conf import settings as s; print(s.SECRET_KEY)"
    )
    assert done.stdout == "out of a file\n", done.stderr


@pytest.mark.parametrize(
    ("content", "read"),
    [("key", "key"), ("key\n", "key"), ("key\r\n", "key"), ("key\n\n", "key\n"), (" k = y ", " k = y ")],
)
def test_only_one_final_newline_is_removed(tmp_path: Path, content: str, read: str) -> None:
    (tmp_path / "key").write_bytes(content.encode())
    code = "from django.conf import settings as s; print(s.SECRET_KEY, end='|')"
    done = settings({**without("SECRET_KEY"), "SECRET_KEY_FILE": str(tmp_path / "key")}, code)
    assert done.stdout == f"{read}|", done.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "SIGNING_KEY", "DATABASE_OWNER_URL", "CELERY_BROKER_URL"])
def test_a_missing_file_stops_the_start_even_if_there_is_a_default(tmp_path: Path, name: str) -> None:
    """A generated signing key, or a separate cache per process, would go unnoticed for months."""
    message = refusal({**without(name), f"{name}_FILE": str(tmp_path / "gone")})
    assert message == f"{name}_FILE names {tmp_path / 'gone'}, which cannot be read: No such file or directory."


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "which is empty."),
        (b"\n", "which is empty."),
        (b"\xff\xfe", "which cannot be read: it is not in UTF-8."),
        (b"$ecret", "whose value must not begin with a dollar sign."),
    ],
)
def test_a_file_without_a_value_stops_the_start(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "key").write_bytes(content)
    message = refusal({**PRODUCTION, "SIGNING_KEY": "", "SIGNING_KEY_FILE": str(tmp_path / "key")})
    assert message == f"SIGNING_KEY_FILE names {tmp_path / 'key'}, {why}"


def test_a_value_and_a_file_at_once_stop_the_start(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("another", encoding="utf-8")
    message = refusal({**PRODUCTION, "IDENTITY_KEY_FILE": str(tmp_path / "key")})
    assert message == "IDENTITY_KEY and IDENTITY_KEY_FILE are both set: remove one of them."


def test_no_message_of_a_refused_start_shows_a_secret(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("$hush-hush", encoding="utf-8")
    done = settings({**PRODUCTION, "SIGNING_KEY": "", "SIGNING_KEY_FILE": str(tmp_path / "key")})
    assert "hush" not in done.stderr


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[InstallPaths]:
    for name in plugin.OURS:
        monkeypatch.delenv(name, raising=False)
    with data_folder() as folder:
        made = InstallPaths(data=folder, log=folder / "log")
        made.create_data()
        yield made


def test_a_key_from_a_file_replaces_the_generated_one_and_is_not_stored(
    places: InstallPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both at once would stop the start; a copy with the data would defeat the purpose of the file."""
    (tmp_path / "key").write_text("kept elsewhere\n", encoding="utf-8")
    monkeypatch.setenv("IDENTITY_KEY_FILE", str(tmp_path / "key"))
    environment_of = embedded_runtime.local_environment(places)
    assert "IDENTITY_KEY" not in environment_of
    assert environment_of["SECRET_KEY"] == places.application_secrets()["SECRET_KEY"]
    assert "kept elsewhere" not in (places.data / "secrets.json").read_text(encoding="utf-8")
    assert keys.secrets_in_use(places)["IDENTITY_KEY"] == "kept elsewhere"


def test_a_database_from_a_file_is_used_and_none_is_started(
    places: InstallPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "address").write_text("postgres://app:secret@db/hundred", encoding="utf-8")
    monkeypatch.setenv("HUNDRED_ENV_FILE", "")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "address"))
    monkeypatch.setenv("CELERY_BROKER_URL_FILE", str(tmp_path / "address"))
    with embedded_runtime.embedded_database(["manage.py", "migrate"]):
        assert "DATABASE_URL" not in os.environ
        assert "HUNDRED_LOCAL" not in os.environ
    house = LocalStack(places)
    assert (house.database, house.own_broker) == (None, False)


def test_web_and_workers_do_not_receive_the_owners_address(
    places: InstallPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DATABASE_URL_FILE", "DATABASE_OWNER_URL_FILE"):
        monkeypatch.setenv(name, "/run/secrets/address")
    environment = LocalStack(places)._environment()
    assert "DATABASE_URL_FILE" in environment
    assert not [name for name in environment if "OWNER" in name]
