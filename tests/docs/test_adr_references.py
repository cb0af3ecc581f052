"""References to ADRs lead to an existing page: a reader of "ADR 64" in the code finds its reasons."""

import re

import pytest

from apps.localstack.paths import BASE_DIR

ADR = BASE_DIR / "docs" / "adr"
FOLDERS = ("apps", "config", "docs", "scripts", "templates", "tests")
KINDS = {".css", ".html", ".js", ".md", ".py", ".sql"}
NUMBERS = {int(path.name[:4]) for path in ADR.glob("[0-9]*.md")}
# "ADR 52, 65" names two pages.
REFERENCE = re.compile(r"\bADR (\d+(?:, \d+)*)")


def references() -> dict[str, set[int]]:
    files = [*BASE_DIR.glob("*.md"), *(path for folder in FOLDERS for path in (BASE_DIR / folder).rglob("*"))]
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.suffix in KINDS}
    return {
        path.relative_to(BASE_DIR).as_posix(): {int(number) for number in re.findall(r"\d+", " ".join(listed))}
        for path, text in texts.items()
        if (listed := REFERENCE.findall(text))
    }


def test_every_adr_that_code_and_documents_name_exists():
    named = references()
    assert len(named) > 50
    assert {file: missing for file, numbers in named.items() if (missing := numbers - NUMBERS)} == {}


@pytest.mark.parametrize("page", sorted(ADR.glob("[0-9]*.md")), ids=lambda page: page.name[:4])
def test_an_adr_has_its_number_and_links_that_lead_to_files(page):
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {int(page.name[:4])}. ")
    for label, target in re.findall(r"\[([^\]]+)\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target
        if number := re.fullmatch(r"ADR (\d+)", label):
            assert target.startswith(f"{int(number[1]):04}-"), label
