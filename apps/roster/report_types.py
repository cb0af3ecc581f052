"""The JSON that a roster import stores about its file: written by import_preview.py, shown by HR's page."""

from typing import Any, TypedDict


class RosterProblem(TypedDict, total=False):
    """Why a whole file is refused: `about` names the people, the other keys say where."""

    code: str
    about: str
    columns: list[str]
    lines: list[int]
    line: int
    limit: int
    unit: str


class RosterLayout(TypedDict, total=False):
    """How the file is read. `readings`: for an unsure encoding, (encoding, its first lines) to choose from.

    `header_line`: the line of the headings; `head`: the first lines, as (line, its text), to choose it from.
    """

    format: str
    encoding: str
    header: list[str]
    header_line: int
    head: list[tuple[int, str]]
    roles: list[str]
    examples: list[list[str]]
    readings: list[tuple[str, list[str]]]
    without_unknown_managers: bool
    clear_empty: bool


class RosterReport(TypedDict, total=False):
    """What the file does or did. `kinds`: how many rows by kind of difference; `shown`: the first rows of each.

    `cleared`: how many values of each field become empty. `employed`: the number of employees before the load.
    """

    problem: RosterProblem
    kinds: dict[str, int]
    shown: dict[str, list[dict[str, Any]]]
    created: int
    updated: int
    unchanged: int
    duplicate: int
    rejected: int
    left: int
    without_manager: int
    cleared: dict[str, int]
    employed: int
    roster_changed: bool
