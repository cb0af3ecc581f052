"""The columns of each file as docs/exports.md publishes them: the one list that pins their names, types and order."""

import re

from apps.localstack.paths import BASE_DIR


def published() -> dict[str, dict[str, str]]:
    """By file, its columns in order, each with its type."""
    files: dict[str, dict[str, str]] = {}
    for part in (BASE_DIR / "docs" / "exports.md").read_text(encoding="utf-8").split("\n## ")[1:]:
        name, _line, rest = part.partition("\n")
        files[name] = dict(re.findall(r"^- `(\w+)` (\w+)", rest, re.MULTILINE))
    return files


STANDINGS_FILE, HANDOVER_FILE = (tuple(published()[kind]) for kind in ("standings", "handover"))
