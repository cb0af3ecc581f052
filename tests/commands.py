"""Running the house's commands as an operator does, in this process."""

import io
import json
from typing import Any

from django.core.management import call_command


def run(command: str, *arguments: Any) -> dict[str, Any]:
    """Run a command with --json; standard output must hold exactly one JSON object, which is returned."""
    out = io.StringIO()
    call_command(command, *map(str, arguments), "--json", stdout=out, stderr=io.StringIO())
    told: dict[str, Any] = json.loads(out.getvalue())
    return told


def say(command: str, *arguments: Any) -> tuple[str, str]:
    """Run a command without --json; what it wrote on standard output and on standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command(command, *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()
