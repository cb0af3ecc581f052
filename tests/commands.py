"""Runs Hundred's commands like an operator, in this process."""

import io
import json
from typing import Any

from django.core.management import call_command


def run(command: str, *arguments: Any) -> dict[str, Any]:
    """Run a command with --json; standard output must hold exactly one JSON object, which is returned."""
    out = io.StringIO()
    call_command(command, *map(str, arguments), "--json", stdout=out, stderr=io.StringIO())
    result: dict[str, Any] = json.loads(out.getvalue())
    return result


def say(command: str, *arguments: Any) -> tuple[str, str]:
    """Run a command without --json; its standard output and its standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command(command, *map(str, arguments), stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()
