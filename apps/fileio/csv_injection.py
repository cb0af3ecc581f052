"""Escape cells for spreadsheet programs, so that no text runs as a formula, and undo it. Pure."""

import re

# A spreadsheet runs a cell as a formula when it begins with one of these, also behind blanks, quotes or in full width.
_BEGINS = r"""[\s"'＂＇‘’“”]*[-=+@\t\r＝＋－＠]"""
FORMULA = f"^{_BEGINS}"
# In many countries a CSV is opened with semicolons or tabs as separators: what follows one, or a line break, is then a
# cell. Quoting does not help: such a program does not see quotes in the middle of what it takes for a cell.
# Only for PostgreSQL, whose texts are short: it takes quadratic time, because every separator of a run of blanks looks
# ahead over the same run. Python reads each such run once (_escape_run, _unescape_run).
INNER_FORMULA = rf"([;\t\r\n])(?={_BEGINS})"
_RUNS = re.compile(FORMULA)
_SEPARATORS, _SIGNS = frozenset(";\t\r\n"), frozenset("-=+@＝＋－＠")
# A separator, and all separators, blanks and quotes behind it: the character behind the run decides about all of them.
_RUNS_INSIDE = re.compile(r"""[;\t\r\n][;\s"'＂＇‘’“”]*""")


def escape_formula(text: str) -> str:
    """The text with an apostrophe before every formula that a spreadsheet would run. `unescape_formula` removes them.

    Takes time in proportion to the length of the text.
    """
    inside = _RUNS_INSIDE.sub(_escape_run, text)
    return f"'{inside}" if _RUNS.match(text) else inside


def unescape_formula(text: str) -> str:
    """The text from which `escape_formula` made this one. Takes time in proportion to the length of the text."""
    # Nearly every cell of millions.
    if "'" not in text:
        return text
    inside = text[1:] if text.startswith("'") and _RUNS.match(text[1:]) else text
    return _RUNS_INSIDE.sub(_unescape_run, inside)


def _escape_run(run: re.Match[str]) -> str:
    """The run with an apostrophe behind every separator that a formula follows."""
    # From the end to the beginning: the character behind decides, so each is read once.
    escaped: list[str] = []
    formula = _sign_behind(run)
    for character in reversed(run[0]):
        if formula and character in _SEPARATORS:
            escaped.append("'")
        escaped.append(character)
        formula = character in "\t\r" or (formula and character != ";")
    return "".join(reversed(escaped))


def _unescape_run(run: re.Match[str]) -> str:
    """The run without the apostrophes of `_escape_run`."""
    unescaped: list[str] = []
    # Whether a formula begins at the character behind this one, and at the one behind that.
    formula, formula_behind = _sign_behind(run), False
    for character in reversed(run[0]):
        if formula_behind and character in _SEPARATORS and unescaped and unescaped[-1] == "'":
            unescaped.pop()
        unescaped.append(character)
        formula, formula_behind = character in "\t\r" or (formula and character != ";"), formula
    return "".join(reversed(unescaped))


def _sign_behind(run: re.Match[str]) -> bool:
    return run.end() < len(run.string) and run.string[run.end()] in _SIGNS
