"""Turn typed or pasted text into drafts, one person a line.

A line has a phone, an e-mail or a handle, with a name before or after it. The functions are pure. An unreadable line
becomes a draft that normalise_draft() refuses, so every line has an outcome. A name is never taken for a handle.
"""

from __future__ import annotations

import re
from dataclasses import replace

from apps.contacts.drafts import BARE_WORD, Draft, kind_of
from apps.core.identity import MAX_RAW_CHARS
from apps.core.phone_spelling import has_mistyped_letter
from apps.core.text import clean_text

# Marks a line with two phones (or e-mails, or handles) that may belong to two people. No identity has this kind, so the
# line is always refused. Merging two people into one would lower an employee's count unnoticed.
SEVERAL = "several"
# Longer lines cannot describe one person; they are refused unread.
MAX_LINE_CHARS = 1_000
MIN_PHONE_DIGITS = 7  # fewer beside a name may be a year, a room, a staff number

SEPARATORS = re.compile(r"[\t;；,，、|｜]")
LABEL = re.compile(
    r"(?<![a-z])(?:(?:tel|phone|mobile|电话|手机)[.:]?\s*(?=[+(\d])|(?:mailto|e-?mail|mail|邮箱|name|姓名)\s*:\s*)",
    re.IGNORECASE,
)
EMAIL = re.compile(r"[^\s<>()\[\]\":@]+@[^\s<>()\[\]\":@]+")
# Digits with blanks, dashes, dots and brackets inside. No Latin letter of a handle may touch them; Chinese characters
# may.
PHONE = re.compile(
    r"(?<![A-Za-z0-9_@])(?<![A-Za-z0-9_][.-])[+(]{0,2}\d[\d ()./\-\u2010-\u2015\u2212]*\d(?![A-Za-z0-9_@])"
)
HANDLE = re.compile(r"(?<!\S)@[^\s@]+")
# A Chinese name and a number written as one word. With fewer digits the text may be a handle.
NAME_WITH_NUMBER = re.compile(r"[^\x00-\x7f]\+?\d{11,15}$|^\+?\d{11,15}[^\x00-\x7f]")
EMPTY_BRACKETS = re.compile(r"\(\s*\)|<\s*>|\[\s*\]")
EDGES = " <>:|/'\"-–—"


def lines_of(text: str) -> list[tuple[int, str]]:
    """Return the non-empty lines as (line number from 1, text without surrounding blanks)."""
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def drafts_from_text(text: str, name: str = "") -> list[Draft]:
    """Return one draft for each non-empty line, in order.

    `name` applies only when there is one line and it brings no name itself.
    """
    lines = lines_of(text)
    drafts = [replace(_draft(line), line=number) for number, line in lines]
    if len(drafts) == 1 and not drafts[0].name:
        drafts = [replace(drafts[0], name=name)]
    return drafts


def _draft(line: str) -> Draft:
    if len(line) > MAX_LINE_CHARS:
        return Draft("", (("handle", line[: MAX_RAW_CHARS + 1]),))
    # Clean the line as normalisation will: half-width, without invisible characters (phones paste such characters
    # along).
    plain = clean_text(line, MAX_LINE_CHARS)
    if _is_single_identity(line, plain):
        return Draft("", ((_kind(plain), line),))
    name, identities, in_cells = _read(line)
    if not identities:
        # A handle cannot contain several words, so this draft is refused and the employee can correct the line.
        return Draft("", (("handle", SEPARATORS.sub(" ", line)),))
    kinds = [kind for kind, _text in identities]
    if len(set(kinds)) < len(kinds) and not (name and in_cells):
        return Draft(name, ((SEVERAL, line),))
    return Draft(name, tuple(identities))


def _kind(plain: str) -> str:
    """Return the kind of a line that is a single identity.

    A handle must start with @; digits with one wrong letter are read as a phone.
    """
    kind = kind_of(plain)
    if kind != "handle" or plain.startswith("@"):
        return kind
    return "phone" if has_mistyped_letter(plain) else BARE_WORD


def _is_single_identity(line: str, plain: str) -> bool:
    """Return whether the line is one identity and nothing else: a number with its blanks, or one word."""
    if SEPARATORS.search(line):
        return False
    if kind_of(plain) == "phone":
        return True
    return not re.search(r"[\s<>]", plain) and not NAME_WITH_NUMBER.search(plain)


def _read(line: str) -> tuple[str, list[tuple[str, str]], bool]:
    """Return the name in a line of several parts, its identities as (kind, text), each once, and a flag.

    The flag says whether the name has cells of its own, as in a spreadsheet. Then all the identities belong to that
    person.
    """
    names: list[str] = []
    in_cells = True
    identities: dict[tuple[str, str], tuple[str, str]] = {}
    for part in SEPARATORS.split(line):
        rest, before = LABEL.sub(" ", clean_text(part, MAX_LINE_CHARS)), len(identities)
        for kind, pattern in (("email", EMAIL), ("phone", PHONE), ("handle", HANDLE)):
            for text in pattern.findall(rest):
                if kind == "phone" and sum(sign.isdecimal() for sign in text) < MIN_PHONE_DIGITS:
                    continue
                if ")" not in text:
                    text = text.lstrip("(")  # the bracket encloses the whole number, and is removed with its other half
                # Mail programs write an address without a name twice: ann@x.org <ann@x.org>
                identities.setdefault((kind, text.lower()), (kind, text.strip("'.") if kind == "email" else text))
                rest = rest.replace(text, " ", 1)
        names.append(EMPTY_BRACKETS.sub(" ", rest).strip(EDGES))
        in_cells &= not names[-1] or len(identities) == before
    return clean_text(" ".join(names)), list(identities.values()), in_cells
