"""Cells for spreadsheet programs: no text may run as a formula. Pure."""

import re

# A spreadsheet runs a cell as a formula when it begins with one of these, also behind blanks, quotes or in full width.
_BEGINS = r"""[\s"'＂＇‘’“”]*[-=+@\t\r＝＋－＠]"""
FORMULA = f"^{_BEGINS}"
# In many countries a CSV is opened with semicolons or tabs as separators: what follows one, or a line break, is then a
# cell. Quoting does not help: such a program does not see quotes in the middle of what it takes for a cell.
INNER_FORMULA = rf"([;\t\r\n])(?={_BEGINS})"
_RUNS = re.compile(FORMULA)
_RUNS_INSIDE = re.compile(INNER_FORMULA)
_INNER_GUARD = re.compile(rf"([;\t\r\n])'(?={_BEGINS})")


def escape_formula(text: str) -> str:
    """The text with an apostrophe before whatever a spreadsheet would run, else as it is. Readers drop those again."""
    inside = _RUNS_INSIDE.sub(r"\1'", text)
    return f"'{inside}" if _RUNS.match(text) else inside


def unescape_formula(text: str) -> str:
    """The text that `guarded` made this of."""
    if "'" not in text:  # nearly every cell of millions
        return text
    inside = text[1:] if text.startswith("'") and _RUNS.match(text[1:]) else text
    return _INNER_GUARD.sub(r"\1", inside)
