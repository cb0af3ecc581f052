"""The JSON that the preview of a contact file stores: written by previews.py, shown by the upload's page."""

from typing import Any, TypedDict


class FilePreviewReport(TypedDict, total=False):
    """How a file was read, and what it would do.

    `problem`: why it cannot be recorded; empty otherwise. `readings`: for an unsure encoding, (encoding, its first
    lines) to choose from. `chosen`: the reader chose the roles of the columns. `preview`: the counts of the outcomes,
    the first contacts and the first rejected lines (`Preview.as_report`).
    """

    format: str
    encoding: str
    header: list[str]
    headerless: bool
    roles: list[str]
    examples: list[list[str]]
    chosen: bool
    problem: str
    line: int
    limit: int
    unit: str
    readings: list[tuple[str, list[str]]]
    preview: Any
