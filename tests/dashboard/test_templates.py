"""Templates lie in the folder of their subject: every name leads to a file, and every file is in use."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from apps.localstack.paths import BASE_DIR

TEMPLATES = BASE_DIR / "templates"
VIEWS = BASE_DIR / "apps" / "dashboard" / "views"
SHARED = "components"
IN_TEMPLATE = re.compile(r"""\{%\s*(?:include|extends)\s+(\S+)""")
NAME = re.compile(r"[\w/]+\.html")
# `views/errors.py` builds these names from the status; Django looks for them too.
STATUS_PAGES = {f"{status}.html" for status in (400, 403, 404, 413, 429, 500, 503)}


def template_files() -> dict[str, Path]:
    """Every template by the name that code calls it."""
    return {path.relative_to(TEMPLATES).as_posix(): path for path in sorted(TEMPLATES.rglob("*.html"))}


def included(path: Path) -> list[str]:
    """The names in a template's `include` and `extends` tags, as written."""
    return IN_TEMPLATE.findall(path.read_text(encoding="utf-8"))


@cache
def named_in_code() -> frozenset[tuple[str, Path]]:
    """Each whole string of the applications that reads as a template's name, with its file."""
    names = set[tuple[str, Path]]()
    for path in (BASE_DIR / "apps").rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        pieces = {id(piece) for node in nodes if isinstance(node, ast.JoinedStr) for piece in node.values}
        values = {str(node.value) for node in nodes if isinstance(node, ast.Constant) and id(node) not in pieces}
        names |= {(value, path) for value in values if NAME.fullmatch(value)}
    return frozenset(names)


def test_every_template_that_is_named_exists() -> None:
    """A wrong name in a rare branch otherwise answers its first reader with an error."""
    files = template_files()
    in_templates = {(name.strip("\"'"), path) for path in files.values() for name in included(path)}
    names = {*in_templates, *named_in_code(), *((page, VIEWS / "errors.py") for page in STATUS_PAGES)}
    assert len(names) > len(files)
    assert sorted(f"{path.relative_to(BASE_DIR)}: {name}" for name, path in names if name not in files) == []


def test_every_template_file_is_in_use() -> None:
    """Starting from the names in the code, includes lead to every file, so none is maintained in vain."""
    files = template_files()
    to_visit = {name for name, _path in named_in_code()} | STATUS_PAGES
    reached = set[str]()
    while to_visit:
        reached |= to_visit
        included_next = {part.strip("\"'") for name in to_visit & files.keys() for part in included(files[name])}
        to_visit = included_next - reached
    assert sorted(files.keys() - reached) == []


def test_templates_name_others_literally() -> None:
    """A name in a variable hides from the two tests above."""
    names = [(page, name) for page, path in template_files().items() for name in included(path)]
    assert [(page, name) for page, name in names if name[0] not in "\"'"] == []


@pytest.mark.parametrize("subject", sorted(path.name for path in VIEWS.iterdir() if (path / "__init__.py").exists()))
def test_views_of_a_subject_render_its_own_pages(subject: str) -> None:
    """`views/team/` renders `templates/team/`, what is shared lies in `components/` or in no folder."""
    pages = {name for name, path in named_in_code() if path.parent == VIEWS / subject}
    assert pages
    assert {name.rpartition("/")[0] for name in pages} <= {subject, SHARED, ""}


def test_a_partial_of_a_subject_is_included_there_only() -> None:
    """What a second subject includes moves to `components/`, where a change is seen to concern both."""
    borrowed = [
        (page, name)
        for page, path in template_files().items()
        for name in (part.strip("\"'") for part in included(path))
        if name.rpartition("/")[0] not in {page.rpartition("/")[0], SHARED, ""}
    ]
    assert borrowed == []
