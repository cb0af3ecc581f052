"""A reader can follow every document: each command, option, path, link and anchor it names exists."""

import re
from functools import cache
from pathlib import Path

import pytest
from django.core.management import BaseCommand, get_commands, load_command_class

from apps.localstack.paths import BASE_DIR

DOCS = BASE_DIR / "docs"
TEXTS = {path: path.read_text(encoding="utf-8") for path in [*BASE_DIR.glob("*.md"), *sorted(DOCS.rglob("*.md"))]}
OWN = {name for name, app in get_commands().items() if app == "config" or app.startswith("apps.")}
SHARED = {*BaseCommand().create_parser("manage.py", "any")._option_string_actions, "--json"}

each_document = pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.relative_to(BASE_DIR).as_posix())


def code(text: str) -> list[str]:
    """Each line of an indented or fenced block, continuation lines joined, and each span between backticks."""
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^ {4,}(.+)$", text.replace("\\\n", " "), flags=re.MULTILINE)
    return [*indented, *"\n".join(fenced).splitlines(), *re.findall(r"`([^`\n]+)`", text)]


@cache
def options(name: str) -> frozenset[str]:
    command = load_command_class(get_commands()[name], name)
    return frozenset(command.create_parser("manage.py", name)._option_string_actions)


def calls(text: str) -> list[tuple[str, set[str]]]:
    """Each command of manage.py with the options beside it. Only own commands are found without `manage.py`."""
    lines = code(text)
    named = [match for line in lines for match in re.findall(r"manage\.py ([a-z]\w+)([^#>`]*)", line)]
    named += [(name, rest) for name, _space, rest in (line.partition(" ") for line in lines) if name in OWN]
    return [(name, set(re.findall(r"--[a-z-]+", rest))) for name, rest in named]


@cache
def anchors(path: Path) -> frozenset[str]:
    """The anchors of a page's headings, as repository hosts generate them.

    A translation has those of the English page, because the application shows it with these anchors.
    """
    path = path.parent.parent / path.name if path.parent.name == "zh" else path
    titles = re.findall(r"^#+ (.+)$", TEXTS[path], flags=re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles)


@each_document
def test_make_targets_exist(path: Path) -> None:
    makefile = (BASE_DIR / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    named = [re.match(r"(?:[A-Z_]+=\S+ )*make ([a-z-]+)", line) for line in code(TEXTS[path])]
    assert {match[1] for match in named if match} <= targets


@each_document
def test_commands_and_their_options_exist(path: Path) -> None:
    for name, named in calls(TEXTS[path]):
        assert name in get_commands(), name
        assert named <= options(name), f"{name} {named}"


def test_the_table_of_commands_has_every_option() -> None:
    """Except Django's own options and --json, which all commands have."""
    first_cells = re.findall(r"^\| (`[^`]+`) \|", TEXTS[DOCS / "commands.md"], flags=re.MULTILINE)
    table = dict(calls("\n".join(first_cells)))
    for name in OWN - {"migrate"}:
        assert table[name] == options(name) - SHARED, name


@each_document
def test_named_files_exist(path: Path) -> None:
    """A path in backticks, such as `tests/core/test_sql.py`; one with a wildcard names at least one file."""
    folders = "apps|config|docs|scripts|static|templates|tests"
    for named in re.findall(rf"`((?:{folders})/[\w./*-]+)(?:::\w+)?`", TEXTS[path]):
        assert list(BASE_DIR.glob(named.rstrip("/"))), named


@each_document
def test_modules_to_run_exist(path: Path) -> None:
    for name in re.findall(r"python3? -m ((?:tests|scripts|apps)[\w.]*)", "\n".join(code(TEXTS[path]))):
        module = BASE_DIR / name.replace(".", "/")
        assert module.with_suffix(".py").is_file() or (module / "__main__.py").is_file(), name


@each_document
def test_links_and_anchors_resolve(path: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^):]*))?\)", TEXTS[path]):
        linked = (path.parent / target).resolve() if target else path
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), f"{target}#{anchor}"
