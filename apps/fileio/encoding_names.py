"""The encodings that are read, and their names in other programs."""

from __future__ import annotations

import codecs

from apps.fileio.errors import UnreadableFile

# The user's choices, most used first.
ENCODINGS = (
    "utf-8", "utf-16-le", "utf-16-be", "gb18030", "big5", "cp950", "cp932", "cp949", "cp1252", "cp1251", "cp1250",
    "iso8859-2", "cp1254", "cp1257",
)  # fmt: skip
LEGACY = ENCODINGS[3:]
SINGLE_BYTE = frozenset(ENCODINGS[8:])
# Names of encodings in other programs, and the supersets that contain what they mean.
SUPERSETS = {
    "shift_jis": "cp932", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949", "iso8859-1": "cp1252",
    "iso8859-9": "cp1254", "ascii": "utf-8",
}  # fmt: skip
# Encodings that change plain ASCII do not occur in files, and some of them run code or emit warnings.
UNSAFE = frozenset({"unicode_escape", "raw_unicode_escape", "idna", "punycode", "charmap"})
# Every superset of ASCII decodes it unchanged. UTF-7 reads the + and -, the escapes the backslash, and HZ the ~{ as
# something else.
PROBE = b"A+AGE-\\x41\\u0041 xn--~{"


def codec_of(name: str) -> str:
    """The codec for an encoding name of other programs (windows-1250, latin2, GBK), "" for one that is not text."""
    try:
        codec = codecs.lookup(name.strip().lower().removeprefix("x-")).name
        codec = SUPERSETS.get(codec, codec)
        # No supersets of ASCII, but read after all: the probe would refuse them.
        if codec.startswith(("utf-16", "utf-32")):
            return codec
        safe = codec.replace("-", "_") not in UNSAFE and PROBE.decode(codec) == PROBE.decode()
        return codec if safe else ""
    except (LookupError, ValueError):
        return ""


def named_encoding(name: str) -> str:
    """The codec of an encoding that the user named. Raises UnreadableFile."""
    if not (codec := codec_of(name)):
        raise UnreadableFile(f"{name} is not a supported encoding: use one of {', '.join(ENCODINGS)}")
    return codec
