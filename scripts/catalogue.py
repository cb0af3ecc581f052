"""The Chinese catalogue: `python -m scripts.catalogue` adds every string of the code and compiles the catalogue.

Needs no gettext programs. Strings are found in the syntax tree of the Python files, and in the output of Django's own
reader for the templates. Unused strings leave the catalogue; new ones are added untranslated, which a test refuses. The
compiled file is stored beside it, so that Hundred runs without a build.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polib
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
COMPILED = CATALOGUE.with_suffix(".mo")
# The positions of context, text and plural in the arguments of each call.
CALLS = {"_": (None, 0, None), "gettext": (None, 0, None), "ngettext": (None, 0, 1)}
CALLS |= {"pgettext": (0, 1, None), "npgettext": (0, 1, 2)}
CALLS |= {f"{name}_{kind}": places for name, places in CALLS.items() for kind in ("lazy", "noop") if name != "_"}
# The last branch is a text as an argument of a tag: `{% include ... with label=_("Name") %}`.
IN_TEMPLATE = re.compile(r"(?:\b(?:n|p|np)?gettext|(?<!\S)_)\(u?['\"].*?\)(?=\s|$)")
# A text as an argument of a filter: Django's reader misses it after a variable.
IN_FILTER = re.compile(r"""\{\{[^}]*?:(_\((?:"[^"]*"|'[^']*')\))""")
FILES = ("apps/**/*.py", "config/**/*.py", "templates/**/*.html", "templates/**/*.txt")
HEADER = {
    "Project-Id-Version": "Hundred",
    "Language": "zh_Hans",
    "MIME-Version": "1.0",
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Transfer-Encoding": "8bit",
    "Plural-Forms": "nplurals=1; plural=0;",
}


@dataclass(frozen=True, order=True)
class Message:
    """One text of the code; `plural` and `context` are empty where it has none."""

    text: str
    plural: str = ""
    context: str = ""


def messages() -> dict[Message, list[str]]:
    """Every message of the code with the files that contain it."""
    files_by_message: dict[Message, set[str]] = {}
    for path in sorted(path for pattern in FILES for path in ROOT.glob(pattern)):
        for message in in_python(path.read_text("utf-8")) if path.suffix == ".py" else in_template(path):
            files_by_message.setdefault(message, set()).add(path.relative_to(ROOT).as_posix())
    return {message: sorted(files) for message, files in sorted(files_by_message.items())}


def in_python(source: str) -> Iterator[Message]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in CALLS and (message := _message_of(node, *CALLS[name])):
                yield message


def _message_of(call: ast.Call, context: int | None, text: int, plural: int | None) -> Message | None:
    def argument(place: int | None) -> str:
        value = call.args[place] if place is not None and place < len(call.args) else None
        return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""

    return Message(argument(text), argument(plural), argument(context)) if argument(text) else None


def in_template(path: Path) -> Iterator[Message]:
    source = path.read_text("utf-8")
    for call in [*IN_TEMPLATE.findall(templatize(source, origin=str(path))), *IN_FILTER.findall(source)]:
        yield from in_python(call)


def key(entry: polib.POEntry) -> Message:
    return Message(entry.msgid, entry.msgid_plural or "", entry.msgctxt or "")


def update() -> list[Message]:
    """Bring the catalogue up to the code and compile it; returns the untranslated messages."""
    old = {key(entry): entry for entry in polib.pofile(str(CATALOGUE))} if CATALOGUE.exists() else {}
    catalogue = polib.POFile(wrapwidth=110)
    catalogue.metadata = HEADER
    for message, files in messages().items():
        entry = polib.POEntry(msgid=message.text, occurrences=[(name, "") for name in files])
        if message.context:
            entry.msgctxt = message.context
        earlier = old.get(message)
        if message.plural:
            entry.msgid_plural = message.plural
            entry.msgstr_plural = {0: earlier.msgstr_plural.get(0, "") if earlier else ""}
        else:
            entry.msgstr = earlier.msgstr if earlier else ""
        catalogue.append(entry)
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    catalogue.save(str(CATALOGUE))
    catalogue.save_as_mofile(str(COMPILED))
    return [key(entry) for entry in catalogue.untranslated_entries()]


def main() -> None:
    if not settings.configured:
        settings.configure(USE_I18N=True)
    missing = update()
    for message in missing:
        print(f"untranslated: {message.text}", file=sys.stderr)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
