"""Keeps words that a new colleague has to guess out of code, documents and pages: `python -m scripts.words`.

Prints each place as `file:line: word`, and fails if there is one.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from scripts.bootstrap import ROOT

WORDS = re.compile(
    # "nobody" in quotation marks is a stable error code.
    r"\b(whoever|whomever|whosever|somebody|(?<!\")nobody(?!\")|doorbells?|the house|told|calmly?|in one breath"
    r"|handed in|look at it|one of HR)\b",
    re.IGNORECASE,
)
KINDS = {".py", ".md", ".html", ".sql"}
FOLDERS = ("apps", "config", "scripts", "docs", "templates")
# This list itself, and where `nobody` is the name of a user of the operating system.
ALLOWED = ("apps/localstack/paths.py", "docs/adr/0002-", "docs/adr/0067-", "scripts/words.py")


def places(root: Path = ROOT) -> Iterator[str]:
    """Every forbidden word below `root`, in the order of the files."""
    files = [*root.glob("*.md"), *(path for folder in FOLDERS for path in (root / folder).rglob("*"))]
    for path in sorted(path for path in files if path.suffix in KINDS):
        name = path.relative_to(root).as_posix()
        if name.startswith(ALLOWED):
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            yield from (f"{name}:{number}: {word}" for word in WORDS.findall(line))


def main() -> None:
    found = list(places())
    print(*found, sep="\n")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
