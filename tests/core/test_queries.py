"""The statements in apps/*/queries: each has its own name and its own place in the code."""

import re
from collections import Counter

from apps.core.sql import APPS, SECTION, statement

CALL = re.compile(r'\bstatement\(\s*"(\w+)",\s*"(\w+)",\s*"(\w+)",?\s*\)')
PARTIAL = re.compile(r'^(\w+) = partial\(statement, "(\w+)", "(\w+)"\)$', re.MULTILINE)


def statements_of(code: str) -> set[tuple[str, str, str]]:
    """(app, file, name) of each statement that a module reads."""
    names = {(app, file, name) for app, file, name in CALL.findall(code)}
    for function, app, file in PARTIAL.findall(code):
        names |= {(app, file, name) for name in re.findall(rf'\b{function}\("(\w+)"\)', code)}
    return names


def test_one_module_uses_each_statement() -> None:
    """A statement that two modules use has two owners; one that none uses is dead."""
    uses = Counter(use for path in APPS.rglob("*.py") for use in statements_of(path.read_text(encoding="utf-8")))
    sections = Counter(
        (path.parent.parent.name, path.stem, name)
        for path in APPS.glob("*/queries/*.sql")
        for name in SECTION.findall(path.read_text(encoding="utf-8"))
    )
    assert set(sections.values()) == {1}
    assert uses == sections


def test_a_statement_ends_before_its_semicolon() -> None:
    """Callers put statements into others: a semicolon would end these too."""
    for path in APPS.glob("*/queries/*.sql"):
        for name in SECTION.findall(path.read_text(encoding="utf-8")):
            assert not statement(path.parent.parent.name, path.stem, name).endswith(";")
