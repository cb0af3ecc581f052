"""The version of this program and of what it runs on."""

import platform
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from django.db import connection

PROJECT = Path(__file__).resolve().parent.parent.parent / "pyproject.toml"


@cache
def hundred_version() -> str:
    """The version of Hundred, from the project's file."""
    return str(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])


def versions() -> list[tuple[str, str]]:
    """(name, version) of Hundred and of what it runs on, the database server included."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = str(cursor.fetchone()[0])
    packages = [("Django", "django"), ("Celery", "celery")]
    return [
        ("Hundred", hundred_version()),
        ("Python", platform.python_version()),
        *((name, version(package)) for name, package in packages),
        ("PostgreSQL", server),
    ]
