"""Without this check the sentences of the code become a private language again, which a new colleague cannot read."""

from pathlib import Path

from scripts import words


def test_a_forbidden_word_is_named_with_its_place(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "page.md"
    page.parent.mkdir()
    page.write_text("# A page\n\nThe report is handed in, and Nobody reads it.\n", encoding="utf-8")
    assert list(words.places(tmp_path)) == ["docs/page.md:3: handed in", "docs/page.md:3: Nobody"]


def test_what_is_allowed_has_a_word_and_exists() -> None:
    """A file that was cleaned leaves the list, or it could fill again."""
    for name in words.ALLOWED:
        folder = (words.ROOT / name).parent if not name.endswith("/") else words.ROOT / name
        files = [file for file in folder.rglob("*") if file.suffix in words.KINDS]
        files = [file for file in files if file.relative_to(words.ROOT).as_posix().startswith(name)]
        text = "\n".join(file.read_text(encoding="utf-8") for file in files)
        assert words.WORDS.search(text), f"{name} is clean: take it off the list"
