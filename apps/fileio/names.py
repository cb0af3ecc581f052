"""Names, addresses and labels as other programs write them: in parts or with decoration. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Han, kana, hangul and bopomofo: names in these scripts have the family name first and no blank.
EAST_ASIAN = re.compile(
    r"[\u1100-\u11ff\u2e80-\u2fff\u3005-\u3007\u3040-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]+"
)
BRACKETED = re.compile(r"<\s*([^<>\s@]+@[^<>\s]+)\s*>|\(\s*([^()\s@]+@[^()\s]+)\s*\)")
COMMENT = re.compile(r"\([^()@]*\)")
# A fax, pager, telex, modem, switchboard or assistant in labels of many languages: Work Fax, homeFax, _$!<WorkFAX>!$_,
# Fax (dienstlich), Faks służbowy, 商务传真.
SHARED_LINE = re.compile(
    r"fax|faks|факс|télécopie|传真|傳真|ファックス|ファクス|팩스"
    r"|pager|пейджер|bipeur|beeper|radiomessagerie|buscapersonas|localizador|cercapersone|semafoon|hakulai|operátor"
    r"|寻呼|传呼|呼叫器|呼機|ポケ(ット)?ベル|telex|teleks|телекс|テレックス|modem|\bbbs\b"
    r"|assist|asist|avustaj|помощник|секретар|助理|秘書|秘书"
    r"|company ?main|switchboard|总机|總機|代表線|centralita|standard téléphonique"
)
# Only this much of a label is checked: a cell may have a million characters, and results are cached.
MAX_LABEL_CHARS = 200
# Straight and typographic quotes, and the blanks around them.
QUOTES = "\"'“”‘’ \t\r\n"


def collapse_whitespace(text: str) -> str:
    """The text without NULs and with one blank for any run of white space."""
    return " ".join(text.replace("\0", "").split())


def is_shared_line(label: str) -> bool:
    """Whether a label marks a line that an office shares or that belongs to another person."""
    return _is_shared_line(label[:MAX_LABEL_CHARS])


@lru_cache(maxsize=1024)
def _is_shared_line(label: str) -> bool:
    return SHARED_LINE.search(unicodedata.normalize("NFKC", label).lower()) is not None


def compose_name(*, family: str, given: str, middle: str = "") -> str:
    """Join the parts of a name: 张 and 三 are 张三, John and Doe are John Doe. Empty when all parts are."""
    parts = [
        part for part in (collapse_whitespace(family), collapse_whitespace(middle), collapse_whitespace(given)) if part
    ]
    if all(EAST_ASIAN.fullmatch(part) for part in parts):
        return "".join(parts)
    return collapse_whitespace(f"{given} {middle} {family}")


def email_addresses_in(text: str) -> list[str]:
    """The addresses among names and punctuation: `"Ann" <ann@x.org>`, `Ann (ann@x.org)`, `a@x.org; b@x.org`.

    Ambiguous text is returned whole, so that the normaliser refuses it. Empty for empty text.
    """
    text = text.strip()
    # Angle brackets are unambiguous in RFC 5322; Outlook writes round ones.
    if bracketed := [in_brackets or plain for in_brackets, plain in BRACKETED.findall(text)]:
        return bracketed
    text = COMMENT.sub(" ", text).strip(QUOTES)
    if text.count("@") > 1:
        pieces = [piece.strip(QUOTES) for piece in re.split(r"[;,\s]+", text)]
        pieces = [piece for piece in pieces if piece]
        if all(piece.count("@") == 1 for piece in pieces):
            return pieces
    text = text.strip(";, ")
    return [text] if text else []
