"""Every package that the code imports is declared: otherwise an update of another package removes it unnoticed."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions

import pytest

from scripts.bootstrap import ROOT

# The second is of group chats, imported where it is installed.
PRODUCT = ("requirements.txt", "requirements-chat.txt")
OWN = {"apps", "config", "manage", "scripts", "tests"}


def declared(*files: str) -> set[str]:
    """The packages that the files name, with the files that they include, in normalised spelling."""
    names: set[str] = set()
    for file in files:
        for line in (ROOT / file).read_text("utf-8").splitlines():
            if included := re.match(r"-r (\S+)", line):
                names |= declared(included[1])
            elif named := re.match(r"[A-Za-z0-9._-]+", line):
                names.add(normalised(named[0]))
    return names


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def installed() -> dict[str, set[str]]:
    """The packages that bring each module."""
    return {module: set(map(normalised, names)) for module, names in packages_distributions().items()}


def imports(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def undeclared(folders: tuple[str, ...], names: set[str]) -> dict[str, str]:
    """The modules of others that are imported and in no declared package, each with one file that imports it."""
    found = {}
    for folder in folders:
        path = ROOT / folder
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            for module in imports(file.read_text("utf-8")):
                foreign = module not in OWN and module not in sys.stdlib_module_names
                if foreign and not installed().get(module, set()) & names:
                    found[module] = file.relative_to(ROOT).as_posix()
    return found


@pytest.mark.parametrize(
    ("folders", "files"),
    [
        (("apps", "config", "manage.py", "gunicorn.conf.py"), PRODUCT),
        (("apps", "config", "scripts", "tests"), ("requirements-dev.txt",)),
    ],
    ids=["product", "development"],
)
def test_every_imported_package_is_declared(folders: tuple[str, ...], files: tuple[str, ...]) -> None:
    assert undeclared(folders, declared(*files)) == {}


def test_mutant_an_undeclared_package_is_named() -> None:
    assert "django" in undeclared(("apps",), declared(*PRODUCT) - {"django"})
