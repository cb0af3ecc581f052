"""The documents match the code."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest
from django.apps import apps
from django.core.management import get_commands

from apps.localstack.paths import BASE_DIR
from scripts.catalogue import CATALOGUE

DOCS = BASE_DIR / "docs"
CONFIGURATION = (DOCS / "configuration.md").read_text(encoding="utf-8")
COMMANDS = (DOCS / "commands.md").read_text(encoding="utf-8")
HANDBOOK = (DOCS / "hr-handbook.md").read_text(encoding="utf-8")
EXAMPLE = (BASE_DIR / ".env.example").read_text(encoding="utf-8")
READERS = [
    *(BASE_DIR / "config").glob("*.py"), *(BASE_DIR / "apps" / "localstack").glob("*.py"),
    *(BASE_DIR / "apps" / "core").glob("*.py"), *(BASE_DIR / "scripts").glob("*.py"), BASE_DIR / "manage.py",
]  # fmt: skip
# These choose or replace the file, or `make run` sets them, so the file cannot contain them.
NOT_IN_FILE = {"HUNDRED_ENV_FILE", "HUNDRED_LOCAL", "HUNDRED_LOG", "HUNDRED_MAILS"}
# Django reads these and Hundred passes them on; an installation never sets them.
NOT_OURS = {"DJANGO_SETTINGS_MODULE"}
NAME = re.compile(r"^[A-Z][A-Z_]+$")


def read_by(source: str) -> Iterator[str]:
    """Names of environment variables that a Python file reads: env.str("A"), environ["B"], _required("C")."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _reads(node.func):
            argument = node.args[0] if node.args else None
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_environment(node.value):
            argument = node.slice
        else:
            continue
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str) and NAME.match(argument.value):
            yield argument.value


def _reads(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in ("_required", "getenv")
    return isinstance(function, ast.Attribute) and (_is_environment(function.value) or function.attr == "getenv")


def _is_environment(value: ast.expr) -> bool:
    """`env`, as in the settings, or os.environ."""
    return (isinstance(value, ast.Name) and value.id == "env") or (
        isinstance(value, ast.Attribute) and value.attr == "environ"
    )


def variables() -> set[str]:
    return {name for path in READERS for name in read_by(path.read_text(encoding="utf-8"))} - NOT_OURS


def table(text: str, heading: str) -> list[str]:
    """The first cells of the table below a heading, as code."""
    section = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)`", section, flags=re.MULTILINE)


def test_the_scanner_finds_every_way_to_read_a_variable():
    source = """
env.str("A_ONE"), _required("A_TWO", "x"), os.environ.get("A_THREE") or 1, os.environ["A_FOUR"]
os.environ["WRITTEN"] = "1"
settings.get("OTHER")
"""
    assert sorted(read_by(source)) == ["A_FOUR", "A_ONE", "A_THREE", "A_TWO"]


def test_the_docs_list_exactly_the_variables_in_use():
    assert sorted(table(CONFIGURATION, "Environment")) == sorted(variables())


def test_env_example_lists_exactly_the_settable_variables():
    listed = re.findall(r"^#?([A-Z][A-Z_]+)=", EXAMPLE, flags=re.MULTILINE)
    assert sorted(listed) == sorted(variables() - NOT_IN_FILE)


def test_env_example_explains_each_variable():
    lines = EXAMPLE.splitlines()
    for number, line in enumerate(lines):
        if re.match(r"^#?[A-Z][A-Z_]+=", line):
            assert lines[number - 1].startswith("# "), f"{line} has no comment above it"


def test_the_docs_list_exactly_the_commands():
    ours = {name for name, app in get_commands().items() if app == "config" or app.startswith("apps.")}
    assert {line.split()[0] for line in table(COMMANDS, "Commands")} == ours


def test_readme_starts_the_demo_and_the_tests():
    readme = (BASE_DIR / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^    make ([a-z-]+) ", readme, flags=re.MULTILINE) == ["run", "test"]


def test_the_index_links_every_page():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert {path.name for path in DOCS.glob("*.md")} - {"index.md"} == set(re.findall(r"\]\(([\w-]+\.md)\)", index))


def test_the_handbook_uses_the_words_of_the_pages():
    """Words in italics are labels to click: a wrong label misleads the reader."""
    catalogue = {entry.msgid for entry in polib.pofile(str(CATALOGUE))}
    led = re.findall(r"(?<!\*)\*([^*\n]+)\*(?!\*)", HANDBOOK)
    assert len(led) > 10
    assert [word for words in led for word in words.rstrip(".").split(", ") if word not in catalogue] == []


@pytest.mark.parametrize("folder", [DOCS, DOCS / "zh"])
def test_the_handbook_shows_all_its_screenshots_and_each_is_small(folder: Path):
    text = (folder / "hr-handbook.md").read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]+\]\((handbook-\w+\.png)\)", text)
    assert sorted(shown) == sorted(path.name for path in folder.glob("handbook-*.png"))
    assert {name for name in shown if (folder / name).stat().st_size > 120_000} == set()


def test_the_architecture_lists_the_layers_of_the_import_contract():
    layers = re.findall(
        r"^\| (`\w+`(?:, `\w+`)*) \|", (DOCS / "architecture.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["id"]: contract for contract in project["tool"]["importlinter"]["contracts"]}
    assert [layer.replace("`", "").replace(", ", " | ") for layer in layers] == contracts["apps"]["layers"]


def test_the_data_model_names_tables_that_exist():
    text = (DOCS / "data-model.md").read_text(encoding="utf-8")
    relations = re.findall(r"^ {4}(\w+) \S*--\S* (\w+) :", text, re.MULTILINE)
    rows = re.findall(r"^\| [a-z]+ \| ((?:`\w+`(?:, )?)+) \|", text, re.MULTILINE)
    named = {name for pair in relations for name in pair} | set(re.findall(r"`(\w+)`", " ".join(rows)))
    assert len(relations) > 15
    assert len(rows) > 5
    assert named <= {model.__name__ for model in apps.get_models()}


def test_every_adr_is_in_the_index():
    folder = BASE_DIR / "docs" / "adr"
    listed = set(re.findall(r"\]\((\d{4}-[^)]+)\)", (folder / "README.md").read_text(encoding="utf-8")))
    assert listed == {path.name for path in folder.glob("[0-9]*.md")}


def test_documented_defaults_match_the_settings():
    """The numbers of the table equal those in the settings: a change needs both."""
    settings = (BASE_DIR / "config" / "settings.py").read_text(encoding="utf-8")
    read = dict(re.findall(r'env\.(?:int|float|str)\("([A-Z_]+)", "?([\w.]+)"?\)', settings))
    stated = dict(re.findall(r"^\| `([A-Z_]+)` \| `([\w.]+)` \|", CONFIGURATION, flags=re.MULTILINE))
    for name in ("STATEMENT_TIMEOUT", "LOCK_TIMEOUT", "CONN_MAX_AGE", "HSTS_SECONDS", "SWEEP_INTERVAL"):
        assert float(read[name]) == float(stated[name]), name
    for name in ("COMPANY_PHONE_REGION", "TIME_ZONE", "LOG_LEVEL"):
        assert read[name] == stated[name], name
