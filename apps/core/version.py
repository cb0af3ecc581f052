"""The version of this program, as the project file states it, and of what it runs on."""

import platform
import tomllib
from functools import cache
from importlib.metadata import version

from django.db import connection

from apps.core.sql import APPS


@cache
def program_version() -> str:
    """Such as "0.2.0"; "unknown" where the project file was not installed."""
    try:
        project = tomllib.loads((APPS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    except OSError:
        return "unknown"
    return str(project["project"]["version"])


def versions() -> list[tuple[str, str]]:
    """(name, version) of Hundred and of what it runs on, the database server included."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        server = str(cursor.fetchone()[0])
    packages = [("Django", "django"), ("Celery", "celery")]
    return [
        ("Hundred", program_version()),
        ("Python", platform.python_version()),
        *((name, version(package)) for name, package in packages),
        ("PostgreSQL", server),
    ]
