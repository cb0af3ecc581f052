"""Cells for spreadsheet programs: no text may run as a formula. Pure."""

import re

# A spreadsheet runs a cell as a formula when it begins with one of these, also behind blanks, quotes or in full width.
FORMULA = r"""^[\s"'＂＇‘’“”]*[-=+@\t\r＝＋－＠]"""
_RUNS = re.compile(FORMULA)


def guarded(text: str) -> str:
    """The text behind an apostrophe when a spreadsheet would run it, else as it is. Readers drop that apostrophe."""
    return f"'{text}" if _RUNS.match(text) else text


def unguarded(text: str) -> str:
    """The text that `guarded` made this of."""
    return text[1:] if text.startswith("'") and _RUNS.match(text[1:]) else text
