"""Typed or pasted text as drafts, a line a person: a phone, an e-mail or a handle, with a name before or after it.

Pure. What cannot be read becomes a draft that the choke point refuses, so that every line has an outcome: nothing is
dropped without a word, and no name is ever taken for a handle.
"""

from __future__ import annotations

import re
from dataclasses import replace

from apps.contacts.drafts import WORD, Draft, kind_of
from apps.core.identity import RAW_LIMIT, clean_text, nearly_phone

# The column of a line with two phones (or e-mails, or handles) that may be two people's. No identity is of this kind,
# so it is always refused: two people taken for one would be one too few in somebody's number, and nobody would notice.
SEVERAL = "several"
# What is longer is no person's line; it is refused unread.
LINE_LIMIT = 1_000
FEWEST_DIGITS = 7  # fewer beside a name may be a year, a room, a staff number

SEPARATORS = re.compile(r"[\t;；,，、|｜]")
LABEL = re.compile(
    r"(?<![a-z])(?:(?:tel|phone|mobile|电话|手机)[.:]?\s*(?=[+(\d])|(?:mailto|e-?mail|mail|邮箱|name|姓名)\s*:\s*)",
    re.IGNORECASE,
)
EMAIL = re.compile(r"[^\s<>()\[\]\":@]+@[^\s<>()\[\]\":@]+")
# Digits with blanks, dashes, dots and brackets inside. Letters of a handle may not touch it; Chinese ones may.
PHONE = re.compile(
    r"(?<![A-Za-z0-9_@])(?<![A-Za-z0-9_][.-])[+(]{0,2}\d[\d ()./\-\u2010-\u2015\u2212]*\d(?![A-Za-z0-9_@])"
)
HANDLE = re.compile(r"(?<!\S)@[^\s@]+")
# A Chinese name and a number written as one word. Fewer digits may end a handle.
GLUED = re.compile(r"[^\x00-\x7f]\+?\d{11,15}$|^\+?\d{11,15}[^\x00-\x7f]")
EMPTY_BRACKETS = re.compile(r"\(\s*\)|<\s*>|\[\s*\]")
EDGES = " <>:|/'\"-–—"


def lines_of(text: str) -> list[tuple[int, str]]:
    """The lines that say something, as (line number from 1, text without blanks around it)."""
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def drafts_from_text(text: str, name: str = "") -> list[Draft]:
    """One draft for each line that says something, in order. `name` is for a single line that brings none itself."""
    lines = lines_of(text)
    drafts = [replace(_draft(line), line=number) for number, line in lines]
    if len(drafts) == 1 and not drafts[0].name:
        drafts = [replace(drafts[0], name=name)]
    return drafts


def _draft(line: str) -> Draft:
    if len(line) > LINE_LIMIT:
        return Draft("", (("handle", line[: RAW_LIMIT + 1]),))
    # As the choke point will read it: narrow, without what cannot be seen (a phone's own list pastes such signs along).
    plain = clean_text(line, LINE_LIMIT)
    if _is_alone(line, plain):
        return Draft("", ((_kind(plain), line),))
    name, found, in_cells = _read(line)
    if not found:
        # Tried as a handle, which several words can never be: refused, and the line stays to be corrected.
        return Draft("", (("handle", SEPARATORS.sub(" ", line)),))
    kinds = [kind for kind, _text in found]
    if len(set(kinds)) < len(kinds) and not (name and in_cells):
        return Draft(name, ((SEVERAL, line),))
    return Draft(name, tuple(found))


def _kind(plain: str) -> str:
    """The kind of a line that is one identity: a handle says so by its @; digits with a wrong letter are a phone."""
    kind = kind_of(plain)
    if kind != "handle" or plain.startswith("@"):
        return kind
    return "phone" if nearly_phone(plain) else WORD


def _is_alone(line: str, plain: str) -> bool:
    """Whether a line is one identity and nothing else: a number with its blanks, or one word."""
    if SEPARATORS.search(line):
        return False
    if kind_of(plain) == "phone":
        return True
    return not re.search(r"[\s<>]", plain) and not GLUED.search(plain)


def _read(line: str) -> tuple[str, list[tuple[str, str]], bool]:
    """The name in a line of several parts, and its identities as (kind, text), each once.

    And whether the name stands in parts of its own, as in a spreadsheet: then all the identities are that person's.
    """
    names: list[str] = []
    in_cells = True
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for part in SEPARATORS.split(line):
        rest, before = LABEL.sub(" ", clean_text(part, LINE_LIMIT)), len(found)
        for kind, pattern in (("email", EMAIL), ("phone", PHONE), ("handle", HANDLE)):
            for text in pattern.findall(rest):
                if kind == "phone" and sum(sign.isdecimal() for sign in text) < FEWEST_DIGITS:
                    continue
                if ")" not in text:
                    text = text.lstrip("(")  # the bracket stands around the whole number, and goes with its other half
                # Mail programs write an address that has no name twice: ann@x.org <ann@x.org>
                found.setdefault((kind, text.lower()), (kind, text.strip("'.") if kind == "email" else text))
                rest = rest.replace(text, " ", 1)
        names.append(EMPTY_BRACKETS.sub(" ", rest).strip(EDGES))
        in_cells &= not names[-1] or len(found) == before
    return clean_text(" ".join(names)), list(found.values()), in_cells
